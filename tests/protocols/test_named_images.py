"""Data sets whose images are labelled by their names: RoundaboutHD and CARLA-ReID."""

import numpy as np
import pytest

from harness.data.images import UNKNOWN
from harness.errors import DataError
from harness.tasks.counts import counts, differences
from harness.tasks.fingerprint import fingerprint
from protocols import named_images
from protocols.carla_reid import CarlaReid
from protocols.roundabouthd import RoundaboutHd
from tests.protocols.trees import CARLA, ROUNDABOUT, write_named


def test_roundabouthd_asks_with_the_middle_image_of_each_vehicle_and_camera(tmp_path):
    dataset = RoundaboutHd().load(write_named(tmp_path, *ROUNDABOUT))

    assert dataset.splits["query"].paths == (
        "test/7_cam01_000009.jpg",
        "test/7_cam02_000060.jpg",
        "test/8_cam03_000001.jpg",
    )
    assert dataset.splits["gallery"].time.tolist() == [5, 9, 30, 50, 60, 1]
    assert dataset.splits["train"].vehicle.tolist() == [1, 1]
    assert counts(RoundaboutHd.tasks[0], dataset)["positives"] == 2 + 3
    assert differences(RoundaboutHd.tasks[0], dataset) == ("the task has no released counts to compare with",)


def test_another_query_list_is_another_fingerprint(tmp_path):
    one = RoundaboutHd().load(write_named(tmp_path / "one", *ROUNDABOUT))
    other = RoundaboutHd().load(write_named(tmp_path / "other", *ROUNDABOUT, "test/7_cam01_000040.jpg"))
    (task,) = RoundaboutHd.tasks

    assert fingerprint(RoundaboutHd, task, one) != fingerprint(RoundaboutHd, task, other)


@pytest.mark.parametrize("below", ["RoundaboutHD_Reid_subset", "RoundaboutHD/RoundaboutHD_Reid_subset"])
def test_roundabouthd_is_found_in_the_folders_of_its_archive(tmp_path, below):
    write_named(tmp_path / below, *ROUNDABOUT)

    assert RoundaboutHd().load(tmp_path).root == tmp_path / below


def test_carla_s_names_have_the_camera_before_the_vehicle(tmp_path):
    dataset = CarlaReid().load(write_named(tmp_path / "VeRi_CARLA", *CARLA).parent)

    assert dataset.splits["train"].camera.tolist() == [24]
    assert dataset.splits["train"].vehicle.tolist() == [9]
    assert dataset.splits["gallery"].vehicle.tolist() == [6, 5, 5]
    assert dataset.splits["train"].time.tolist() == [int(np.datetime64("2022-07-11T21:26:17", "s").astype(int))]
    assert dataset.splits["gallery"].time[0] == UNKNOWN
    assert counts(CarlaReid.tasks[0], dataset)["positives"] == 1
    assert "5 images, where the release's description says 55196" in dataset.notes


@pytest.mark.parametrize(("protocol", "tree"), [(RoundaboutHd, ROUNDABOUT), (CarlaReid, CARLA)])
def test_without_training_images_evaluation_is_possible(tmp_path, protocol, tree):
    dataset = protocol().load(write_named(tmp_path, *[name for name in tree if "train" not in name]))

    assert "train" not in dataset.splits
    assert "nothing can be trained on this copy" in dataset.notes[0]


@pytest.mark.parametrize(
    ("protocol", "tree", "name"),
    [(RoundaboutHd, ROUNDABOUT, "test/7_c01_1.jpg"), (CarlaReid, CARLA, "image_gallery/0001_c001_00016450_0.jpg")],
)
def test_a_name_of_another_form_is_named(tmp_path, protocol, tree, name):
    with pytest.raises(DataError, match=rf"1 images have names of another form[^$]*{name.rpartition('/')[2]}"):
        protocol().load(write_named(tmp_path, *tree, name))


@pytest.mark.parametrize("protocol", [RoundaboutHd, CarlaReid])
def test_another_folder_says_what_is_expected(tmp_path, protocol):
    with pytest.raises(DataError, match="the data set's images are not here"):
        protocol().load(tmp_path)


def test_hidden_and_other_files_are_left_out_and_an_empty_folder_is_refused(tmp_path):
    write_named(tmp_path, "images/a.jpg", "images/.hidden.jpg", "images/Thumbs.db")
    (tmp_path / "empty").mkdir()

    assert named_images.images_in(tmp_path, "images") == ["a.jpg"]
    with pytest.raises(DataError, match="a folder of images is empty"):
        named_images.images_in(tmp_path, "empty")
    with pytest.raises(DataError, match="a folder of images is missing"):
        named_images.images_in(tmp_path, "images/a.jpg")


def test_a_folder_of_too_many_files_is_refused_before_they_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(named_images, "MOST", 2)
    with pytest.raises(DataError, match="a folder holds too many files"):
        named_images.images_in(write_named(tmp_path, "a/1.jpg", "a/2.jpg", "a/3.jpg"), "a")


@pytest.mark.parametrize(
    ("protocol", "tree", "shared"),
    [(RoundaboutHd, ROUNDABOUT, "train/7_cam01_000001.jpg"), (CarlaReid, CARLA, "image_train/1_1_5.jpg")],
)
def test_a_vehicle_in_training_and_test_is_refused(tmp_path, protocol, tree, shared):
    with pytest.raises(DataError, match="1 vehicles are in the training and in the test lists"):
        protocol().load(write_named(tmp_path, *tree, shared))
