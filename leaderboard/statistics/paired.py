"""Paired comparison of two methods: a permutation test by vehicle, and Holm's correction for many comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.scoring.per_query import PerQuery
from leaderboard.statistics.chance import Chance, IntArray
from leaderboard.statistics.intervals import CHUNK, Interval, over_vehicles
from leaderboard.statistics.vehicles import difference

PERMUTATIONS = 9999
EXACT = 13
"""With up to 13 vehicles that differ, all 8,192 assignments of signs are fewer than the permutations."""


@dataclass(frozen=True)
class PairedComparison:
    """The difference between two methods in one measure.

    Attributes:
        measure: the word of the measure.
        difference: the difference of the means, the first minus the second.
        interval: the interval of the difference, over vehicles.
        p: the p value of the two-sided permutation test.
        wins: the number of queries on which the first is better.
        ties: the number of queries on which both are equal.
        losses: the number of queries on which the second is better.
    """

    measure: str
    difference: float
    interval: Interval
    p: float
    wins: int
    ties: int
    losses: int


def compare_paired(
    one: PerQuery, other: PerQuery, measure: str, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> PairedComparison:
    """Compare two methods on the same queries.

    Raises:
        RecordError: the two have different queries, or no values of the measure.
    """
    differences = difference(one, other, measure)
    change = one.values[measure] - other.values[measure]
    wins, losses = int((change > 0).sum()), int((change < 0).sum())
    return PairedComparison(
        measure=measure,
        difference=differences.mean,
        interval=over_vehicles(differences, seed=seed, ends=(-1.0, 1.0)),
        p=p_value(differences.sums, seed=seed, permutations=permutations),
        wins=wins,
        ties=int(np.count_nonzero(change == 0)),
        losses=losses,
    )


def p_value(differences: IntArray, *, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Return how often swapping the two methods at random, vehicle by vehicle, gives a difference at least this large.

    Args:
        differences: (v,) int64, the sum over the queries of each vehicle; whole numbers, which make ties exact.
        seed: the seed of the permutations.
        permutations: their number; with at most ``EXACT`` vehicles that differ, all 2**v are tried.

    Returns:
        More than 0, at most 1.
    """
    moving = differences[differences != 0]
    observed = abs(int(moving.sum()))
    if len(moving) <= EXACT:
        numbers = np.arange(1 << len(moving), dtype=np.int64).reshape(-1, 1)
        signs = ((numbers >> np.arange(len(moving), dtype=np.int64)) & 1) * 2 - 1
        return int((np.abs(signs @ moving) >= observed).sum()) / len(numbers)
    chance, reached = Chance(seed, "permutations"), 0
    rows = max(1, CHUNK // len(moving))
    for start in range(0, permutations, rows):
        signs = chance.signs(min(rows, permutations - start), len(moving))
        reached += int((np.abs(signs @ moving) >= observed).sum())
    return (1 + reached) / (1 + permutations)


def holm(values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in the given order.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected
