"""Streams of random numbers have seeds of their own, the same everywhere."""

from __future__ import annotations

import itertools
import random

import numpy as np
import torch
from hypothesis import given, settings, strategies as st

from harness.basics.seeds import derive, generators_at

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
