from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import ttest_1samp

from benchmarks.studies.chance import false_claims, simulated_board, skewed_rejections
from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.statistics import paired
from leaderboard.statistics.paired import RankRange, Side, compare_paired, holm, p_value, p_values, rank_ranges
from leaderboard.statistics.variance import Variance
from leaderboard.statistics.vehicles import ByVehicle, Runs, by_vehicle


def table(values, vehicle=None):
    values = np.array(values, dtype=float)
    vehicle = np.arange(len(values)) if vehicle is None else np.array(vehicle)
    return PerQuery(tuple(f"{row}.jpg" for row in range(len(values))), vehicle, {"ap": values})


def side(*runs, vehicle=None):
    return Side(tuple(table(run, vehicle) for run in runs))


def compared(one, other):
    [found] = compare_paired([Side((one,)), Side((other,))], "ap")
    return found


def differences(values):
    return by_vehicle(np.array(values, dtype=float), np.arange(len(values)))


SUMS = st.lists(st.integers(-1000, 1000), min_size=2, max_size=40)


@settings(max_examples=50)
@given(SUMS, st.integers(1, 1000))
def test_p_does_not_depend_on_the_sign_or_the_scale(sums, scale):
    there = ByVehicle(np.array(sums), np.ones(len(sums), dtype=np.int64), 1 << 20)
    back = ByVehicle(-there.sums, there.counts, there.unit)
    larger = ByVehicle(there.sums * scale, there.counts, there.unit)

    assert 0 < p_value(there) <= 1
    assert p_value(back) == p_value(there)
    assert p_value(larger) == pytest.approx(p_value(there), rel=1e-4)


def test_without_skewness_it_is_students_test():
    """Differences that are symmetric about their mean have no skewness to correct."""
    values = 0.02 + np.concatenate([steps := np.linspace(0.001, 0.08, 30), -steps])

    assert p_value(differences(values)) == pytest.approx(ttest_1samp(values, 0.0).pvalue, rel=1e-5)


def test_equal_methods_have_p_1_and_a_clear_difference_a_small_one():
    assert p_value(differences(np.zeros(30))) == 1
    assert p_value(differences(np.full(30, 0.25))) == 2.0**-29
    assert p_value(differences([0.25] + [0.0] * 29)) == 1


@given(st.integers(2, 12))
def test_few_vehicles_that_differ_prove_little(moved):
    """Two equal methods have the same one ahead on all k vehicles with a probability of 2 ** (1 - k)."""
    values = np.zeros(60)
    values[:moved] = 0.5 + np.arange(moved) / 100

    assert p_value(differences(values)) >= 2.0 ** (1 - moved)


def test_a_p_value_is_never_zero():
    assert p_value(differences(np.full(1500, 0.25))) == 2.0**-1000


def test_one_method_has_nothing_to_be_compared_with():
    one = side([0.5, 0.25, 1.0])

    assert compare_paired([one], "ap") == []
    assert p_values([one.runs("ap")]) == []
    assert rank_ranges([one.runs("ap")]) == [RankRange(1, 1)]


def test_p_values_are_of_the_same_queries():
    methods = [side(values).runs("ap") for values in ([0.5, 0.25], [0.5, 0.25, 1.0])]

    with pytest.raises(RecordError, match=r"(?s)different queries.*2 queries of 2 vehicles, and 3 of 3"):
        p_values(methods)


@pytest.mark.parametrize(("p", "known"), [(0.05, False), (0.0499, True)])
def test_methods_are_told_apart_by_a_p_value_below_five_percent(monkeypatch, p, known):
    monkeypatch.setattr(paired, "p_values", lambda _methods: [p])

    found = rank_ranges([side(values).runs("ap") for values in ([0.5, 0.5], [0.25, 0.5])])

    assert found == ([RankRange(1, 1), RankRange(2, 2)] if known else [RankRange(1, 2), RankRange(1, 2)])


def test_seeds_that_vary_more_make_a_difference_less_certain():
    values = differences(0.02 + 0.05 * np.sin(np.arange(60.0)))
    found = [p_value(values, Variance(spread**2, spread**4 / 4)) for spread in (0.0, 0.005, 0.01, 0.02)]

    assert found == sorted(found)
    assert found[0] < 0.01
    assert found[-1] > 0.2


