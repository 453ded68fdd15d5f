"""A batch depends on its request only, not on the process that serves it, the order or other batches."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.utils.data import get_worker_info
from torchvision.transforms import v2

from harness.boxes import Boxes
from harness.data.pictures import Pictures
from harness.errors import PluginError, RunError
from harness.extraction.samples import BatchRequest, Loader, Samples, consecutive, to_unit_range
from tests.tiny import write_jpeg

AUGMENT = v2.Compose([v2.RandomHorizontalFlip(), v2.ColorJitter(0.2, 0.2, 0.2, 0.1), v2.RandomCrop(8, padding=2)])


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    keys = [f"{number}.jpg" for number in range(6)]
    for number, key in enumerate(keys):
        write_jpeg(tmp_path / key, (30 * number, 200, 90), seed=number, side=8)
    return Pictures(tmp_path, keys, (8, 8))


def ask(*rows: int, first: int = 0, epoch: int = 1) -> BatchRequest:
    return BatchRequest(np.array(rows), ("augment", 0, epoch), first)


def test_without_augmentation_the_pixels_are_the_pictures(pictures: Pictures):
    batch = Samples(pictures)[BatchRequest(np.array([4, 0]))]
    assert batch.images.dtype == torch.uint8
    assert np.array_equal(batch.images.numpy(), np.stack([pictures[4], pictures[0]]))
    assert batch.rows.tolist() == [4, 0]


def test_a_row_is_augmented_by_its_place_in_the_epoch_whatever_its_batch(pictures: Pictures):
    samples = Samples(pictures, augment=AUGMENT, seed=3)
    whole = samples[ask(0, 1, 2, 3)].images
    halves = torch.cat([samples[ask(0, 1)].images, samples[ask(2, 3, first=2)].images])
    assert torch.equal(whole, halves)


def test_another_place_epoch_or_seed_augments_differently(pictures: Pictures):
    samples = Samples(pictures, augment=AUGMENT, seed=3)
    first = samples[ask(0)].images
    others = [
        samples[ask(0, first=1)].images,
        samples[ask(0, epoch=2)].images,
        Samples(pictures, augment=AUGMENT, seed=4)[ask(0)].images,
    ]
    assert not any(torch.equal(first, other) for other in others)


def test_augmenting_leaves_torchs_generator_and_threads_as_they_were(pictures: Pictures):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    Samples(pictures, augment=AUGMENT)[ask(0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_workers_serve_the_same_batches_in_the_same_order_epoch_after_epoch(pictures: Pictures):
    samples = Samples(pictures, augment=AUGMENT, seed=3)
    asks = [[ask(0, 1), ask(5, 4, first=2), ask(2, 2, first=4)], [ask(3, epoch=2), ask(1, first=1, epoch=2)]]
    here, there = Loader(samples, 0), Loader(samples, 2)
    for epoch in asks:
        expected = [batch.images for batch in here.serve(epoch)]
        served = [batch.images for batch in there.serve(epoch)]
        assert len(served) == len(expected)
        assert all(torch.equal(one, other) for one, other in zip(served, expected, strict=True))
    assert get_worker_info() is None


def test_a_broken_picture_is_black_and_named_by_its_place(pictures: Pictures):
    (pictures.root / "4.jpg").write_bytes(b"broken")
    batch = Samples(pictures)[ask(1, 4)]
    assert batch.images[1].sum() == 0
    assert {place: error.where for place, error in batch.broken.items()} == {1: pictures.root / "4.jpg"}


def test_workers_hand_broken_pictures_over(pictures: Pictures):
    (pictures.root / "4.jpg").unlink()
    (batch,) = Loader(Samples(pictures), 1).serve([ask(1, 4)])
    assert str(batch.broken[1]).startswith("no such image\n  where: ")


def boxes_of(*rows: list[float]) -> dict[str, Boxes]:
    return {"boxes_parts": Boxes({"0.jpg": np.array(rows, np.float32)}, {1: "plate"})}


def test_boxes_flip_with_the_image(pictures: Pictures):
    samples = Samples(pictures, boxes_of([1, 0.5, 0, 0.25, 0.25, 1]), v2.RandomHorizontalFlip(1.0))
    batch = samples[ask(0, 1)]
    assert batch.boxes["boxes_parts"][0].tolist() == [[1, 0.5, 6, 2, 8, 8]]
    assert batch.boxes["boxes_parts"][1].shape == (0, 6)
    assert np.array_equal(batch.images[0].numpy(), pictures[0][:, :, ::-1])


def test_boxes_are_cut_at_the_edge_and_dropped_when_they_leave_the_image(pictures: Pictures):
    shift = v2.RandomAffine(0, translate=None)
    shift.make_params = lambda _inputs: {"angle": 0.0, "translate": (4, 0), "scale": 1.0, "shear": (0.0, 0.0)}
    samples = Samples(pictures, boxes_of([1, 0.5, 0.25, 0, 0.75, 1], [2, 0.4, 0.5, 0, 1, 1]), shift)
    (kept,) = samples[ask(0)].boxes["boxes_parts"]
    assert kept.tolist() == [[1, 0.5, 6, 0, 8, 8]]


def test_erasing_an_image_with_boxes_does_not_warn(pictures: Pictures):
    samples = Samples(pictures, boxes_of([1, 0.5, 0, 0, 1, 1]), v2.RandomErasing(1.0))
    assert samples[ask(0)].boxes["boxes_parts"][0].tolist() == [[1, 0.5, 0, 0, 8, 8]]


def test_pixels_become_floats_from_0_to_1_and_floats_stay(pictures: Pictures):
    images = to_unit_range(torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1), torch.device("cpu"))
    assert images.flatten().tolist() == pytest.approx([0, 0.2, 1])
    floats = torch.rand(1, 3, 2, 2)
    assert torch.equal(to_unit_range(floats, torch.device("cpu")), floats)


@settings(deadline=None)
@given(count=st.integers(0, 40), size=st.integers(1, 9))
def test_consecutive_batches_cover_all_rows_once_and_have_one_size(count: int, size: int):
    batches = consecutive(count, size)
    assert {len(rows) for rows in batches} <= {min(size, count)}
    rows = np.concatenate(batches)[:count] if batches else np.zeros(0)
    assert rows.tolist() == list(range(count))


def test_an_augmentation_that_fails_leaves_torch_as_it_was_and_one_of_several_sizes_is_refused(pictures: Pictures):
    def failing(_image: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError

    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        Samples(pictures, augment=failing)[ask(0)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    growing = iter(range(1, 9))
    with pytest.raises(PluginError, match="differ in size"):
        Samples(pictures, augment=lambda image: image[:, : next(growing)])[ask(0, 1)]


class Deadly(Pictures):
    def __getitem__(self, row: int) -> np.ndarray:
        if row == 2 and get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(row)


def test_a_worker_that_dies_ends_the_run_in_words(pictures: Pictures):
    deadly = Deadly(pictures.root, pictures.keys, pictures.size)
    with pytest.raises(RunError, match="a process that decodes images died"):
        list(Loader(Samples(deadly), 1).serve([ask(1), ask(2)]))
