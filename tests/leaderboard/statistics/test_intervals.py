import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from benchmarks.studies.chance import coverage, drawn_coverage
from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.statistics.intervals import Interval, over_everything, over_vehicles
from leaderboard.statistics.vehicles import Runs, by_vehicle

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


def test_one_vehicle_says_nothing_about_others():
    assert over_vehicles(by_vehicle(np.array([0.4, 0.6]), np.array([7, 7]))) == Interval(0.0, 1.0)


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


def test_a_query_asked_in_more_draws_weighs_more():
    """A vehicle of n images is asked n - 1 times in each draw; the interval is around the mean over draws."""
    values, vehicle = np.array([1.0, 1.0, 0.0, 0.0, 0.0]), np.array([1, 1, 2, 2, 2])
    asked = np.array([5, 5, 7, 7, 6])  # of ten draws: 10 * (2 - 1) and 10 * (3 - 1)

    assert by_vehicle(values, vehicle, asked).mean == pytest.approx(10 / 30)
    assert by_vehicle(values, vehicle, asked).counts.tolist() == [10, 20]


def test_a_query_that_no_draw_asks_is_in_no_mean():
    assert by_vehicle(np.array([0.5, np.nan]), np.array([1, 2]), np.array([3, 0])).counts.tolist() == [3]
    with pytest.raises(RecordError, match="no query has a value"):
        by_vehicle(np.array([0.5]), np.array([1]), np.array([0]))


def sample(runs, vehicle, draws=()):
    """Return the runs of one method: (r, q) values, (q,) vehicles."""
    keys = ("",) * len(vehicle)
    return Runs.of([PerQuery(keys, np.array(vehicle), {"ap": np.array(run)}) for run in runs], "ap", draws)


def test_a_single_run_without_draws_has_the_interval_over_vehicles():
    values, vehicle = np.linspace(0, 1, 60) ** 2, np.arange(60) // 4

    assert over_everything(sample([values], vehicle)) == over_vehicles(by_vehicle(values, vehicle))


def test_seeds_that_differ_widen_the_interval_and_equal_ones_do_not():
    values, vehicle = 0.5 + 0.2 * np.sin(np.arange(200.0)), np.arange(200) // 4
    widths = []
    for spread in (0.0, 0.02, 0.05):
        interval = over_everything(sample([values - spread, values, values + spread], vehicle))
        widths.append(interval.high - interval.low)

    alone = over_vehicles(by_vehicle(values, vehicle))
    assert widths[0] == pytest.approx(alone.high - alone.low)
    assert widths[0] < widths[1] < widths[2]


def test_where_only_seeds_move_the_interval_is_students():
    """Mean 0.5, deviation 0.1, three seeds, vehicles all alike: 4.303 * 0.1 / sqrt(3)."""
    interval = over_everything(sample([[0.4] * 30, [0.5] * 30, [0.6] * 30], range(30)))

    assert interval.high - 0.5 == pytest.approx(4.30265 * 0.1 / math.sqrt(3), rel=1e-2)
    assert 0.5 - interval.low == pytest.approx(interval.high - 0.5)


def test_draws_that_differ_widen_the_interval():
    values, vehicle = 0.5 + 0.2 * np.sin(np.arange(200.0)), np.arange(200) // 4
    mean = values.mean()
    still, moving = (
        over_everything(sample([values], vehicle, [[mean - step, mean, mean + step]])) for step in (0.0, 0.05)
    )

    assert still == over_vehicles(by_vehicle(values, vehicle))
    assert moving.high - moving.low > 2 * (still.high - still.low)


@settings(max_examples=50)
@given(st.lists(st.lists(st.floats(0, 1), min_size=12, max_size=12), min_size=1, max_size=4))
def test_an_interval_over_everything_holds_the_mean_and_stays_on_the_scale(runs):
    method = sample(runs, np.arange(12) // 2)
    interval = over_everything(method, resamples=100)

    assert 0 <= interval.low <= method.mean.mean + 1e-6
    assert method.mean.mean - 1e-6 <= interval.high <= 1


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.02, 0.04])
def test_an_interval_over_everything_covers_the_expected_value(seeds, spread):
    assert 0.93 <= coverage(2000, seeds=seeds, spread=spread) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.03])
def test_the_interval_of_a_drawn_gallery_covers_the_expected_value(spread):
    assert 0.93 <= drawn_coverage(2000, spread=spread) <= 0.97
