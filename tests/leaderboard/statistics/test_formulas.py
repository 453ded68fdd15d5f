"""Variances, quantiles and p values by their textbook formulas, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.statistics import intervals, variance
from leaderboard.statistics.intervals import Interval, over_everything, over_vehicles, widened
from leaderboard.statistics.paired import Side, compare_paired, p_value, p_values, rank_ranges
from leaderboard.statistics.variance import CERTAIN, SeedSpread, Variance, of_draws, of_vehicles, squared_errors
from leaderboard.statistics.vehicles import ByVehicle, Runs, by_vehicle

RNG = np.random.default_rng(1)
VEHICLE = np.repeat(np.arange(6), [1, 2, 2, 3, 5, 7])
VALUES = RNG.random(20)


def table(values, vehicle=VEHICLE, asked=None, **more):
    return PerQuery(("",) * len(values), np.array(vehicle), {"ap": np.array(values, dtype=float), **more}, asked)


def jackknife(values, vehicle):
    """Leave out each vehicle with all its queries; Efron's variance of the means that are left."""
    vehicles = np.unique(vehicle)
    means = np.array([values[vehicle != one].mean() for one in vehicles])
    return (len(vehicles) - 1) / len(vehicles) * ((means - values.mean()) ** 2).sum()


def test_the_variance_over_vehicles_is_the_jackknifes():
    counts = np.bincount(VEHICLE).astype(float)
    freedom = (counts**2).sum() ** 2 / (counts**4).sum() - 1

    found = of_vehicles(by_vehicle(VALUES, VEHICLE))

    assert found.value == pytest.approx(jackknife(VALUES, VEHICLE), rel=1e-6)
    assert found.doubt == pytest.approx(found.value**2 / freedom, rel=1e-9)
    assert found.freedom == pytest.approx(freedom)
    residuals = by_vehicle(VALUES, VEHICLE).residuals
    both, _ = squared_errors(counts, np.stack([residuals, 2 * residuals]))
    assert both == pytest.approx(np.array([1, 4]) * found.value)


def test_a_single_vehicle_has_no_variance_and_two_have_one_degree():
    assert squared_errors(np.array([5.0]), np.zeros((3, 1)))[0].tolist() == [0, 0, 0]
    assert squared_errors(np.array([5.0]), np.zeros(1))[1] == 1
    assert squared_errors(np.array([5.0]), np.zeros(1))[0].shape == ()
    assert squared_errors(np.array([5.0, 1.0]), np.array([1.0, -1.0]))[1] == 1
    assert squared_errors(np.ones(2), np.array([1.0, -1.0])) == (1.0, 1.0)


def test_variances_add_up_and_so_do_their_doubts():
    one, other = Variance(0.5, 0.125), Variance(0.25, 0.5)

    assert one + other == Variance(0.75, 0.625)
    assert one.freedom == 2
    assert other.freedom == 1
    assert Variance(0.0, 0.0) == CERTAIN
    assert math.isinf(CERTAIN.freedom)
    assert math.isinf(Variance(0.5).freedom)


def test_draws_have_the_variance_of_their_mean():
    means = np.array([0.1, 0.4, 0.7, 0.9])
    value = means.var(ddof=1) / 4

    assert of_draws(means).value == pytest.approx(value)
    assert of_draws(means).doubt == pytest.approx(value**2 / 3)
    assert of_draws(means[:2]).value == pytest.approx(means[:2].var(ddof=1) / 2)
    assert of_draws(means[:1]) == of_draws(means[:0]) == CERTAIN


