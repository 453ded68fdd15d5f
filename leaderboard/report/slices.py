"""Slices: a measure divided among groups of queries or of right answers, whose parts add up to the whole exactly.

The AP of a query is the mean of the precisions at its n positives, so each positive contributes precision / n. A
grouping gives every positive to one slice. With Q queries that have a positive, a slice's

    weight         the sum of 1 / n over its positives, divided by Q
    contribution   the sum of precision / n over its positives, divided by Q
    value          contribution / weight

The weights add up to 1 and the contributions to the mAP. All sums are fractions of whole numbers, of the same float64
precisions that the measure averages, so nothing is rounded. For CMC@1 a query belongs to the slice of its nearest
positive, with weight 1 / Q.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.measures.family import first_ranks, places
from harness.measures.ranks import PositiveRanks
from leaderboard.statistics.intervals import Interval, over_vehicles
from leaderboard.statistics.vehicles import by_vehicle

FloatArray = npt.NDArray[np.float64]

BITS = 120
"""A precision from 2**-60 to 1 is a whole number of 2**-120."""

FEWEST = 5
"""Vehicles below which no interval is given: a bootstrap of fewer says nothing."""

PARTS = 1000
"""A query whose positives are in several slices counts in thousandths in the intervals of these."""


@dataclass(frozen=True)
class Part:
    """What one slice has of one measure.

    Attributes:
        weight: its share of the queries.
        contribution: what it adds to the mean.
        interval: the 95 % interval of its value over vehicles, or None with fewer than ``FEWEST``.
    """

    weight: Fraction
    contribution: Fraction
    interval: Interval | None

    @property
    def value(self) -> float | None:
        """The mean within the slice, or None if it has no weight."""
        return float(self.contribution / self.weight) if self.weight else None


@dataclass(frozen=True)
class Slice:
    """One slice of a grouping.

    Attributes:
        name: in words.
        queries: the number of queries with a positive in it.
        vehicles: the number of their vehicles.
        ap: its part of the mAP.
        hit: its part of CMC@1.
    """

    name: str
    queries: int
    vehicles: int
    ap: Part
    hit: Part


@dataclass(frozen=True, eq=False)
class Positives:
    """The positives of all queries that have one, in the order of ``PositiveRanks``.

    Attributes:
        query: (p,) int64, the row of the query.
        unit: (p,) int64, the gallery unit.
        precision: (p,) float64, the precision at the positive.
        count: (p,) int64, the number of positives of the query.
        first: (a,) int64, the places of the nearest positives, one for each query.
        hit: (a,) bool, whether that one has rank 1.
        vehicle: (q,) int64, of every row of the query table.
    """

    query: IntArray
    unit: IntArray
    precision: FloatArray
    count: IntArray
    first: IntArray
    hit: npt.NDArray[np.bool_]
    vehicle: IntArray

    @classmethod
    def of(cls, ranks: PositiveRanks, vehicle: IntArray) -> Positives:
        """Return the positives of some ranks; ``vehicle`` is that of each row of the query table."""
        answered = ranks.counts > 0
        return cls(
            query=np.repeat(ranks.asked, ranks.counts),
            unit=ranks.units,
            precision=places(ranks) / ranks.ranks,
            count=np.repeat(ranks.counts, ranks.counts),
            first=ranks.starts[:-1][answered],
            hit=first_ranks(ranks)[answered] == 1,
            vehicle=vehicle,
        )


def whole(positives: Positives) -> tuple[Fraction, Fraction]:
    """Return the mAP and CMC@1 as exact fractions."""
    (everything,) = slices(positives, np.zeros(len(positives.query), dtype=np.int64), ["all"], intervals=False)
    return everything.ap.contribution, everything.hit.contribution


def slices(positives: Positives, group: IntArray, names: Sequence[str], *, intervals: bool = True) -> list[Slice]:
    """Return the slices of a grouping.

    Args:
        positives: of all queries.
        group: (p,) int64, for each positive the number of its slice.
        names: the name of each slice; those without a positive are left out.
        intervals: whether to compute the intervals.
    """
    queries = len(positives.first)
    weights, terms = _exact_sums(positives, group)
    hits = np.bincount(group[positives.first], weights=positives.hit, minlength=len(names))
    asked = np.bincount(group[positives.first], minlength=len(names))
    found = []
    for number, name in enumerate(names):
        mine = group == number
        if not mine.any():
            continue
        rows = np.unique(positives.query[mine])
        found.append(
            Slice(
                name,
                queries=len(rows),
                vehicles=len(np.unique(positives.vehicle[rows])),
                ap=Part(
                    weights[number] / queries,
                    terms[number] / queries,
                    _interval_of_terms(positives, mine) if intervals else None,
                ),
                hit=Part(
                    Fraction(int(asked[number]), queries),
                    Fraction(int(hits[number]), queries),
                    _interval_of_hits(positives, group[positives.first] == number) if intervals else None,
                ),
            )
        )
    return found


def _exact_sums(positives: Positives, group: IntArray) -> tuple[dict[int, Fraction], dict[int, Fraction]]:
    """Return for each slice the sum of 1 / n and of precision / n over its positives."""
    counts: defaultdict[tuple[int, int], int] = defaultdict(int)
    sums: defaultdict[tuple[int, int], int] = defaultdict(int)
    rows = zip(group.tolist(), positives.count.tolist(), positives.precision.tolist(), strict=True)
    for number, count, precision in rows:
        counts[number, count] += 1
        sums[number, count] += int(math.ldexp(precision, BITS))
    weights: defaultdict[int, Fraction] = defaultdict(Fraction)
    terms: defaultdict[int, Fraction] = defaultdict(Fraction)
    for (number, count), found in sorted(counts.items()):
        weights[number] += Fraction(found, count)
        terms[number] += Fraction(sums[number, count], count << BITS)
    return weights, terms


def _interval_of_terms(positives: Positives, mine: npt.NDArray[np.bool_]) -> Interval | None:
    """Return the interval of the mean precision at the positives of a slice, each weighing 1 / n."""
    rows, own = np.unique(positives.query[mine], return_inverse=True)
    held = np.bincount(own)
    means = np.bincount(own, weights=positives.precision[mine]) / held
    every = np.zeros(len(positives.vehicle), dtype=np.int64)
    every[positives.query] = positives.count
    whole_queries = np.array_equal(held, every[rows])
    times = (
        np.ones(len(rows), dtype=np.int64) if whole_queries else np.rint(PARTS * held / every[rows]).astype(np.int64)
    )
    return _interval(np.repeat(means, times), np.repeat(positives.vehicle[rows], times))


def _interval_of_hits(positives: Positives, mine: npt.NDArray[np.bool_]) -> Interval | None:
    return _interval(positives.hit[mine].astype(np.float64), positives.vehicle[positives.query[positives.first[mine]]])


def _interval(values: FloatArray, vehicle: IntArray) -> Interval | None:
    return over_vehicles(by_vehicle(values, vehicle)) if len(np.unique(vehicle)) >= FEWEST else None
