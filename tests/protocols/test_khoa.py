import pytest

from harness.errors import DataError
from harness.tasks.counts import counts, differences
from protocols.khoa import Khoa
from tests.protocols.trees import write_khoa

TEST, VALIDATION = Khoa.tasks


def test_camera_1_asks_camera_2_for_the_same_folder_type_and_number(tmp_path):
    dataset = Khoa().load(write_khoa(tmp_path))

    assert dataset.splits["query"].paths == ("images/test/motorcycle_0002_cam1.jpg", "images/test/car_0002_cam1.jpg")
    assert dataset.splits["gallery"].paths == ("images/test/car_0002_cam2.jpg", "images/test/motorcycle_0002_cam2.jpg")
    assert dataset.splits["validation-query"].paths == ("images/train/truck_0003_cam1.jpg",)
    assert counts(TEST, dataset)["positives"] == 2
    assert counts(VALIDATION, dataset)["positives"] == 1
    assert "queries: 2 instead of 60" in differences(TEST, dataset)


def test_numbers_that_begin_again_in_each_folder_and_type_are_other_vehicles(tmp_path):
    lists = {"train": ["car_0002_cam1.jpg", "car_0002_cam2.jpg"], "val": ["truck_0002_cam1.jpg", "truck_0002_cam2.jpg"]}
    dataset = Khoa().load(write_khoa(tmp_path, **lists))
    names = {table.names["vehicle"][int(number)] for table in dataset.splits.values() for number in table.vehicle}

    assert names == {"train/car_0002", "train/truck_0002", "test/car_0002", "test/motorcycle_0002"}
    assert len({int(number) for table in dataset.splits.values() for number in table.vehicle}) == 4
    assert dataset.splits["query"].names["type"][int(dataset.splits["query"].type[0])] == "motorcycle"


def test_the_number_without_a_leading_zero_that_the_release_has_is_read(tmp_path):
    dataset = Khoa().load(write_khoa(tmp_path, train=["motorcycle_153_cam1.jpg", "motorcycle_153_cam2.jpg"]))

    assert set(dataset.splits["train"].names["vehicle"].values()) == {"train/motorcycle_153"}


def test_without_a_list_its_task_is_lost_and_the_others_remain(tmp_path):
    write_khoa(tmp_path)
    (tmp_path / "val.txt").unlink()
    dataset = Khoa().load(tmp_path)

    assert "the list of 'validation' is missing" in str(dataset.unavailable["validation"])
    assert "test" not in dataset.unavailable


@pytest.mark.parametrize(
    "line", ["car_00001_cam1.jpg", "plane_0001_cam1.jpg", "car_0001_cam3.jpg", "../car_0001_cam1.jpg"]
)
def test_a_name_of_another_form_is_refused_with_its_line(tmp_path, line):
    with pytest.raises(DataError, match=r"1 line of the lists cannot be used[^$]*test.txt:1: "):
        Khoa().load(write_khoa(tmp_path, test=[line]))


def test_a_name_that_is_listed_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"'car_0002_cam1\.jpg' is already in line 1"):
        Khoa().load(write_khoa(tmp_path, test=["car_0002_cam1.jpg", "car_0002_cam1.jpg"]))