def runs(*shifts, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    tables = [table(np.clip(VALUES * 0.5 + 0.2 + shift + noise * rng.standard_normal(20), 0, 1)) for shift in shifts]
    return Runs.of(tables, "ap")


def single_vehicles(method):
    """Return the part of the runs' squared differences that comes from single vehicles: the residuals' changes."""
    residuals = np.array([run.residuals for run in method.runs])
    return ((residuals - residuals.mean(axis=0)) ** 2).sum() / 20**2 * 6 / 5


def test_the_spread_of_seeds_is_common_or_a_methods_own_where_that_is_larger():
    methods = [runs(0.0, 0.1, noise=0.01), runs(-0.05, 0.0, 0.05, noise=0.02, seed=2), runs(0.0)]
    own = [np.var([run.mean for run in one.runs], ddof=1) for one in methods[:2]]
    common = (own[0] + 2 * own[1]) / 3
    within = (single_vehicles(methods[0]) + single_vehicles(methods[1])) / 3

    spread = SeedSpread.of(methods)

    assert spread.runs == (2, 3, 1)
    assert spread.freedom == 3
    assert spread.between == pytest.approx([max(own[0], common), max(own[1], common), common])
    assert spread.within == pytest.approx(within, rel=1e-9)
    value = spread.between[0] / 2 + spread.between[1] / 3 - within * (1 / 2 + 1 / 3)
    assert spread.of_mean(0, 1).value == pytest.approx(value)
    assert spread.of_mean(0, 1).doubt == pytest.approx(value**2 / 3)
    assert spread.of_mean(2).value == pytest.approx(common - within)
    assert SeedSpread.of(methods[2:]).of_mean(0) == CERTAIN
    nothing = SeedSpread((0.1,), 0.2, (2,), 1)
    assert nothing.of_mean(0) == CERTAIN


def test_one_vehicle_in_several_runs_has_no_part_of_its_own():
    method = Runs.of([table([0.2, 0.4], [1, 1]), table([0.4, 0.6], [1, 1])], "ap")

    assert SeedSpread.of([method]).within == 0
    assert SeedSpread.of([method]).between == pytest.approx((0.02,))


def test_of_two_vehicles_in_several_runs_the_part_of_single_ones_has_one_degree_of_freedom():
    method = Runs.of([table(values, [0, 1, 1]) for values in ([0.2, 0.4, 0.4], [0.4, 0.8, 0.2])], "ap")
    # The sums of both vehicles rise by 0.2, the first one's residual by that less a third of 0.4, the other's falls.
    change = 0.2 - 0.4 / 3

    assert SeedSpread.of([method]).within == pytest.approx(4 * (change / 2) ** 2 / 3**2 * 2 / (2 - 1))


@pytest.mark.parametrize("freedom", [1.0, 3.5, 30.0])
def test_quantiles_and_tails_are_students(freedom):
    assert variance.student_quantile(0.975, freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), rel=1e-5)
    tails = variance.student_tails(np.array([2.0, -2.0, 0.0]), np.full(3, freedom))
    assert tails == pytest.approx([2 * scipy.stats.t.sf(2, freedom)] * 2 + [1])


def test_without_doubt_the_quantile_is_the_normal_ones_and_digits_are_six():
    assert variance.student_quantile(0.975, math.inf) == 1.95996
    assert variance.rounded(1.23456789e-9) == 1.23457e-9
    assert variance.rounded(123456789.0) == 123457000.0


def test_an_interval_is_widened_by_squares_and_students_factor():
    values = by_vehicle(VALUES, VEHICLE)
    besides = Variance(0.004, 0.004**2 / 2)
    vehicles = of_vehicles(values)
    alone = variance.student_quantile(0.975, vehicles.freedom)
    together = variance.student_quantile(0.975, (vehicles + besides).freedom)

    found = widened(Interval(values.mean - 0.1, values.mean + 0.15), values, besides, ends=(0.0, 1.0))

    low, high = (together / alone * math.sqrt(half**2 + alone**2 * 0.004) for half in (0.1, 0.15))
    assert values.mean - found.low == pytest.approx(low)
    assert found.high - values.mean == pytest.approx(high)
    wide = widened(Interval(0.0, 1.0), values, Variance(1.0, 0.5), ends=(0.0, 1.0))
    assert (wide.low, wide.high) == (0.0, 1.0)
    given = Interval(0.1, 0.9)
    assert widened(given, values, CERTAIN, ends=(0.0, 1.0)) is given


def test_all_right_and_all_wrong_have_the_interval_of_no_failure():
    vehicle = np.arange(12) // 2
    reach = 1 - 0.025 ** (1 / 6)
    right, wrong, lost = (by_vehicle(np.full(12, value), vehicle) for value in (1.0, 0.0, -1.0))

    assert over_vehicles(right) == Interval(1 - reach, 1.0)
    assert over_vehicles(wrong) == Interval(0.0, reach)
    assert over_vehicles(lost, ends=(-1.0, 1.0)) == Interval(-1.0, reach - 1)
    assert over_vehicles(by_vehicle(np.full(3, 0.5), np.zeros(3, np.int64))) == Interval(0.0, 1.0)
    # A mean at an end by chance, of values that differ: of differences only.
    mixed = by_vehicle(np.array([0.5, -0.5, 1.0, -1.0, 0.25, -0.25]), np.arange(6))
    assert over_vehicles(mixed, ends=(-1.0, 1.0)).low < -0.1


