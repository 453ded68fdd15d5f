"""Relevance: each query's positives and ignored units, the only thing that the kernel knows of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray


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

    @property
    def sizes(self) -> IntArray:
        """(q,) int64, the length of each list."""
        return np.diff(self.starts)

    def where(self, keep: npt.NDArray[np.bool_]) -> RowLists:
        """Return the lists with only the entries to keep: (n,) bool in."""
        return RowLists(_running(keep)[self.starts], self.units[keep])

    def union(self, other: RowLists, units: int) -> RowLists:
        """Return the lists of what stands in either, of units below ``units``."""
        queries = len(self.starts) - 1
        keys = [np.repeat(np.arange(queries) * units, lists.sizes) + lists.units for lists in (self, other)]
        query, unit = np.divmod(np.unique(np.concatenate(keys)), units)
        return RowLists(_running(np.bincount(query, minlength=queries)), unit)


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

    A query's valid units are all units that it does not ignore (within a draw: all of the draw's units that
    it does not ignore); its negatives are the valid units that are not positives.

    Attributes:
        queries: number of queries, q.
        units: number of gallery units, u.
        unit_of: (g,) int64, the unit of each gallery image, or None where every image is a unit (u == g).
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


def matching(asked: IntArray, labels: IntArray) -> RowLists:
    """Return for each query the units that carry its label, found by sorting.

    Args:
        asked: (q,) int64, the queries' labels.
        labels: (u,) int64, the units' labels.
    """
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    left = np.searchsorted(ordered, asked, "left")
    sizes = np.searchsorted(ordered, asked, "right") - left
    starts = _running(sizes)
    return RowLists(starts, order[np.arange(starts[-1]) + np.repeat(left - starts[:-1], sizes)])


def _running(sizes: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> IntArray:
    """Return 0 and the running sums: (n,) in, (n + 1,) int64 out."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
