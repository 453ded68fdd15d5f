"""Boxes survive the round trip through features, and unreadable images are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image
from torch import Tensor, nn

import harness
from harness.compute.compute import Compute
from harness.data.pictures import size_on_disk
from harness.detection.detect import detect, make, unpack
from harness.errors import DataError, PluginError, RunError
from harness.methods.detector import Detector, pack
from harness.registry.registry import Registry
from tests.harness.boxes.files import KEYS, pictures

COMPUTE = Compute(device="cpu", workers=0)


class Bright(nn.Module):
    """Finds one box per image: its upper half, with the brightness as the score."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = value

    def forward(self, images: Tensor) -> Tensor:
        side = images.shape[-1]
        found = [torch.tensor([[2, float(image.mean()) + self.value, 0, 0, side, side / 2]]) for image in images]
        return pack(found, 3)


class Upper(Detector):
    def network(self, classes):
        return Bright()


def upper(value: float = 0.0) -> Detector:
    detector = make(Upper, Upper.Options(kind="regions"))
    detector.model = Bright(value)
    return detector


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 99))
def test_packed_boxes_come_back_in_shares_the_surest_first(counts: list[int], keep: int, seed: int):
    random = np.random.default_rng(seed)
    images = []
    for count in counts:
        corners = np.sort(random.integers(0, 65, (count, 2, 2)), axis=1).reshape(count, 4) * [1, 1, 0.5, 0.5]
        corners[:, 2:] += corners[:, :2] / 2 + 1
        rows = np.column_stack([random.integers(1, 5, count), np.sort(random.random(count))[::-1], corners])
        images.append(torch.from_numpy(rows.astype(np.float32)))
    packed = pack(images, keep)
    assert packed.shape == (len(counts), 6 * keep)
    for rows, found in zip(images, unpack(packed.numpy(), (128, 256)), strict=True):
        expected = rows[:keep].numpy() / np.array([1, 1, 256, 128, 256, 128], np.float32)
        np.testing.assert_array_equal(found, expected)


def test_what_lies_outside_is_cut_and_what_is_empty_or_no_box_is_dropped():
    rows = [[1, 1.5, -4, 4, 20, 4], [2, 1.25, -4, 4, 24, 8], [0, 0.5, 0, 0, 4, 4], [3, -0.5, 14, 2, 18, 18]]
    (found,) = unpack(np.array(rows, np.float32).reshape(1, -1), (16, 16))
    assert found.tolist() == [[2, 1, 0, 0.25, 1, 0.5], [3, 0, 0.875, 0.125, 1, 1]]


def test_every_image_is_looked_at_once_and_keeps_its_name(tmp_path: Path):
    found = detect(upper(), pictures(tmp_path), [*KEYS, KEYS[0]], compute=COMPUTE)
    assert sorted(found.of_image) == sorted(KEYS)
    assert found.names == {1: "window", 2: "left light", 3: "right light", 4: "brand"}
    assert [rows.tolist() for rows in found.of_image.values()] == [[[2, 0, 0, 0, 1, 0.5]]] * 3


def test_images_that_cannot_be_read_are_named_or_left_out(tmp_path: Path):
    dataset = pictures(tmp_path)
    (tmp_path / KEYS[1]).write_text("no picture")
    with pytest.raises(DataError, match="1 of 3 images cannot be read"):
        detect(upper(), dataset, KEYS, compute=COMPUTE)
    found = detect(upper(), dataset, KEYS, compute=COMPUTE, skip_broken=True)
    assert sorted(found.of_image) == sorted([KEYS[0], KEYS[2]])
    with pytest.raises(DataError, match="size cannot be read"):
        size_on_disk(tmp_path / KEYS[1])
    assert size_on_disk(tmp_path / KEYS[0]) == (100, 200)


def test_boxes_that_are_not_finite_fail_the_run(tmp_path: Path):
    with pytest.raises(RunError, match="not finite"):
        detect(upper(float("nan")), pictures(tmp_path), KEYS, compute=COMPUTE)


class Relative(Bright):
    """Finds boxes where an image is brighter than its batch, as a network in training mode would."""

    def forward(self, images: Tensor) -> Tensor:
        side, least = images.shape[-1], images.mean()
        found = [torch.tensor([[2, 0.6, 0, 0, side, side if image.mean() > least else side / 2]]) for image in images]
        return pack(found, 3)


def test_boxes_that_depend_on_the_batch_are_refused(tmp_path: Path):
    dataset = pictures(tmp_path)
    Image.new("RGB", (8, 8), "white").save(tmp_path / KEYS[0])
    detector = upper()
    detector.model = Relative()

    with pytest.raises(PluginError, match="the boxes of an image depend on the other images") as problem:
        detect(detector, dataset, KEYS, compute=COMPUTE)

    assert "a box of class 2 with a score of 0.60 that is not found alone" in str(problem.value)


def test_what_is_registered_as_a_detector_must_be_one():
    class Plugin:
        @harness.hookimpl
        def bench_register_detectors(self, register):
            register("upper", Upper)
            register("number", 7)

    registry = Registry()
    registry.add("mine", "1", Plugin)
    assert registry.detector("upper") is Upper
    assert registry.plugins[0].names["detector"] == ["upper", "number"]
    with pytest.raises(PluginError, match="'number' is not a detector"):
        registry.detector("number")