def test_a_mean_and_its_error_are_the_ratios_and_its_linearised_one():
    values = by_vehicle(VALUES, VEHICLE)
    counts, sums = np.bincount(VEHICLE), np.bincount(VEHICLE, weights=VALUES)
    picks = np.array([[0, 1, 2, 3, 4, 5], [5, 5, 1, 0, 0, 3]])

    ratio, error = intervals._ratio_and_error(values, picks)

    for row, found, spread in zip(picks, ratio, error, strict=True):
        mean = sums[row].sum() / counts[row].sum()
        squares = ((sums[row] - mean * counts[row]) ** 2).sum() + 0.02 * counts.mean() ** 2
        assert found == pytest.approx(mean, rel=1e-9)
        assert spread == pytest.approx(math.sqrt(6 / 5 * squares) / counts[row].sum(), rel=1e-6)
    _, [of_two] = intervals._ratio_and_error(by_vehicle(np.array([0.25, 0.75]), np.arange(2)), np.array([[0, 1]]))
    assert of_two == pytest.approx(math.sqrt(2 * (2 * 0.25**2 + 0.02)) / 2, rel=1e-6)


def test_resamples_in_pieces_are_the_same_resamples(monkeypatch):
    values = by_vehicle(VALUES, VEHICLE)
    whole = over_vehicles(values, resamples=50)

    monkeypatch.setattr(intervals, "CHUNK", 6 * 7)

    assert over_vehicles(values, resamples=50) == whole


def test_a_quantile_lies_between_its_neighbours():
    numbers = np.sort(RNG.random(11))
    for share in (0.0, 0.025, 0.33, 0.5, 0.975, 1.0):
        assert intervals._quantile(numbers, share) == pytest.approx(np.quantile(numbers, share))
    assert intervals._quantile(numbers[:1], 0.7) == numbers[0]


def test_the_interval_of_a_mean_is_the_bootstrap_ts():
    """Studentised resamples: their upper quantile sets the lower end, and the other way round."""
    values = by_vehicle(VALUES, VEHICLE)
    picks = intervals.Chance(4, "bootstrap").picks(6, 300, 6)
    own, error = intervals._ratio_and_error(values, np.arange(6)[None])
    ratio, spread = intervals._ratio_and_error(values, picks)
    t = np.sort((ratio - own) / spread)

    found = over_vehicles(values, seed=4, resamples=300)

    assert found.low == pytest.approx(max(0, values.mean - np.quantile(t, 0.975) * error[0]))
    assert found.high == pytest.approx(min(1, values.mean - np.quantile(t, 0.025) * error[0]))
    assert over_everything(Runs.of([table(VALUES)], "ap"), seed=4, resamples=300) == found
    assert over_vehicles(values) == over_vehicles(values, seed=0, resamples=2000)
    assert over_everything(Runs.of([table(VALUES)], "ap")) == over_vehicles(values)
    near_the_end = Runs.of([table(0.9 + 0.1 * VALUES), table(np.ones(20))], "ap")
    assert over_everything(near_the_end).high == 1.0


def halls(change, vehicle, besides=CERTAIN):
    """Return the p value by Hall's correction of Student's t, from values of each query."""
    counts = np.bincount(vehicle).astype(float)
    mean = change.mean()
    residuals = np.bincount(vehicle, weights=change) - mean * counts
    squared, freedom = jackknife(change, vehicle), (counts**2).sum() ** 2 / (counts**4).sum() - 1
    whole = squared + besides.value
    t = mean / math.sqrt(whole)
    skewness = (residuals**3).sum() / len(change) ** 3 / whole**1.5
    t = t + skewness * (2 * t**2 + 1) / 6 + skewness**2 * t**3 / 27
    doubt = squared**2 / freedom + besides.doubt
    return max(2.0 ** (1 - len(counts)), 2 * scipy.stats.t.sf(abs(t), max(1.0, whole**2 / doubt)))


