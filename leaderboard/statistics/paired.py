"""Paired comparisons of methods on the same queries: differences, their p values, and ranks as far as they are known.

The question is whether two methods would differ on average over other vehicles, seeds and draws, and not only on these.
The statistic is the difference divided by its standard error. Vehicles that decide a comparison are often few and
unlike, so the statistic is corrected for skewness (Hall, On the removal of skewness by transformation, 1992) before it
is compared with Student's t. Nothing is drawn at random: the p value of a pair depends neither on a seed nor on how
many other methods a table has, and the correction for many pairs is Holm's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from harness.data.images import IntArray
from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.statistics.intervals import Interval, over_vehicles, widened
from leaderboard.statistics.variance import (
    CERTAIN,
    SeedSpread,
    Variance,
    of_draws,
    rounded,
    squared_errors,
    student_tails,
)
from leaderboard.statistics.vehicles import ByVehicle, Runs, by_vehicle, check_same

ALPHA = 0.05


@dataclass(frozen=True)
class PairedComparison:
    """The difference between two methods in one measure.

    Attributes:
        measure: the word of the measure.
        difference: the difference of the means, the first minus the second.
        interval: the interval of the difference.
        p: the two-sided p value.
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


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison: the runs of a method that differ only in their seed.

    Attributes:
        tables: the per-query values of each run, of the same queries.
        per_draw: for each run the means of its draws by measure; empty without draws.
    """

    tables: tuple[PerQuery, ...]
    per_draw: tuple[Mapping[str, Sequence[float]], ...] = ()

    def __post_init__(self) -> None:
        for measure in self.measures:
            for table in self.tables:
                check_same(self.tables[0], table, measure)

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that all runs have values of."""
        return tuple(word for word in self.tables[0].values if all(word in table.values for table in self.tables))

    @property
    def mean(self) -> PerQuery:
        """The per-query values of the mean over the runs."""
        first, count = self.tables[0], len(self.tables)
        values = {word: np.sum([table.values[word] for table in self.tables], axis=0) / count for word in self.measures}
        return PerQuery(first.keys, first.vehicle, values, first.asked)

    def runs(self, measure: str) -> Runs:
        """Return the values of a measure by vehicle.

        Raises:
            RecordError: a run lacks the measure.
        """
        draws = [run[measure] for run in self.per_draw if measure in run]
        return Runs.of(self.tables, measure, draws if len(draws) == len(self.tables) else ())

    @property
    def unweighed(self) -> Side:
        """The same runs with each query counted once, however many draws asked it."""
        return Side(tuple(replace(table, asked=None) for table in self.tables), self.per_draw)

    def of_rows(self, rows: IntArray) -> Side:
        """Return the same runs on some of their queries; the means of draws, which hold for all of them, are gone."""
        return Side(tuple(table.take(rows) for table in self.tables))


def compare_paired(sides: Sequence[Side], measure: str, *, seed: int = 0) -> list[PairedComparison]:
    """Compare all pairs of methods, in the order of ``itertools.combinations``.

    Args:
        sides: the methods; the spread of their seeds is estimated from all of them.
        measure: the word of the measure.
        seed: the seed of the intervals' resampling; no p value depends on it.

    Raises:
        RecordError: the methods have different queries, or one lacks the measure.
    """
    if any(table.asked is None for side in sides for table in side.tables):
        sides = [side.unweighed for side in sides]  # an older record does not say how often a query was asked
    means = [side.mean for side in sides]
    for mean in means:
        check_same(means[0], mean, measure)
    methods = [side.runs(measure) for side in sides]
    spread = SeedSpread.of(methods)
    return [
        _compared(means[one], means[other], measure, _besides(methods, spread, one, other), seed)
        for one, other in combinations(range(len(sides)), 2)
    ]


def _compared(one: PerQuery, other: PerQuery, measure: str, besides: Variance, seed: int) -> PairedComparison:
    change = one.values[measure] - other.values[measure]
    differences = by_vehicle(change, one.vehicle, one.asked)
    wins, losses = int((change > 0).sum()), int((change < 0).sum())
    ends = (-1.0, 1.0)
    return PairedComparison(
        measure=measure,
        difference=differences.mean,
        interval=widened(over_vehicles(differences, seed=seed, ends=ends), differences, besides, ends=ends),
        p=p_value(differences, besides),
        wins=wins,
        ties=int(np.count_nonzero(change == 0)),
        losses=losses,
    )


