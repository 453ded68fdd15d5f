"""Subsets of a gallery: of the right sizes, within each other, and the same for the same keys and seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.errors import UsageError
from harness.scoring.growth.nested import Nested, read_sizes


def members(nested: Nested, keys, repeat, size):
    return {keys[row] for row in np.flatnonzero(nested.taken(repeat, size)[nested.buckets])}


@given(
    count=st.integers(1, 60),
    sizes=st.sets(st.integers(0, 60), min_size=1, max_size=5),
    repeats=st.integers(1, 7),
    seed=st.integers(0, 3),
)
def test_subsets_have_their_sizes_and_are_within_each_other(count, sizes, repeats, seed):
    keys = [f"{number}.jpg" for number in range(count)]
    wanted = sorted(min(size, count) for size in sizes)
    nested = Nested.of(keys, wanted, repeats=repeats, seed=seed)

    for repeat in range(repeats):
        found = [members(nested, keys, repeat, size) for size in wanted]
        assert [len(one) for one in found] == wanted
        assert all(one <= other for one, other in pairwise(found))
    for size in {size for size in wanted if size * repeats <= count}:
        assert len(set().union(*(members(nested, keys, repeat, size) for repeat in range(repeats)))) == size * repeats


def test_subsets_depend_on_keys_and_seed_and_not_on_their_order():
    keys = [f"{number}.jpg" for number in range(50)]
    backward = keys[::-1]

    def first(names, seed):
        return members(Nested.of(names, [10], repeats=2, seed=seed), names, 1, 10)

    assert first(keys, 4) == first(backward, 4) != first(keys, 5)


def test_sizes_are_numbers_shares_and_all():
    assert read_sizes("all, 10,0.5,1.0,10", 40, what="distractors") == (10, 20, 40)
    assert read_sizes("1", 40, what="distractors") == (1,)
    assert read_sizes("", 3, what="distractors") == (1, 3)


@pytest.mark.parametrize("word", ["0", "-1", "0.0", "1.5", "ten", "1e3", "", "٣", "nan", "9" * 30, "."])
def test_what_is_no_size_is_refused(word):
    with pytest.raises(UsageError, match="this is no size of a gallery"):
        read_sizes(f"10,{word}", 40, what="distractors")


def test_a_size_beyond_what_there_is_is_refused():
    with pytest.raises(UsageError) as raised:
        read_sizes("10,41", 40, what="distractors")

    assert "there are not so many distractors" in str(raised.value)
    assert "at most 40" in str(raised.value)


def test_too_many_sizes_are_refused():
    with pytest.raises(UsageError, match="too many sizes"):
        read_sizes(",".join(map(str, range(1, 60))), 100, what="distractors")


def test_too_many_subsets_are_refused():
    with pytest.raises(UsageError, match="too many subsets for one pass"):
        Nested.of(["a.jpg"] * 40, range(26), repeats=10, seed=0)
