"""A session holds vehicles out, numbers classes from 0, and refuses methods whose labels are missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.errors import DataError
from harness.training.prepare import TrainingRequest, class_numbers, hold_out_vehicles, prepare


def table(vehicle: list[int], **labels: list[int]) -> ImageTable:
    columns = {name: np.array(values) for name, values in labels.items()}
    return ImageTable(tuple(f"{row}.jpg" for row in range(len(vehicle))), np.array(vehicle, dtype=np.int64), **columns)


VEHICLES = [5, 5, 9, 9, 2, 2, 7, 7, 30, 30]


def dataset(**splits: ImageTable) -> Dataset:
    return Dataset(Path("nowhere"), {"train": table(VEHICLES, colour=[4, 4, -1, -1, 8, 8, 4, 4, 8, 8]), **splits})


def ask(data: Dataset, folder: Path, needs=frozenset({"vehicle"}), **choices):
    return prepare(data, TrainingRequest(seed=0, folder=folder, **choices), needs=needs, input_size=(8, 8))


def test_classes_are_numbered_from_0_in_the_order_of_the_released_numbers(tmp_path: Path):
    session = ask(dataset(), tmp_path / "deep" / "run", validate="none")
    assert session.classes == {"vehicle": 5, "colour": 2}
    assert session.labels["vehicle"].tolist() == [1, 1, 3, 3, 0, 0, 2, 2, 4, 4]
    assert session.labels["colour"].tolist() == [0, 0, UNKNOWN, UNKNOWN, 1, 1, 0, 0, 1, 1]
    assert session.validation is None
    assert (tmp_path / "deep" / "run").is_dir()


@settings(deadline=None)
@given(st.lists(st.integers(-1, 2**40), min_size=1, max_size=30))
def test_class_numbers_keep_equality_and_order_and_leave_unknown_unknown(values: list[int]):
    numbers = class_numbers(table(values)).get("vehicle")
    if max(values) == UNKNOWN:
        assert numbers is None
        return
    assert [number == UNKNOWN for number in numbers] == [value == UNKNOWN for value in values]
    known = sorted(set(values) - {UNKNOWN})
    assert [int(number) for number in numbers if number >= 0] == [known.index(value) for value in values if value >= 0]


@settings(deadline=None)
@given(
    vehicles=st.lists(st.integers(-1, 12), min_size=1, max_size=60), share=st.floats(0.0, 0.9), seed=st.integers(0, 9)
)
def test_held_out_vehicles_leave_the_training_images_whole(vehicles: list[int], share: float, seed: int):
    before = table(vehicles)
    train, held = hold_out_vehicles(before, share, seed)
    known = set(vehicles) - {UNKNOWN}
    if len(known) < 4 or not share:
        assert held is None
        assert train is before
        return
    out = set(held.query.vehicle.tolist())
    assert out.isdisjoint(train.vehicle.tolist())
    assert set(train.paths) | set(held.gallery.paths) == set(before.paths)
    assert len(out) == min(max(2, round(len(known) * share)), len(known) - 2)
    assert UNKNOWN not in out


def test_a_share_of_0_holds_nobody_out():
    assert hold_out_vehicles(table(VEHICLES), 0.0, 0)[1] is None


def test_the_seed_decides_who_is_held_out():
    before = table(list(range(40)))
    chosen = [hold_out_vehicles(before, 0.25, seed)[1].query.vehicle.tolist() for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_the_test_split_validates_when_asked_and_then_nobody_is_held_out(tmp_path: Path):
    query, gallery = table([1, 2]), table([1, 2, 3])
    session = ask(dataset(query=query, gallery=gallery), tmp_path, validate="test")
    assert session.validation.query is query
    assert session.validation.gallery is gallery
    assert len(session.train) == len(VEHICLES)


def test_a_data_set_without_a_test_split_cannot_validate_on_it(tmp_path: Path):
    with pytest.raises(DataError, match="split 'query'"):
        ask(dataset(), tmp_path, validate="test")


def test_a_data_set_without_training_images_is_refused(tmp_path: Path):
    for data in (replace(dataset(), splits={}), dataset(train=table([]))):
        with pytest.raises(DataError, match="no training images"):
            ask(data, tmp_path)


def test_either_of_two_labels_serves(tmp_path: Path):
    asked = {"needs": {"vehicle", "model|type"}}
    for name in ("model", "type"):
        assert ask(dataset(train=table(VEHICLES, **{name: [1] * 10})), tmp_path / name, **asked)
    with pytest.raises(DataError, match="label 'model' or 'type', and no training image has it"):
        ask(dataset(train=table(VEHICLES, colour=[1] * 10)), tmp_path, **asked)


@pytest.mark.parametrize("need", ["type", "model", "camera", "plate"])
def test_a_label_that_no_image_has_is_refused_with_those_that_are_there(tmp_path: Path, need: str):
    data = dataset(train=table(VEHICLES, colour=[1] * 10, type=[UNKNOWN] * 10))
    with pytest.raises(DataError, match=f"label '{need}'") as caught:
        ask(data, tmp_path, needs={"vehicle", need})
    assert caught.value.found == "vehicle, colour"


def test_boxes_that_the_data_set_lacks_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="boxes of kind 'parts'"):
        ask(dataset(), tmp_path, needs={"vehicle", "boxes.parts"})
