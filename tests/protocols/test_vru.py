import pytest

from harness.errors import DataError
from harness.tasks.counts import counts, differences
from protocols.vru import Vru
from tests.protocols.trees import SPLIT, write_vehicleid, write_vru


def test_the_lists_need_neither_padding_nor_grouping_by_vehicle(tmp_path):
    dataset = Vru().load(write_vru(tmp_path, end="\r\n"))

    assert dataset.splits["train"].paths == ("Pic/7.jpg", "Pic/8.jpg", "Pic/9.jpg")
    assert dataset.splits["train"].vehicle.tolist() == [2, 1, 2]
    assert [task.name for task in Vru.tasks] == ["small", "medium", "large"]
    assert counts(Vru.tasks[2], dataset)["gallery images"] == 2


def test_official_is_decided_by_vehicles_alone_since_nobody_counted_the_images(tmp_path):
    dataset = Vru().load(write_vru(tmp_path))

    assert differences(Vru.tasks[0], dataset) == (
        "gallery images: 2 instead of 1200",
        "gallery units: 2 instead of 1200",
        "vehicles: 2 instead of 1200",
    )


def test_the_lists_of_vehicleid_are_not_taken_for_those_of_vru(tmp_path):
    write_vehicleid(tmp_path)
    (tmp_path / SPLIT / "train_list.txt").unlink()
    with pytest.raises(DataError, match="lists are not here"):
        Vru().load(tmp_path)
