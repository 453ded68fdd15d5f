"""Several data sets are one to train on: nothing of one is taken for anything of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.data.dataset import Dataset
from harness.data.images import NOBODY, UNKNOWN, ImageTable
from harness.errors import DataError
from harness.training.joining import join
from tests.tiny import write_jpeg


def dataset(root: Path, vehicle: list[int], names=None, split: str = "train", **labels: list[int]) -> Dataset:
    columns = {name: np.array(values) for name, values in labels.items()}
    table = ImageTable(
        tuple(f"images/{row}.jpg" for row in range(len(vehicle))),
        np.array(vehicle, dtype=np.int64),
        names=names or {},
        **columns,
    )
    return Dataset(root, {split: table})


def joined(**parts: Dataset) -> ImageTable:
    return join(parts).split("train")


def test_equal_numbers_of_two_data_sets_are_two_vehicles_two_cameras_and_two_tracks():
    one = dataset(Path("one"), [7, 7, 2], camera=[1, 2, 1], track=[5, 5, 6])
    other = dataset(Path("other"), [7, 2], camera=[1, 9], track=[5, 1])

    table = joined(one=one, other=other)

    assert table.vehicle.tolist() == [1, 1, 0, 3, 2]
    assert table.camera.tolist() == [0, 1, 0, 2, 3]
    assert table.track.tolist() == [0, 0, 1, 3, 2]
    assert table.paths == ("one/images/0.jpg", "one/images/1.jpg", "one/images/2.jpg", *table.paths[3:])
    assert table.paths[3:] == ("other/images/0.jpg", "other/images/1.jpg")


def test_a_label_that_only_some_data_sets_have_is_unknown_for_the_others():
    table = joined(one=dataset(Path("one"), [1, 2], colour=[3, UNKNOWN], time=[40, 50]), other=dataset(Path("o"), [1]))

    assert table.colour.tolist() == [0, UNKNOWN, UNKNOWN]
    assert table.time.tolist() == [40, 50, UNKNOWN]
    assert table.camera is None
    assert table.view is None


def test_colours_of_one_name_are_one_colour_and_those_without_a_name_are_kept_apart():
    one = dataset(Path("one"), [1, 2, 3], {"colour": {1: "Red", 2: "white"}}, colour=[2, 1, 3])
    other = dataset(Path("other"), [1, 2, 3], {"colour": {2: "red"}}, colour=[2, 1, 3])

    table = joined(one=one, other=other)

    red, white, third, *rest = table.colour[[1, 0, 2, 3, 4, 5]].tolist()
    assert rest[0] == red
    assert len({red, white, third, *rest}) == 5
    assert table.names["colour"] == {red: "Red", white: "white"}


def test_images_of_nobody_stay_nobodys_and_no_two_are_alike():
    one = dataset(Path("one"), [4, NOBODY, UNKNOWN, NOBODY + 3])
    table = joined(one=one, other=dataset(Path("other"), [NOBODY, 4]))

    assert table.vehicle.tolist() == [0, NOBODY, UNKNOWN, NOBODY + 1, NOBODY + 2, 1]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-1, 6), min_size=1, max_size=12), min_size=2, max_size=4))
def test_two_images_are_of_one_vehicle_exactly_if_they_were_in_one_data_set(sets: list[list[int]]):
    table = joined(**{f"set{place}": dataset(Path("x"), vehicles) for place, vehicles in enumerate(sets)})

    flat = [(place, vehicle) for place, vehicles in enumerate(sets) for vehicle in vehicles]
    for row, (place, vehicle) in enumerate(flat):
        assert (table.vehicle[row] == UNKNOWN) == (vehicle == UNKNOWN)
        if vehicle != UNKNOWN:
            same = [other for other, one in enumerate(flat) if one == (place, vehicle)]
            assert np.flatnonzero(table.vehicle == table.vehicle[row]).tolist() == same


def test_images_are_found_in_their_own_folders_and_links_out_of_one_are_not_followed_for_another(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    write_jpeg(one / "images" / "0.jpg", (90, 90, 90), seed=0)
    (other / "images").mkdir(parents=True)
    (other / "images" / "0.jpg").symlink_to(one / "images" / "0.jpg")
    parts = {"one": dataset(one, [1]), "other": dataset(other, [1])}

    both = join(parts)

    assert both.file("one/images/0.jpg") == one / "images" / "0.jpg"
    for key in ("other/images/0.jpg", "third/images/0.jpg", "one/../other/0.jpg", "one/images/1.jpg", "one"):
        with pytest.raises(DataError):
            both.file(key)


def test_a_data_set_without_training_images_is_named():
    with pytest.raises(DataError) as caught:
        join({"one": dataset(Path("one"), [1]), "veriwild2": dataset(Path("wild"), [1], split="all-query")})

    assert caught.value.what == "veriwild2 has no training images"
    assert (str(caught.value.where), caught.value.found) == ("wild", "all-query")
