import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.data.images import UNKNOWN
from harness.errors import UsageError
from harness.methods.batches import PK
from plugins.layers.grouped import Grouped

RAM = Grouped((PK(10, 3), PK(10, 2, "colour"), PK(9, 2, "type")))


def labels(images, seed=0):
    random = np.random.default_rng(seed)
    return {
        "vehicle": np.arange(images) // 8,
        "colour": random.permutation(np.arange(images) % 10),
        "type": np.where(np.arange(images) % 7 == 0, UNKNOWN, random.permutation(np.arange(images) % 9)),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(90, 400), st.integers(0, 1000))
def test_every_batch_holds_its_groups_side_by_side(images, seed):
    known = labels(images)

    batches = RAM.draw(known, np.random.default_rng(seed))

    assert len(batches) == images // 68
    for rows in batches:
        assert len(rows) == 68
        for part, label, classes, each in (
            (rows[:30], "vehicle", 10, 3),
            (rows[30:50], "colour", 10, 2),
            (rows[50:], "type", 9, 2),
        ):
            values, counts = np.unique(known[label][part], return_counts=True)
            assert (len(values), set(counts)) == (classes, {each})
            assert UNKNOWN not in values


def test_the_same_generator_gives_the_same_batches():
    draws = [RAM.draw(labels(200), np.random.default_rng(3)) for _ in range(2)]

    assert all(np.array_equal(one, other) for one, other in zip(*draws, strict=True))


def test_a_group_that_cannot_be_filled_is_refused():
    with pytest.raises(UsageError, match="'colour'"):
        Grouped((PK(11, 2, "colour"),)).draw(labels(200), np.random.default_rng(0))
