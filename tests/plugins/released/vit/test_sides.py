"""What the numbers of cameras and views stand for, and which are refused."""

import logging

import numpy as np
import pytest
import torch

from harness.errors import DataError
from plugins.released.vit.sides import Sides, ViewList

LINES = "VeRi/image_test/a.jpg -1 20 108 3\nVeRi/image_train/b.jpg 0\nimage_test/a.jpg 5\nc.jpg -1\n\n"


def test_a_row_stands_for_a_camera_and_a_view_counted_from_the_first():
    table = torch.arange(6.0).reshape(6, 1, 1)

    found = Sides(3, 2).embedding(table, torch.tensor([1, 1, 2, 3]), torch.tensor([0, 1, 0, 1]))

    assert found.shape == (4, 1, 1)
    assert found.flatten().tolist() == [0, 1, 2, 5]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"camera": [1, 4]}, "the weights know no camera 4"),
        ({"camera": [0, 1]}, "the weights know no camera 0"),
        ({"camera": [1, -1]}, "an image has no camera"),
        ({"camera": [281474976710655]}, "the weights know no camera 281474976710655"),
        ({"camera": [1], "view": [2]}, "the weights know no view 2"),
    ],
)
def test_a_number_without_a_row_is_refused(labels, said):
    with pytest.raises(DataError) as raised:
        Sides(3, 2).check({word: np.array(numbers) for word, numbers in labels.items()})
    assert said in str(raised.value)
    assert "--set sie=none" in str(raised.value)


def test_known_cameras_and_unknown_views_are_accepted():
    Sides(3, 2).check({"camera": np.array([1, 2, 3]), "view": np.array([-1, 0, 1])})


def test_views_are_read_by_file_name_and_the_last_line_counts(tmp_path):
    (tmp_path / "views.txt").write_text(LINES)

    views = ViewList(tmp_path / "views.txt")

    assert views.of(["image_query/a.jpg", "b.jpg", "c.jpg", "d.jpg"]).tolist() == [5, 0, -1, -1]


def test_images_without_a_view_are_counted_in_the_log(tmp_path, caplog):
    (tmp_path / "views.txt").write_text(LINES)

    with caplog.at_level(logging.INFO, "bench"):
        ViewList(tmp_path / "views.txt").checked(["a.jpg", "d.jpg"])

    assert "1 of 2 images have no view" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.jpg\n", "views.txt:1: 'a.jpg' is not an image followed by its view"),
        ("a.jpg 1\nb.jpg left\n", "views.txt:2"),
        ("a.jpg -2\n", "views.txt:1"),
        ("a.jpg 99999999999\n", "views.txt:1"),
    ],
)
def test_a_line_that_is_no_view_is_refused(tmp_path, text, said):
    (tmp_path / "views.txt").write_text(text)

    with pytest.raises(DataError) as raised:
        ViewList(tmp_path / "views.txt")
    assert said in str(raised.value)


def test_a_list_of_other_images_is_refused(tmp_path):
    (tmp_path / "views.txt").write_text(LINES)

    with pytest.raises(DataError, match="names none of the images"):
        ViewList(tmp_path / "views.txt").checked(["image_query/0002_c002_00030600_0.jpg"])


def test_a_missing_list_is_told(tmp_path):
    with pytest.raises(DataError):
        ViewList(tmp_path / "views.txt")
