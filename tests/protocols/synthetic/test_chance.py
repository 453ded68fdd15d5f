"""Chance and angles are the same on every machine."""

import math

from hypothesis import given, strategies as st

from protocols.synthetic.chance import Chance, direction
from tests.protocols.synthetic.drawn_sets import SEEDS


@given(st.floats(-1e4, 1e4))
def test_directions_are_cosine_and_sine(degrees):
    cosine, sine = direction(degrees)

    assert math.isclose(cosine, math.cos(math.radians(degrees)), abs_tol=1e-12)
    assert math.isclose(sine, math.sin(math.radians(degrees)), abs_tol=1e-12)


def test_chance_is_the_same_in_every_version():
    """Figures that must never change: data sets that were drawn earlier depend on them."""
    chance = Chance(7, "word", 3)

    assert [chance.below(1000) for _ in range(6)] == [970, 996, 16, 725, 813, 84]


@given(SEEDS, st.integers(1, 40))
def test_chance_stays_in_its_range(seed, count):
    chance = Chance(seed)
    some = chance.some(range(count), count // 2)

    assert len(set(some)) == count // 2
    assert set(some) <= set(range(count))
    assert 0 <= chance.below(count) < count
    assert 3 <= chance.within(3, 6) <= 6
    assert -1 <= chance.between(-1, 2) <= 2
