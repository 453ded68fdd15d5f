"""Batches follow from the labels and the generator alone, and have the shape that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from pytorch_metric_learning.samplers import MPerClassSampler
from pytorch_metric_learning.utils import common_functions

from harness.errors import UsageError
from harness.methods.batches import PK, Shuffled

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


@pytest.mark.parametrize("batches", [PK(3, 2), Shuffled(5)])
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
