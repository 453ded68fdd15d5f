from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.statistics.paired import EXACT, compare_paired, holm, p_value


def table(values, vehicle=None):
    values = np.array(values, dtype=float)
    vehicle = np.arange(len(values)) if vehicle is None else np.array(vehicle)
    return PerQuery(tuple(f"{row}.jpg" for row in range(len(values))), vehicle, {"ap": values})


@settings(max_examples=50)
@given(st.lists(st.integers(-20, 20), max_size=8))
def test_few_vehicles_are_tested_exactly(differences):
    moving = [value for value in differences if value]
    sums = [
        abs(sum(s * v for s, v in zip(signs, moving, strict=True))) for signs in product((-1, 1), repeat=len(moving))
    ]
    expected = sum(value >= abs(sum(moving)) for value in sums) / len(sums)

    assert p_value(np.array(differences, dtype=np.int64)) == expected


@settings(max_examples=20)
@given(st.lists(st.integers(-1000, 1000), min_size=EXACT + 1, max_size=40), st.integers(1, 1000))
def test_p_does_not_depend_on_the_sign_or_the_scale(differences, scale):
    sums = np.array(differences, dtype=np.int64)
    p = p_value(sums, permutations=199)

    assert 0 < p <= 1
    assert p_value(-sums, permutations=199) == p
    assert p_value(sums * scale, permutations=199) == p


def test_the_same_seed_gives_the_same_p_on_any_machine():
    sums = np.array([(7 * n * n) % 23 - 12 for n in range(40)], dtype=np.int64)

    assert p_value(sums, seed=0) == 0.0537


def test_the_random_test_is_near_the_exact_one():
    sums = np.array([5, 3, 8, -2, 9, 4, -1, 7, 6, -3, 2, 5, 4, -6], dtype=np.int64)
    signs = np.array(list(product((-1, 1), repeat=14)))
    exact = (np.abs(signs @ sums) >= abs(sums.sum())).mean()

    assert p_value(sums) == pytest.approx(exact, abs=0.005)


def test_equal_methods_have_p_1_and_a_clear_difference_a_small_one():
    assert p_value(np.zeros(30, dtype=np.int64)) == 1
    assert p_value(np.full(30, 4, dtype=np.int64)) == 1 / 10_000


def test_the_test_keeps_its_level_on_exchangeable_methods():
    """Two methods that differ by chance alone are called different at most 5 times in 100, and not much less."""
    generator = np.random.default_rng(5)
    rejected = 0
    for seed in range(800):
        vehicle = np.repeat(np.arange(40), generator.integers(1, 8, 40))
        ease = generator.beta(2, 1, 40)[vehicle]
        one, other = (np.clip(ease + generator.normal(0, 0.2, 40)[vehicle], 0, 1) for _ in range(2))
        rejected += compare_p(one, other, vehicle, seed) <= 0.05

    assert 0.03 <= rejected / 800 <= 0.07


def compare_p(one, other, vehicle, seed):
    sums = np.zeros(int(vehicle.max()) + 1, dtype=np.int64)
    np.add.at(sums, vehicle, np.rint((one - other) * 2**30).astype(np.int64))
    return p_value(sums, seed=seed, permutations=199)


def test_a_comparison_counts_queries_and_tests_vehicles():
    vehicle = np.repeat(np.arange(20), 3)
    one = table(np.where(np.arange(60) % 3 == 0, 0.9, 0.5), vehicle)
    other = table(np.where(np.arange(60) % 3 == 1, 0.8, 0.5), vehicle)

    found = compare_paired(one, other, "ap")

    assert found.difference == pytest.approx(0.1 / 3)
    assert (found.wins, found.ties, found.losses) == (20, 20, 20)
    assert found.interval.low <= found.difference <= found.interval.high
    assert found.p == 1 / 10_000


def test_the_comparison_turned_round_is_the_opposite():
    generator = np.random.default_rng(1)
    one, other = (table(generator.random(60), np.arange(60) // 3) for _ in range(2))
    there, back = compare_paired(one, other, "ap"), compare_paired(other, one, "ap")

    assert back.difference == -there.difference
    assert (back.p, back.wins, back.losses) == (there.p, there.losses, there.wins)
    assert back.interval.low == pytest.approx(-there.interval.high)


def test_queries_without_a_positive_take_no_part():
    found = compare_paired(table([0.5, np.nan, 0.7]), table([0.5, np.nan, 0.6]), "ap")

    assert (found.wins, found.ties, found.losses) == (1, 1, 0)


@pytest.mark.parametrize(
    "other", [table([0.5]), table([0.5, np.nan]), table([0.5, 0.5], [0, 0])], ids=["rows", "values", "vehicles"]
)
def test_results_of_other_queries_are_not_compared(other):
    with pytest.raises(RecordError, match="are of different queries"):
        compare_paired(table([0.5, 0.6]), other, "ap")


def test_a_measure_that_is_not_there_is_named():
    with pytest.raises(RecordError, match="'minp'"):
        compare_paired(table([0.5]), table([0.5]), "minp")


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_and_keeps_the_order(values):
    corrected = holm(values)

    assert all(p <= q <= min(1, p * len(values)) for p, q in zip(values, corrected, strict=True))
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [corrected[index] for index in order] == sorted(corrected)


def test_holm_is_holms():
    """The textbook's way: the smallest times four, the next times three, never below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02]
