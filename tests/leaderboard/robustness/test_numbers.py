"""Means on spoilt pictures and what is lost: the same as written out, with intervals that hold the value."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.robustness.numbers import lost, outcome
from leaderboard.statistics.intervals import over_vehicles
from leaderboard.statistics.vehicles import by_vehicle

QUERIES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=60)


def table(values, vehicle):
    return PerQuery(tuple(map(str, range(len(values)))), np.array(vehicle), {"ap": np.array(values, np.float64)})


@settings(max_examples=80)
@given(QUERIES)
def test_the_loss_is_that_of_the_means_and_lies_in_its_interval(queries):
    before, after, vehicle = map(np.array, zip(*queries, strict=True))
    found = lost(before, after, vehicle)

    if before.mean() < 1e-9:
        assert found is None or abs(found.value) >= 0
        return
    assert found.value == pytest.approx(1 - after.mean() / before.mean(), rel=1e-4, abs=1e-4)
    assert found.low <= found.value <= found.high <= 1


def test_nothing_is_lost_where_nothing_changes():
    values = np.linspace(0.1, 1, 60)
    found = lost(values, values, np.arange(60) // 3)

    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_with_equal_clean_values_the_interval_is_that_of_the_difference():
    rng = np.random.Generator(np.random.PCG64(1))
    after, vehicle = rng.random(400), np.arange(400) // 4
    found = lost(np.ones(400), after, vehicle)

    difference = over_vehicles(by_vehicle(1 - after, vehicle), ends=(-1.0, 1.0))
    assert (found.low, found.high) == pytest.approx((difference.low, difference.high), abs=2e-3)


def test_the_interval_of_a_loss_holds_the_true_one_about_as_often_as_it_says():
    rng = np.random.Generator(np.random.PCG64(7))
    held = 0
    for _ in range(60):
        easy = rng.random(60)
        before = np.clip(np.repeat(easy, 4) * 0.6 + 0.4 * rng.random(240), 0, 1)
        after = before * np.repeat(0.4 + 0.4 * rng.random(60), 4)
        found = lost(before, after, np.arange(240) // 4)
        held += found.low <= 0.4 <= found.high

    assert held >= 52


def test_queries_that_draws_asked_more_often_weigh_more():
    before, after, vehicle = np.array([1.0, 1.0]), np.array([0.0, 1.0]), np.array([1, 2])

    assert lost(before, after, vehicle, np.array([3, 1])).value == 0.75


def test_no_loss_is_told_where_the_clean_value_is_zero():
    assert lost(np.zeros(4), np.ones(4), np.arange(4)) is None


def test_the_mean_over_conditions_is_that_of_each_query_and_then_of_all():
    clean, vehicle = [1.0, 0.5, np.nan], [1, 2, 3]
    found = outcome(
        table(clean, vehicle), [table([0.5, 0.5, np.nan], vehicle), table([0.0, 0.25, np.nan], vehicle)], "ap"
    )

    assert found.mean.value == pytest.approx(0.3125)
    assert found.drop.value == pytest.approx(1 - 0.3125 / 0.75)
    assert found.mean.low <= found.mean.value <= found.mean.high


def test_conditions_of_other_queries_are_refused():
    with pytest.raises(RecordError, match="different queries"):
        outcome(table([1, 0], [1, 2]), [table([1, 0], [1, 3])], "ap")
