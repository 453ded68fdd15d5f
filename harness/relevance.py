"""Relevance: for each query its positives and its ignored units, the only thing the kernel knows of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.images import IntArray


@dataclass(frozen=True, eq=False)
class RowLists:
    """One sorted list of unit numbers a query, as compressed rows.

    Attributes:
        starts: (q + 1,) int64; the list of query ``i`` is ``units[starts[i]:starts[i + 1]]``.
        units: (n,) int64, ascending within each list.
    """

    starts: IntArray
    units: IntArray

    def of(self, query: int) -> IntArray:
        """Return the units of one query, ascending."""
        return self.units[self.starts[query] : self.starts[query + 1]]


@dataclass(frozen=True, eq=False)
class Draw:
    """One random draw: the queries that are asked and the units that may answer.

    Attributes:
        queries: (k,) int64, ascending rows of the query table.
        units: (m,) int64, ascending numbers of gallery units.
    """

    queries: IntArray
    units: IntArray


@dataclass(frozen=True, eq=False)
class Relevance:
    """Who is right, who is ignored and who is drawn, for every query of a task.

    A query's valid units are all units that it does not ignore (within a draw: all of the draw's units that it does
    not ignore); its negatives are the valid units that are not positives.

    Attributes:
        queries: number of queries, q.
        units: number of gallery units, u.
        unit_of: (g,) int64, the unit of each gallery image, or None where every image is its own unit (u == g).
        reduce: how a unit of several images answers: its greatest similarity, or that of its mean feature.
        positives: the units that are right; disjoint from ``ignored``.
        ignored: the units that leave the query's ranking.
        draws: empty where all queries face all units once.
    """

    queries: int
    units: int
    positives: RowLists
    ignored: RowLists
    unit_of: IntArray | None = None
    reduce: Literal["maximum", "mean feature"] = "maximum"
    draws: tuple[Draw, ...] = ()
