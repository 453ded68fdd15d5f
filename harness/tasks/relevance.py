"""Relevance: the positives and ignored units of each query, which is all that the kernel knows about a task."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.basics.digests import canonical_json
from harness.data.images import IntArray


@dataclass(frozen=True, eq=False)
class RowLists:
    """One sorted list of unit numbers per query, as compressed rows.

    Attributes:
        starts: (q + 1,) int64; the list of query ``i`` is ``units[starts[i]:starts[i + 1]]``.
        units: (n,) int64, ascending within each list.
    """

    starts: IntArray
    units: IntArray

    @classmethod
    def empty(cls, queries: int) -> RowLists:
        """Return a list without a unit for each query."""
        return cls(np.zeros(queries + 1, dtype=np.int64), np.zeros(0, dtype=np.int64))

    def of(self, query: int) -> IntArray:
        """Return the units of one query, ascending."""
        return self.units[self.starts[query] : self.starts[query + 1]]

    @property
    def sizes(self) -> IntArray:
        """Lengths of the lists, (q,) int64."""
        return np.diff(self.starts)

    def where(self, keep: npt.NDArray[np.bool_]) -> RowLists:
        """Return the lists with only some entries, selected by an (n,) bool mask."""
        return RowLists(_running(keep)[self.starts], self.units[keep])

    def renumbered(self, number: IntArray) -> RowLists:
        """Return the lists with the new number of each unit, (u,), ascending again."""
        query = np.repeat(np.arange(len(self.starts) - 1), self.sizes)
        units = number[self.units]
        return RowLists(self.starts, units[np.lexsort((units, query))])

    def union(self, other: RowLists, units: int) -> RowLists:
        """Return the lists of units below ``units`` that are in either list."""
        queries = len(self.starts) - 1
        keys = [np.repeat(np.arange(queries) * units, lists.sizes) + lists.units for lists in (self, other)]
        query, unit = np.divmod(np.unique(np.concatenate(keys)), units)
        return RowLists(_running(np.bincount(query, minlength=queries)), unit)


@dataclass(frozen=True, eq=False)
class Draw:
    """One random draw of queries and gallery units.

    Attributes:
        queries: (k,) int64, rows of the query table, ascending.
        units: (m,) int64, numbers of gallery units, ascending.
    """

    queries: IntArray
    units: IntArray


@dataclass(frozen=True, eq=False)
class Relevance:
    """Positive and ignored units for every query of a task, and the random draws if there are any.

    The valid units of a query are all units (in a draw: of the draw) that it does not ignore. Its negatives are the
    valid units that are not positives.

    Attributes:
        queries: number of queries, q.
        units: number of gallery units, u.
        unit_of: (g,) int64, the unit of each gallery image, or None if every image is a unit (u == g).
        reduce: similarity of a unit of several images: the maximum, or that of the mean feature.
        positives: correct matches; disjoint from ``ignored``.
        ignored: units removed from the query's ranking.
        draws: empty if all queries are compared with all units once.
    """

    queries: int
    units: int
    positives: RowLists
    ignored: RowLists
    unit_of: IntArray | None = None
    reduce: Literal["maximum", "mean feature"] = "maximum"
    draws: tuple[Draw, ...] = ()

    @classmethod
    def unlabelled(cls, queries: int, units: int) -> Relevance:
        """Return a task in which nobody knows who is right: every unit is valid for every query."""
        return cls(queries, units, positives=RowLists.empty(queries), ignored=RowLists.empty(queries))

    def widened(self, images: int) -> Relevance:
        """Return the same task with that many further gallery images, each a unit that no query is right about.

        They come behind the others, are in every draw, and no query ignores them.
        """
        further = np.arange(self.units, self.units + images)
        return replace(
            self,
            units=self.units + images,
            unit_of=None if self.unit_of is None else np.concatenate([self.unit_of, further]),
            draws=tuple(Draw(draw.queries, np.concatenate([draw.units, further])) for draw in self.draws),
        )

    def arranged(self, order: IntArray) -> tuple[Relevance, IntArray]:
        """Return the same task with its units numbered anew, and the order of the gallery images that goes with it.

        Args:
            order: (u,) the old number of each unit, in the new order.

        Returns:
            The task, and (g,) the old row of each gallery image; the images of a unit stand together.
        """
        number = np.empty(self.units, dtype=np.int64)
        number[order] = np.arange(self.units)
        unit_of, images = None, order
        if self.unit_of is not None:
            unit_of = number[self.unit_of]
            images = np.argsort(unit_of, kind="stable")
            unit_of = unit_of[images]
        arranged = replace(
            self,
            positives=self.positives.renumbered(number),
            ignored=self.ignored.renumbered(number),
            unit_of=unit_of,
            draws=tuple(Draw(draw.queries, np.sort(number[draw.units])) for draw in self.draws),
        )
        return arranged, images

    @property
    def digest(self) -> str:
        """The SHA-256 of everything here, as 64 hexadecimal digits."""
        lists = [part for one in (self.positives, self.ignored) for part in (one.starts, one.units)]
        drawn = [part for draw in self.draws for part in (draw.queries, draw.units)]
        columns = [*lists, *([] if self.unit_of is None else [self.unit_of]), *drawn]
        about = [self.queries, self.units, self.unit_of is None, self.reduce, [len(column) for column in columns]]
        hasher = hashlib.sha256(canonical_json(about).encode())
        for column in columns:
            hasher.update(np.ascontiguousarray(column, np.int64).data)
        return hasher.hexdigest()


def matching(wanted: IntArray, labels: IntArray) -> RowLists:
    """Return for each query the units whose label, (u,), is the query's, (q,)."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    left = np.searchsorted(ordered, wanted, "left")
    sizes = np.searchsorted(ordered, wanted, "right") - left
    starts = _running(sizes)
    return RowLists(starts, order[np.arange(starts[-1]) + np.repeat(left - starts[:-1], sizes)])


def _running(sizes: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> IntArray:
    """Return 0 followed by the cumulative sums of (n,) values: (n + 1,) int64."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
