"""Streams of random numbers have seeds of their own, the same everywhere."""

from __future__ import annotations

import itertools
import random

import numpy as np
import torch
from hypothesis import given, settings, strategies as st

from harness.basics.seeds import ONE, Chance, derive, generators_at

words = st.lists(st.text("abc", max_size=3) | st.integers(-9, 9), max_size=4)


def test_a_seed_is_the_same_on_every_machine():
    assert derive(0, "network") == 2149257480791924100
    assert derive(1, "network") != 2149257480791924100


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), name=words)
def test_a_seed_fits_a_signed_64_bit_number(seed: int, name: list[str | int]):
    assert 0 <= derive(seed, *name) < 2**63


def test_no_two_streams_of_a_run_share_a_seed():
    names = itertools.product(["augment", "batches", "epoch"], range(3), range(20), range(20))
    assert len({derive(0, *name) for name in names}) == 3 * 3 * 20 * 20


def test_words_do_not_run_into_each_other():
    assert derive(0, "a", 11) != derive(0, "a", 1, 1) != derive(0, "a1", 1)


def drawn() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: S311, NPY002 - others' generators


def test_global_generators_are_seeded_for_a_block_and_given_back():
    with generators_at(3):
        first = drawn()
    with generators_at(4):
        assert first != drawn()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - as above
    torch.manual_seed(0)
    expected = drawn()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - as above
    torch.manual_seed(0)
    with generators_at(3):
        assert first == drawn()

    assert expected == drawn()


def test_the_stream_of_choices_is_the_same_on_every_machine():
    """These numbers are PCG64's and SeedSequence's own; another NumPy that gave others would move every interval."""
    assert Chance(0, "a").picks(1000, 1, 6).tolist() == [[248, 874, 235, 547, 430, 68]]


def test_another_seed_or_another_use_is_another_stream():
    first = Chance(0, "a").picks(1000, 1, 20)

    assert not np.array_equal(first, Chance(1, "a").picks(1000, 1, 20))
    assert not np.array_equal(first, Chance(0, "b").picks(1000, 1, 20))


@settings(max_examples=30)
@given(st.integers(1, 10**6), st.integers(1, 5), st.integers(1, 130))
def test_picks_lie_in_their_range(below, rows, columns):
    picks = Chance(3, "x").picks(below, rows, columns)

    assert picks.shape == (rows, columns)
    assert 0 <= picks.min() <= picks.max() < below


def test_every_pick_is_equally_likely():
    counts = np.bincount(Chance(1, "x").picks(7, 100, 700).ravel(), minlength=7)

    assert np.abs(counts - 10_000).max() < 400


def test_one_number_lies_between_its_ends_and_reaches_both():
    chance = Chance(0, "dice")

    assert {chance.between(1, 6) for _ in range(200)} == {1, 2, 3, 4, 5, 6}
    assert chance.between(4, 4) == 4


def test_normal_numbers_are_whole_the_same_everywhere_and_nearly_normal():
    assert Chance(0, "a").normal(2, 2).tolist() == [[57993, -93608], [-1576, -78665]]

    found = Chance(1, "noise").normal(200, 500)
    assert found.dtype == np.int64
    assert abs(found.mean()) < 0.02 * ONE
    assert abs(found.std() / ONE - 1) < 0.01
    assert 0.94 < (np.abs(found) < 1.96 * ONE).mean() < 0.96
