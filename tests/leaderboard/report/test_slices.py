from fractions import Fraction

import numpy as np
import pytest

from harness.measures import ap, cmc
from harness.measures.ranks import PositiveRanks
from leaderboard.report.groupings import in_groups
from leaderboard.report.slices import FEWEST, Positives, slices, whole


def made_up(queries: int, seed: int) -> tuple[PositiveRanks, np.ndarray]:
    """Return the ranks of 0 to 6 positives of each query among 500 units, and the vehicle of each query."""
    random = np.random.default_rng(seed)
    counts = random.integers(0, 7, queries)
    ranks = [np.sort(random.choice(500, count, replace=False)) for count in counts]
    starts = np.concatenate([[0], np.cumsum(counts)])
    closer = np.concatenate([row - np.arange(len(row)) for row in ranks])
    units = random.integers(0, 500, len(closer))
    return PositiveRanks(np.arange(queries), starts, units, closer, np.zeros_like(closer)), np.arange(queries) // 3


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_of_any_grouping_add_up_to_the_whole_exactly(seed):
    ranks, vehicle = made_up(40, seed)
    positives = Positives.of(ranks, vehicle)
    group = np.random.default_rng(seed).integers(0, 9, len(positives.query))
    found = slices(positives, group, [str(number) for number in range(9)], intervals=False)
    ap_whole, hit_whole = whole(positives)

    assert sum(one.ap.weight for one in found) == sum(one.hit.weight for one in found) == Fraction(1)
    assert sum(one.ap.contribution for one in found) == ap_whole
    assert sum(one.hit.contribution for one in found) == hit_whole
    assert all(one.ap.contribution == one.ap.weight * Fraction(one.ap.contribution / one.ap.weight) for one in found)


@pytest.mark.parametrize("seed", range(5))
def test_the_whole_is_what_the_measures_say(seed):
    ranks, vehicle = made_up(40, seed)
    answered = ranks.counts > 0
    ap_whole, hit_whole = whole(Positives.of(ranks, vehicle))

    assert float(ap_whole) == pytest.approx(np.mean(ap.compute(ranks, 0)[answered]), abs=1e-15)
    assert hit_whole == Fraction(int(cmc.compute(ranks, 1)[answered].sum()), int(answered.sum()))


def test_the_terms_of_a_pair_of_cameras_are_those_of_its_positives():
    # One query with right answers at ranks 1, 2 and 4 and one at rank 2: AP (1 + 1 + 3/4) / 3 and 1/2.
    ranks = PositiveRanks(
        np.array([0, 1]), np.array([0, 3, 4]), np.array([5, 6, 7, 8]), np.array([0, 0, 1, 1]), np.zeros(4, np.int64)
    )
    positives = Positives.of(ranks, np.array([1, 2]))
    near, far = slices(positives, np.array([0, 1, 1, 1]), ["near", "far"])

    assert near.ap.weight == Fraction(1, 6)
    assert near.ap.contribution == Fraction(1, 6)
    assert far.ap.weight == Fraction(5, 6)
    assert far.ap.contribution == (Fraction(7, 4) / 3 + Fraction(1, 2)) / 2
    assert (near.queries, far.queries, far.vehicles) == (1, 2, 2)
    assert (near.hit.weight, near.hit.value, far.hit.weight, far.hit.value) == (0.5, 1.0, 0.5, 0.0)


def test_a_slice_of_few_vehicles_has_no_interval_and_one_of_enough_contains_its_value():
    ranks, vehicle = made_up(60, 1)
    positives = Positives.of(ranks, vehicle)
    owner = positives.vehicle[positives.query]
    group = np.where(owner < FEWEST - 1, 0, np.arange(len(owner)) % 2 + 1)
    few, *others = slices(positives, group, ["few", "one", "other"])

    assert few.vehicles < FEWEST
    assert few.ap.interval is None
    assert few.hit.interval is None
    for one in others:
        assert one.ap.interval.low < one.ap.value < one.ap.interval.high


def test_a_slice_without_a_positive_is_left_out():
    ranks, vehicle = made_up(10, 0)
    positives = Positives.of(ranks, vehicle)

    found = slices(positives, np.full(len(positives.query), 2), ["a", "b", "c"], intervals=False)
    assert [one.name for one in found] == ["c"]


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ([3, 3, 3], ["3"]),
        ([1, 2, 2, 9, -1], ["1", "2", "9", "unknown"]),
        (range(100), ["0 to 24", "25 to 49", "50 to 74", "75 to 99"]),
        ([0] * 97 + [1, 2, 3, 4], ["0", "1 to 4"]),
    ],
)
def test_numbers_fall_into_groups_that_keep_equal_ones_together(numbers, names):
    group, found = in_groups(np.array(numbers))

    assert list(found) == names
    assert len(np.unique(group)) == len(names)
    assert all(len(set(group[np.array(numbers) == value])) == 1 for value in set(numbers))
