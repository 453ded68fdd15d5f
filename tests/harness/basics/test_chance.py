import numpy as np
from hypothesis import given, settings, strategies as st

from harness.basics.chance import Chance


def test_the_stream_is_the_same_on_every_machine():
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