def test_a_comparison_counts_queries_and_tests_vehicles():
    vehicle = np.repeat(np.arange(20), 3)
    one = table(np.where(np.arange(60) % 3 == 0, 0.9, 0.5), vehicle)
    other = table(np.where(np.arange(60) % 3 == 1, 0.8, 0.5), vehicle)

    found = compared(one, other)

    assert found.difference == pytest.approx(0.1 / 3)
    assert (found.wins, found.ties, found.losses) == (20, 20, 20)
    assert found.interval.low <= found.difference <= found.interval.high
    assert found.p == pytest.approx(2.0**-19, rel=1e-5)


def test_the_comparison_turned_round_is_the_opposite():
    generator = np.random.default_rng(1)
    one, other = (table(generator.random(60), np.arange(60) // 3) for _ in range(2))
    there, back = compared(one, other), compared(other, one)

    assert back.difference == -there.difference
    assert (back.p, back.wins, back.losses) == (there.p, there.losses, there.wins)
    assert back.interval.low == pytest.approx(-there.interval.high)


def test_all_pairs_of_three_are_those_of_two():
    """Of single runs, nothing is estimated from the other methods."""
    generator = np.random.default_rng(2)
    sides = [side(generator.random(60), vehicle=np.arange(60) // 3) for _ in range(3)]

    together = compare_paired(sides, "ap")

    assert together == [compare_paired([sides[one], sides[other]], "ap")[0] for one, other in ((0, 1), (0, 2), (1, 2))]


def test_the_interval_of_a_difference_and_its_p_value_include_the_seeds():
    """The same mean difference, once from runs that agree and once from runs that are three points apart."""
    values = np.clip(0.5 + 0.2 * np.sin(np.arange(150.0)), 0, 1)
    noise = 0.02 * np.cos(np.arange(150.0) * 1.7)
    vehicle = np.arange(150) // 3
    found = []
    for spread in (0.0, 0.03):
        shifts = (-spread, 0.0, spread)
        one = side(*(values + 0.02 + noise + shift for shift in shifts), vehicle=vehicle)
        other = side(*(values + shift for shift in shifts), vehicle=vehicle)
        found += compare_paired([one, other], "ap")

    assert found[0].difference == pytest.approx(found[1].difference)
    assert found[0].p < 1e-4
    assert found[1].p > 0.1
    assert found[0].interval.low > 0 > found[1].interval.low


def test_queries_without_a_positive_take_no_part():
    found = compared(table([0.5, np.nan, 0.7]), table([0.5, np.nan, 0.6]))

    assert (found.wins, found.ties, found.losses) == (1, 1, 0)


@pytest.mark.parametrize(
    "other", [table([0.5]), table([0.5, np.nan]), table([0.5, 0.5], [0, 0])], ids=["rows", "values", "vehicles"]
)
def test_results_of_other_queries_are_not_compared(other):
    with pytest.raises(RecordError, match="are of different queries"):
        compared(table([0.5, 0.6]), other)
    with pytest.raises(RecordError, match="are of different queries"):
        Side((table([0.5, 0.6]), other))


def test_draws_that_asked_other_queries_are_not_compared():
    one, other = (PerQuery(("", ""), np.arange(2), {"ap": np.ones(2)}, np.array(asked)) for asked in ([1, 2], [2, 1]))

    with pytest.raises(RecordError, match="are of different queries"):
        compared(one, other)
    with pytest.raises(RecordError, match="are of different queries"):
        Side((one, other, replace(one, asked=None)))  # the last does not say


def test_the_first_run_says_in_which_order_measures_stand_and_how_often_a_query_was_asked():
    values, asked = np.array([0.5, 0.25]), np.array([1, 3])
    first = PerQuery(("", ""), np.arange(2), dict.fromkeys(("ap", "minp", "cmc"), values), asked)
    second = PerQuery(("", ""), np.arange(2), dict.fromkeys(("cmc", "ap", "minp"), values))

    assert Side((first, second)).measures == ("ap", "minp", "cmc")
    assert Side((second, first)).measures == ("cmc", "ap", "minp")
    assert Side((first, second)).mean.asked is asked
    assert Side((second, first)).mean.asked is None


def test_a_measure_that_is_not_there_is_named():
    with pytest.raises(RecordError, match="'minp'"):
        compare_paired([side([0.5]), side([0.5])], "minp")


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_and_keeps_the_order(values):
    corrected = holm(values)

    assert all(p <= q <= min(1, p * len(values)) for p, q in zip(values, corrected, strict=True))
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [corrected[index] for index in order] == sorted(corrected)


def test_holm_is_holms():
    """The textbook's way: the smallest times four, the next times three, never below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02]


def test_p_values_of_many_methods_are_those_of_their_pairs():
    """Only the spread of the seeds is common; with single runs there is none."""
    methods = simulated_board(np.random.default_rng(3), 4, seeds=1)

    pairs = [(one, other) for one in range(4) for other in range(one + 1, 4)]
    assert p_values(methods) == [
        p_value(ByVehicle(methods[a].mean.sums - methods[b].mean.sums, methods[a].mean.counts, methods[a].mean.unit))
        for a, b in pairs
    ]


@settings(max_examples=20)
@given(st.integers(1, 8), st.integers(0, 1000))
def test_ranges_lie_within_the_table_and_somebody_may_be_first(methods, seed):
    ranges = rank_ranges(simulated_board(np.random.default_rng(seed), methods, vehicles=20, step=0.05))

    assert all(1 <= found.best <= found.worst <= methods for found in ranges)
    assert any(found.best == 1 for found in ranges)
    assert any(found.worst == methods for found in ranges)


def test_clearly_different_methods_have_their_places_and_equal_ones_share_a_range():
    first, second, third = simulated_board(np.random.default_rng(4), 3, vehicles=200, step=0.2)

    assert rank_ranges([first, second, third]) == [RankRange(1, 1), RankRange(2, 2), RankRange(3, 3)]
    assert rank_ranges([first, second, second]) == [RankRange(1, 1), RankRange(2, 3), RankRange(2, 3)]
    assert [str(found) for found in (RankRange(2, 2), RankRange(2, 11))] == ["2", "2-11"]


@pytest.mark.parametrize("methods", [10, 33, 40, 200])
def test_ranks_do_not_vanish_however_many_methods_there_are(methods):
    """Two groups ten points apart, whose members are equal: every member is told from every one of the other group."""
    generator = np.random.default_rng(5)
    upper = simulated_board(generator, 1, vehicles=200)[0]
    vehicle = np.repeat(np.arange(200), upper.mean.counts)
    base = np.repeat(upper.mean.sums / upper.mean.unit / upper.mean.counts, upper.mean.counts)
    found = []
    for number in range(methods):
        values = base - 0.1 * (number >= methods // 2)
        noise = [0.05 * generator.normal(0, 1, 200)[vehicle] for _ in range(3)]
        found.append(Runs.of([table(values + one, vehicle) for one in noise], "ap"))
    half = methods // 2
    assert rank_ranges(found) == [RankRange(1, half)] * half + [RankRange(half + 1, methods)] * (methods - half)


def test_ranks_depend_on_no_seed():
    """Nothing is drawn at random; the same methods in another order have the same ranges."""
    methods = simulated_board(np.random.default_rng(6), 12, step=0.02, spread=0.01)
    order = np.random.default_rng(7).permutation(12)

    once, again = rank_ranges(methods), rank_ranges([methods[index] for index in order])

    assert len(set(once)) > 3
    assert again == [once[index] for index in order]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.02, 0.04])
def test_eight_equal_methods_are_told_apart_on_at_most_6_of_100_boards(seeds, spread):
    assert false_claims(2000, seeds=seeds, spread=spread) <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("noisy", [1, 4])
@pytest.mark.parametrize("vehicles", [60, 400])
def test_some_methods_whose_seeds_differ_more_than_the_others_are_told_apart_no_more_often(noisy, vehicles):
    assert false_claims(1000, vehicles=vehicles, spread=[0.04] * noisy + [0.0] * (8 - noisy)) <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("vehicles", [50, 200])
def test_skewed_differences_of_equal_means_are_called_different_about_5_times_in_100(vehicles):
    assert 0.04 <= skewed_rejections(4000, vehicles=vehicles) <= 0.068