@pytest.mark.parametrize("besides", [CERTAIN, Variance(0.01, 0.01**2 / 2), Variance(0.01, 1.0)])
@pytest.mark.parametrize("shift", [-0.05, 0.0, 0.02, 0.1, 0.3])
def test_a_p_value_is_students_corrected_for_skewness(shift, besides):
    change = np.clip(RNG.standard_gamma(1.0, 20) / 4 - 0.2 + shift, -1, 1)

    found = p_value(by_vehicle(change, VEHICLE), besides)

    assert found == pytest.approx(halls(change, VEHICLE, besides), rel=1e-4)


def test_p_values_of_one_vehicle_and_of_no_difference_are_one():
    assert p_value(by_vehicle(np.array([0.5, 0.6]), np.array([1, 1]))) == 1
    assert p_value(by_vehicle(np.zeros(4), np.arange(4))) == 1
    assert p_value(by_vehicle(np.array([0.25, 0.25]), np.arange(2))) == 0.5


def test_a_comparison_says_what_differs():
    other = VALUES.copy()
    other[:5] -= 0.25 * VALUES[:5]
    other[5:7] += 0.1 * (1 - VALUES[5:7])

    [found] = compare_paired([Side((table(VALUES),)), Side((table(other),))], "ap", seed=3)

    change = VALUES - other
    assert (found.measure, found.wins, found.ties, found.losses) == ("ap", 5, 13, 2)
    assert found.difference == pytest.approx(change.mean())
    assert found.p == pytest.approx(halls(change, VEHICLE), rel=1e-4)
    assert found.interval == over_vehicles(by_vehicle(change, VEHICLE), seed=3, ends=(-1.0, 1.0))
    [usual] = compare_paired([Side((table(VALUES),)), Side((table(other),))], "ap")
    assert usual.interval == over_vehicles(by_vehicle(change, VEHICLE), seed=0, ends=(-1.0, 1.0))


def test_an_interval_of_a_difference_ends_at_one_on_either_side():
    much, little = (Side((table(values, np.arange(3)),)) for values in ([1, 1, 0.5], [0, 0.25, 0]))

    [there], [back] = compare_paired([much, little], "ap"), compare_paired([little, much], "ap")

    assert there.interval.high == 1.0
    assert back.interval.low == -1.0


def test_draws_add_the_variance_of_their_differences():
    draws = [[0.5, 0.6, 0.4], [0.45, 0.5, 0.45]]
    sides = [
        Side((table(values),), ({"ap": means},)) for values, means in zip((VALUES, VALUES * 0.75), draws, strict=True)
    ]
    steps = np.array(draws[0]) - draws[1]
    value = steps.var(ddof=1) / 3

    [found] = compare_paired(sides, "ap")

    assert found.p == pytest.approx(halls(VALUES / 4, VEHICLE, Variance(value, value**2 / 2)), rel=1e-4)
    assert p_values([side.runs("ap") for side in sides]) == pytest.approx([found.p], rel=1e-4)
    with pytest.raises(RecordError, match=r"different draws\n.*3 and 0 draws"):
        p_values([sides[0].runs("ap"), Runs.of([table(VALUES)], "ap")])


def test_a_side_is_the_mean_of_its_runs_in_the_measures_that_all_have():
    asked = np.arange(20) % 3
    side = Side(
        (table(VALUES, asked=asked, cmc=VALUES), table(VALUES / 2, asked=asked)), ({"ap": [0.5]}, {"ap": [0.25]})
    )

    assert side.measures == ("ap",)
    assert side.mean.values["ap"] == pytest.approx(0.75 * VALUES)
    assert side.mean.asked.tolist() == asked.tolist()
    assert side.runs("ap").draws.tolist() == [0.375]
    assert Side(side.tables, side.per_draw[:1]).runs("ap").draws.tolist() == []
    assert side.runs("ap").mean.counts.sum() == asked.sum()
    assert side.unweighed.runs("ap").mean.counts.sum() == 20
    assert side.unweighed.per_draw == side.per_draw
    some = side.of_rows(np.array([3, 4, 5]))
    assert [len(one) for one in some.tables] == [3, 3]
    assert some.per_draw == ()


def test_a_record_that_does_not_say_how_often_it_asked_counts_each_query_once():
    weighed = Side((table(VALUES, asked=1 + np.arange(20) % 3),))
    plain = Side((table(VALUES / 2),))

    [found] = compare_paired([weighed, plain], "ap")

    assert found.difference == pytest.approx((VALUES / 2).mean())


