import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.errors import RecordError
from leaderboard.statistics.intervals import Interval, over_repeats, over_vehicles
from leaderboard.statistics.vehicles import by_vehicle

QUERIES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6)), min_size=1, max_size=40)


def gathered(queries):
    values, vehicle = zip(*queries, strict=True)
    return by_vehicle(np.array(values), np.array(vehicle))


@settings(max_examples=50)
@given(QUERIES)
def test_the_mean_by_vehicle_is_the_mean_over_queries(queries):
    assert gathered(queries).mean == pytest.approx(np.mean([value for value, _ in queries]), abs=1e-9)


def test_queries_without_a_value_are_in_no_mean():
    values = by_vehicle(np.array([0.5, np.nan, 1.0, np.nan]), np.array([1, 1, 2, 3]))

    assert values.mean == 0.75
    assert values.counts.tolist() == [1, 1]
    with pytest.raises(RecordError, match="no query has a value"):
        by_vehicle(np.array([np.nan]), np.array([1]))


@settings(max_examples=50)
@given(QUERIES, st.randoms())
def test_an_interval_holds_the_mean_and_does_not_depend_on_the_order_of_queries(queries, random):
    values = gathered(queries)
    interval = over_vehicles(values, resamples=200)
    random.shuffle(queries)

    assert over_vehicles(gathered(queries), resamples=200) == interval
    assert 0 <= interval.low <= interval.high <= 1
    assert interval.low - 1e-6 <= values.mean <= interval.high + 1e-6


def test_the_same_seed_gives_the_same_digits():
    """The digits are written here to fail on a machine that gives others."""
    values = by_vehicle(np.linspace(0, 1, 60) ** 2, np.arange(60) // 4)

    assert over_vehicles(values, seed=1) == over_vehicles(values, seed=1) != over_vehicles(values, seed=2)
    assert over_vehicles(values, seed=1) == Interval(0.1871196921168233, 0.5422311497508225)


def test_more_vehicles_give_a_narrower_interval():
    widths = []
    for vehicles in (10, 100, 1000):
        values = by_vehicle(np.tile([0.2, 0.9], vehicles), np.arange(2 * vehicles) // 2 % vehicles)
        interval = over_vehicles(by_vehicle(np.tile([0.2, 0.9], vehicles), np.arange(2 * vehicles) % vehicles))
        widths.append(interval.high - interval.low)
        assert values.mean == pytest.approx(0.55)

    assert widths == sorted(widths, reverse=True)


def test_queries_of_one_vehicle_count_as_one():
    """Ten copies of each query add no vehicle and so no certainty."""
    values = np.linspace(0.1, 0.9, 30)
    once, often = (
        over_vehicles(by_vehicle(np.repeat(values, copies), np.repeat(np.arange(30), copies))) for copies in (1, 10)
    )

    assert often.low == pytest.approx(once.low, abs=1e-6)
    assert often.high == pytest.approx(once.high, abs=1e-6)


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_a_measure_at_the_end_of_its_scale_has_an_interval_all_the_same(mean):
    interval = over_vehicles(by_vehicle(np.full(50, mean), np.arange(50)))

    assert interval.high - interval.low == pytest.approx(1 - 0.025 ** (1 / 50))
    assert mean in (interval.low, interval.high)


def test_no_difference_at_all_is_no_interval():
    assert over_vehicles(by_vehicle(np.zeros(50), np.arange(50)), ends=(-1, 1)) == Interval(0, 0)


def simulated(generator, kind, vehicles):
    """Return queries of vehicles of which some are harder than others, and the true mean."""
    counts = generator.integers(1, 12, vehicles)
    vehicle = np.repeat(np.arange(vehicles), counts)
    if kind == "ap":
        ease = generator.beta(2, 1.2, vehicles)[vehicle]
        return generator.beta(4 * ease + 0.05, 4 * (1 - ease) + 0.05), vehicle, 2 / 3.2 * 4 / 4.1 + 0.05 / 4.1
    return (generator.random(len(vehicle)) < generator.beta(4.5, 0.5, vehicles)[vehicle]).astype(float), vehicle, 0.9


@pytest.mark.parametrize("kind", ["ap", "hits"])
def test_the_interval_covers_the_truth_in_93_to_97_of_100_leaderboards(kind):
    generator = np.random.default_rng(11)
    covered = 0
    for seed in range(600):
        values, vehicle, truth = simulated(generator, kind, 60)
        interval = over_vehicles(by_vehicle(values, vehicle), seed=seed, resamples=800)
        covered += interval.low <= truth <= interval.high

    assert 0.93 <= covered / 600 <= 0.97


def test_repeats_have_students_interval():
    """Mean 0.5, deviation 0.1, three repeats: 4.303 * 0.1 / sqrt(3)."""
    interval = over_repeats([0.4, 0.5, 0.6])

    assert interval is not None
    assert interval.high - 0.5 == pytest.approx(4.303 * 0.1 / math.sqrt(3))
    assert 0.5 - interval.low == pytest.approx(interval.high - 0.5)


def test_one_repeat_has_no_interval_and_ends_stay_on_the_scale():
    assert over_repeats([0.5]) is None
    assert over_repeats([0.0, 1.0]) == Interval(0.0, 1.0)
    assert over_repeats([0.25] * 40) == Interval(0.25, 0.25)
