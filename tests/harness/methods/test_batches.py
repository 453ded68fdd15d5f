"""Batches follow from the labels and the generator alone, and have the shape that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
