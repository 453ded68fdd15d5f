"""Batches follow from the labels and the generator alone, and have the shape that they promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from pytorch_metric_learning.samplers import MPerClassSampler
from pytorch_metric_learning.utils import common_functions

from harness.errors import UsageError
from harness.methods.batches import PK, Shuffled

MADE_UP_IMAGES = (
    *(5, 9, 12, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 59, 61, 63),
    *(66, 68, 71, 74, 77, 80, 83, 87, 91, 95, 99, 104, 109, 115, 122, 131, 141, 155, 175, 215),
)
"""Images of a vehicle, each number of twelve vehicles: made up, so that they sum to VeRi-776's 37,778 but for two."""

columns = st.lists(st.integers(-1, 6), min_size=1, max_size=60).map(lambda values: np.array(values, dtype=np.int64))


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=60, deadline=None)
@given(vehicle=columns, p=st.integers(1, 4), k=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_a_pk_batch_holds_p_vehicles_with_k_images_each_and_no_unknown_one(vehicle, p, k, seed):
    classes = np.unique(vehicle[vehicle >= 0])
    if len(classes) < p:
        with pytest.raises(UsageError, match=f"cannot fill a batch of {p} x {k}"):
            PK(p, k).draw({"vehicle": vehicle}, random(seed))
        return
    batches = PK(p, k).draw({"vehicle": vehicle}, random(seed))
    assert len(batches) == max(1, (vehicle >= 0).sum() // (p * k)) == PK(p, k).steps({"vehicle": vehicle})
    for rows in batches:
        groups = vehicle[rows].reshape(p, k)
        assert (groups == groups[:, :1]).all()
        assert len(np.unique(groups[:, 0])) == p
        assert (groups >= 0).all()


@settings(max_examples=30, deadline=None)
@given(vehicle=columns, seed=st.integers(0, 2**32))
def test_a_vehicle_with_enough_images_repeats_none_in_a_batch(vehicle, seed):
    if not (vehicle >= 0).any():
        return
    (*_, rows) = PK(1, 2).draw({"vehicle": vehicle}, random(seed))
    enough = (vehicle == vehicle[rows[0]]).sum() >= 2
    assert (len(set(rows.tolist())) == 2) == enough


@pytest.mark.parametrize("batches", [PK(3, 2), PK(3, 2, epoch="groups"), PK(3, 2, epoch="vehicles"), Shuffled(5)])
def test_the_same_generator_draws_the_same_epoch_and_another_draws_another(batches):
    labels = {"vehicle": np.arange(24) % 6}
    first, same, other = (np.concatenate(batches.draw(labels, random(seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def drawn_by_the_library(column: np.ndarray, p: int, k: int, generator: np.random.Generator) -> list[np.ndarray]:
    """The batches of pytorch-metric-learning's sampler, which draws from a global generator."""
    known = np.flatnonzero(column != -1)
    sampler = MPerClassSampler(column[known], k, batch_size=p * k, length_before_new_iter=max(len(known), p * k))
    before = common_functions.NUMPY_RANDOM
    common_functions.NUMPY_RANDOM = generator
    try:
        return list(known[np.fromiter(sampler, dtype=np.int64)].reshape(-1, p * k))
    finally:
        common_functions.NUMPY_RANDOM = before


@settings(max_examples=300, deadline=None)
@given(vehicle=columns, p=st.integers(1, 7), k=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_pk_draws_the_librarys_batches_bit_by_bit_and_leaves_the_generator_as_it_does(vehicle, p, k, seed):
    assume(len(np.unique(vehicle[vehicle >= 0])) >= p)
    ours, theirs = random(seed), random(seed)
    batches, expected = PK(p, k).draw({"vehicle": vehicle}, ours), drawn_by_the_library(vehicle, p, k, theirs)
    assert [rows.tolist() for rows in batches] == [rows.tolist() for rows in expected]
    assert {rows.dtype for rows in batches} == {np.dtype(np.int64)}
    assert ours.bit_generator.state == theirs.bit_generator.state


@pytest.mark.parametrize(("classes", "images", "p", "k"), [(576, 9000, 16, 4), (300, 1000, 10, 3), (40, 64, 32, 2)])
def test_pk_draws_the_librarys_batches_of_whole_epochs(classes, images, p, k):
    column = random(classes).integers(-1, classes, images)
    for seed in range(3):
        ours = PK(p, k).draw({"vehicle": column}, random(seed))
        assert np.array_equal(ours, drawn_by_the_library(column, p, k, random(seed)))


@pytest.fixture(scope="module")
def as_large_as_veri() -> np.ndarray:
    """The vehicle of each image, in mixed order: as many vehicles and images as VeRi-776 has for training.

    How many images a vehicle has is made up.
    """
    counts = np.repeat(MADE_UP_IMAGES, 12)
    counts[-1] += 2
    assert (len(counts), counts.sum()) == (576, 37_778)
    return random(0).permutation(np.repeat(np.arange(576), counts))


def are_p_vehicles(vehicle: np.ndarray, batches: Sequence[np.ndarray], p: int, k: int) -> bool:
    """Whether each batch has the images of p different vehicles, k of each next to each other."""
    groups = [vehicle[rows].reshape(p, k) for rows in batches]
    return all((group == group[:, :1]).all() and len(set(group[:, 0].tolist())) == p for group in groups)


@pytest.mark.parametrize("seed", range(5))
def test_groups_draw_about_566_batches_of_veri_and_no_image_twice(as_large_as_veri: np.ndarray, seed: int):
    batches = PK(16, 4, epoch="groups").draw({"vehicle": as_large_as_veri}, random(seed))

    rows = np.concatenate(batches)
    assert 566 - 6 <= len(batches) <= 566 + 6
    assert abs(len(rows) - 36_224) <= 6 * 64
    assert len(np.unique(rows)) == len(rows)
    assert are_p_vehicles(as_large_as_veri, batches, 16, 4)


def test_vehicles_draw_36_batches_of_veri_and_each_vehicle_once(as_large_as_veri: np.ndarray):
    batches = PK(16, 4, epoch="vehicles").draw({"vehicle": as_large_as_veri}, random())

    rows = np.concatenate(batches)
    assert len(batches) == 36
    assert sorted(as_large_as_veri[rows[::4]].tolist()) == list(range(576))
    assert len(np.unique(rows)) == len(rows) == 36 * 64
    assert are_p_vehicles(as_large_as_veri, batches, 16, 4)


def test_drawn_batches_of_veri_are_as_many_as_its_images_fill(as_large_as_veri: np.ndarray):
    batches = PK(16, 4, epoch="drawn").draw({"vehicle": as_large_as_veri}, random())

    assert len(batches) == 590  # 37,778 / 64
    assert are_p_vehicles(as_large_as_veri, batches, 16, 4)


@given(vehicle=columns, p=st.integers(1, 4), k=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_groups_use_an_image_once_until_fewer_than_p_vehicles_have_a_group(vehicle, p, k, seed):
    numbers, images = np.unique(vehicle[vehicle >= 0], return_counts=True)
    assume(len(numbers) >= p)

    batches = PK(p, k, epoch="groups").draw({"vehicle": vehicle}, random(seed))

    rows = np.concatenate(batches)
    groups = np.maximum(images // k, 1)  # one with fewer than k images is filled by drawing again
    used = np.array([(vehicle[rows] == number).sum() // k for number in numbers])
    full = np.isin(vehicle[rows], numbers[images >= k])
    assert are_p_vehicles(vehicle, batches, p, k)
    assert (vehicle[rows] >= 0).all()
    assert len(np.unique(rows[full])) == full.sum()
    assert (used <= groups).all()
    assert (used < groups).sum() < p


@given(vehicle=columns, p=st.integers(1, 4), k=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_vehicles_come_once_and_only_a_last_batch_of_fewer_than_p_is_left_out(vehicle, p, k, seed):
    numbers, images = np.unique(vehicle[vehicle >= 0], return_counts=True)
    assume(len(numbers) >= p)

    batches = PK(p, k, epoch="vehicles").draw({"vehicle": vehicle}, random(seed))

    rows = np.concatenate(batches)
    seen = vehicle[rows[::k]]
    full = np.isin(vehicle[rows], numbers[images >= k])
    assert len(batches) == len(numbers) // p
    assert are_p_vehicles(vehicle, batches, p, k)
    assert len(np.unique(seen)) == len(seen)
    assert (seen >= 0).all()
    assert len(np.unique(rows[full])) == full.sum()


def test_drawing_touches_neither_numpys_generator_nor_the_librarys():
    before, source = np.random.get_state()[1].copy(), common_functions.NUMPY_RANDOM  # noqa: NPY002 - what must not move
    PK(3, 2).draw({"vehicle": np.arange(24) % 6}, random())
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002 - as above
    assert common_functions.NUMPY_RANDOM is source


def test_pk_draws_the_classes_of_any_label():
    labels = {"vehicle": np.arange(12), "colour": np.repeat([0, 1, -1], 4)}
    for rows in PK(2, 3, label="colour").draw(labels, random()):
        assert sorted(labels["colour"][rows].tolist()) == [0, 0, 0, 1, 1, 1]


def test_pk_needs_its_label():
    with pytest.raises(UsageError, match="label 'colour'"):
        PK(2, 2, label="colour").draw({"vehicle": np.arange(9)}, random())


@pytest.mark.parametrize(("p", "k"), [(0, 4), (4, 0), (-1, 1)])
def test_an_empty_pk_batch_is_refused(p: int, k: int):
    with pytest.raises(UsageError, match="at least one image"):
        PK(p, k).draw({"vehicle": np.arange(9)}, random())


@settings(deadline=None)
@given(images=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 99))
def test_shuffled_batches_hold_every_image_at_most_once_and_fill_up(images: int, size: int, seed: int):
    batches = Shuffled(size).draw({"vehicle": np.zeros(images, np.int64)}, random(seed))
    rows = np.concatenate(batches)
    assert len(set(rows.tolist())) == len(rows)
    assert {len(batch) for batch in batches} == {min(size, images)}
    assert len(rows) > images - size


@pytest.mark.parametrize(("images", "size"), [(0, 4), (4, 0)])
def test_an_empty_shuffled_batch_is_refused(images: int, size: int):
    with pytest.raises(UsageError, match="at least one image"):
        Shuffled(size).draw({"vehicle": np.zeros(images, np.int64)}, random())


@settings(deadline=None)
@given(column=columns, size=st.integers(1, 50), seed=st.integers(0, 99))
def test_shuffled_batches_of_labelled_images_hold_each_of_them_at_most_once_and_fill_up(column, size, seed):
    labelled = int((column >= 0).sum())
    assume(labelled)
    labels = {"vehicle": np.zeros(len(column), np.int64), "model": column}

    batches = Shuffled(size, "model").draw(labels, random(seed))

    rows = np.concatenate(batches)
    assert (column[rows] >= 0).all()
    assert len(set(rows.tolist())) == len(rows) > labelled - size
    assert {len(batch) for batch in batches} == {min(size, labelled)}
    assert len(batches) == Shuffled(size, "model").steps(labels)


def test_shuffled_batches_need_their_label_and_an_image_with_it():
    vehicle = np.arange(9)
    with pytest.raises(UsageError, match="no training image has the label 'model'"):
        Shuffled(2, "model").draw({"vehicle": vehicle}, random())
    with pytest.raises(UsageError, match="at least one image") as caught:
        Shuffled(2, "model").draw({"vehicle": vehicle, "model": np.full(9, -1)}, random())
    assert caught.value.found == "0 images with the label 'model' in batches of 2"