def p_values(methods: Sequence[Runs]) -> list[float]:
    """Return the p value of each pair of methods, in the order of ``itertools.combinations``.

    Raises:
        RecordError: two methods have different queries, or were asked in different draws.
    """
    for method in methods:
        methods[0].mean.check_same(method.mean)
        if len(method.draws) != len(methods[0].draws):
            raise RecordError(
                "the results are of different draws", found=f"{len(methods[0].draws)} and {len(method.draws)} draws"
            )
    spread, found = SeedSpread.of(methods), list[float]()
    for one, first in enumerate(methods[:-1]):
        others = range(one + 1, len(methods))
        sums = np.array([first.mean.sums - methods[other].mean.sums for other in others])
        besides = [_besides(methods, spread, one, other) for other in others]
        found += _tested(sums, first.mean, besides)
    return found


def _besides(methods: Sequence[Runs], spread: SeedSpread, one: int, other: int) -> Variance:
    """Return what seeds and draws add to the variance of a difference; both methods are asked in the same draws."""
    draws = methods[one].draws - methods[other].draws if len(methods[one].draws) else np.zeros(0)
    return spread.of_mean(one, other) + of_draws(draws)


def p_value(difference: ByVehicle, besides: Variance = CERTAIN) -> float:
    """Return how likely a difference at least as far from 0 is between methods that are equal on average.

    It is never below 2 ** (1 - k) if the methods differ on k vehicles: by luck alone, one of two equal methods is the
    better one on all of them this often.

    Args:
        difference: the paired differences by vehicle.
        besides: the variance of their mean from everything but vehicles.

    Returns:
        More than 0, at most 1.
    """
    return _tested(difference.sums[np.newaxis], difference, [besides])[0]


def _tested(sums: IntArray, of: ByVehicle, besides: Sequence[Variance]) -> list[float]:
    """Return the p values of differences: (n, v) int64 sums, with the counts and the unit ``of`` all of them."""
    counts = of.counts.astype(np.float64)
    total, added = float(counts.sum()), np.array([part.value for part in besides])
    mean = sums.sum(axis=1) / (total * of.unit)
    residuals = sums / of.unit - mean[:, np.newaxis] * counts
    squared, freedom = squared_errors(counts, residuals)
    variance = squared + added
    doubt = squared**2 / freedom + np.array([part.doubt for part in besides])
    moved = np.count_nonzero(sums, axis=1)
    least = np.exp2(np.maximum(1.0 - moved, -1000.0))
    known = variance > 0  # else all vehicles differ alike, or none does
    safe = np.where(known, variance, 1.0)
    t, skewness = mean / np.sqrt(safe), (residuals**3).sum(axis=1) / total**3 / safe**1.5
    t += skewness * (2.0 * t**2 + 1.0) / 6.0 + skewness**2 * t**3 / 27.0
    tails = student_tails(t, np.maximum(1.0, safe**2 / np.where(known, doubt, 1.0)))
    found = zip(moved.tolist(), least.tolist(), np.where(known, tails, 0.0).tolist(), strict=True)
    return [1.0 if vehicles < 2 else max(bound, rounded(tail)) for vehicles, bound, tail in found]


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


@dataclass(frozen=True)
class RankRange:
    """The places that a method may have among others.

    Attributes:
        best: 1 plus the number of methods that are better beyond chance.
        worst: the number of methods that are not worse beyond chance, itself included.
    """

    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}-{self.worst}"


def rank_ranges(methods: Sequence[Runs]) -> list[RankRange]:
    """Return the range of ranks of each method, after Holm's correction over all pairs."""
    better, worse = [0] * len(methods), [0] * len(methods)
    pairs = list(combinations(range(len(methods)), 2))
    for (one, other), p in zip(pairs, holm(p_values(methods)), strict=True):
        if p < ALPHA:
            ahead = methods[one].mean.mean > methods[other].mean.mean
            winner, loser = (one, other) if ahead else (other, one)
            worse[winner] += 1
            better[loser] += 1
    return [RankRange(1 + before, len(methods) - behind) for before, behind in zip(better, worse, strict=True)]