def test_a_border_of_chance_tells_methods_apart_below_five_percent():
    """Of two methods that differ alike on k vehicles, p is 2 ** (1 - k): 1/16 for five, 1/32 for six."""
    for vehicles, known in ((5, False), (6, True)):
        vehicle = np.arange(vehicles)
        two = [Runs.of([table(np.full(vehicles, value), vehicle)], "ap") for value in (0.75, 0.5)]
        assert [str(one) for one in rank_ranges(two)] == (["1", "2"] if known else ["1-2", "1-2"])
        assert [str(one) for one in rank_ranges(two[::-1])] == (["2", "1"] if known else ["1-2", "1-2"])


def test_sums_are_whole_numbers_that_fit_with_their_squares():
    many = by_vehicle(np.full(3000, 1.0), np.arange(3000) // 3000)
    values = by_vehicle(VALUES, VEHICLE)
    weighed = by_vehicle(VALUES, VEHICLE, np.full(20, 1 << 20))

    assert values.unit == 1 << 40
    assert many.unit == 1 << 40
    # Six vehicles of up to 7 * 2^20 queries: 26 bits, and 62 in all.
    assert weighed.unit == 1 << (62 - (6 * 7 * 2**20).bit_length())
    assert values.sums.tolist() == [
        int(sum(round(value * 2**40) for value in VALUES[one == VEHICLE])) for one in range(6)
    ]
    assert values.residuals == pytest.approx(
        np.bincount(VEHICLE, weights=VALUES) - VALUES.mean() * np.bincount(VEHICLE), abs=1e-9
    )
    for one in (values, many, weighed):
        coarse = one.coarse
        assert one.unit % coarse.unit == 0
        assert int(len(one.counts) * (int(one.counts.max()) * coarse.unit) ** 2) < 2**63
        assert 4 * int(len(one.counts) * (int(one.counts.max()) * coarse.unit) ** 2) > 2**58 or coarse.unit == one.unit
        shift = one.unit // coarse.unit
        assert coarse.sums.tolist() == [(number + shift // 2) // shift for number in one.sums.tolist()]
        assert coarse.counts is one.counts
        assert coarse.vehicles is one.vehicles
    small = ByVehicle(np.array([3]), np.array([1]), 4)
    assert small.coarse.unit == 4
    assert small.coarse.sums.tolist() == [3]


def test_sums_of_other_queries_or_vehicles_are_not_subtracted():
    one = by_vehicle(VALUES, VEHICLE)
    one.check_same(one)
    one.check_same(ByVehicle(one.sums, one.counts, one.unit))
    others = [
        ByVehicle(one.sums, one.counts + 1, one.unit, one.vehicles),
        ByVehicle(one.sums, one.counts, one.unit * 2, one.vehicles),
        ByVehicle(one.sums, one.counts, one.unit, one.vehicles + 1),
    ]
    for other in others:
        with pytest.raises(RecordError, match=r"(?s)different queries.*20 queries of 6 vehicles, and 2[06] of 6"):
            one.check_same(other)


def test_runs_are_averaged_by_query():
    found = Runs.of(
        [table(VALUES), table(VALUES / 2), table(VALUES / 4)], "ap", [[0.5, 0.25], [0.25, 0.5], [0.75, 0.0]]
    )

    assert [run.mean for run in found.runs] == pytest.approx([VALUES.mean() / part for part in (1, 2, 4)])
    assert found.mean.mean == pytest.approx(VALUES.mean() * 1.75 / 3)
    assert found.draws.tolist() == [0.5, 0.25]
    assert Runs.of([table(VALUES)], "ap").draws.tolist() == []
    assert Runs.of([table(VALUES), table(VALUES / 2)], "ap").mean.mean == pytest.approx(VALUES.mean() * 0.75)
    first = Runs.of([table(VALUES, asked=1 + np.arange(20) % 3), table(VALUES / 2)], "ap")
    assert [run.counts.sum() for run in (*first.runs, first.mean)] == [39] * 3  # as the first run was asked
    with pytest.raises(RecordError, match=r"(?s)no per-query values of 'minp'.*expected: ap"):
        Runs.of([table(VALUES)], "minp")
    asked = [table(VALUES, asked=np.full(20, times)) for times in (1, 2)]
    with pytest.raises(RecordError, match="different queries"):
        Runs.of([*asked, table(VALUES)], "ap")
