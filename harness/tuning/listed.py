"""The ranks of the positives among the images of given lists."""

from __future__ import annotations

import numpy as np

from harness.data.images import IntArray
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance, RowLists
from harness.tuning.nearby import FloatArray

NEGATIVE, POSITIVE, OUT = 0, 1, 2


class ListedUnits:
    """What the images of the queries' lists are to their queries.

    Args:
        images: (q, k) int64, numbers of images, queries before gallery images.
        relevance: of the task.
        before: the ranks by the features alone; a positive that is not listed keeps the negatives before it.
    """

    def __init__(self, images: IntArray, relevance: Relevance, before: PositiveRanks) -> None:
        self.relevance = relevance
        self.pairs = _pairs(relevance.positives, relevance.units)
        self.before = np.empty(len(self.pairs), dtype=np.int64)
        entries = np.repeat(before.asked, before.counts) * relevance.units + before.units
        self.before[np.searchsorted(self.pairs, entries)] = before.closer + before.tied
        rows = images - relevance.queries
        unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
        self.units = np.where(rows >= 0, unit_of[np.maximum(rows, 0)], -1)
        self.roles = np.full(images.shape, NEGATIVE, dtype=np.int8)
        own = np.repeat(np.arange(relevance.queries), images.shape[1]).reshape(images.shape)
        for listed, role in ((self.pairs, POSITIVE), (_pairs(relevance.ignored, relevance.units), OUT)):
            self.roles[np.isin(own * relevance.units + self.units, listed)] = role
        self.roles[self.units < 0] = OUT

    def ranks(self, distances: FloatArray) -> PositiveRanks:
        """Return the ranks of the positives by some distances, (q, k).

        As everywhere, a positive stands behind the negatives that are as far. A unit of several images has the least
        of their distances.
        """
        relevance = self.relevance
        order = np.lexsort((self.roles, distances), axis=1)
        roles, units = (np.take_along_axis(one, order, axis=1) for one in (self.roles, self.units))
        if relevance.unit_of is not None:
            roles = np.where(_first(units), roles, OUT)
        negatives = np.cumsum(roles == NEGATIVE, axis=1)
        query, place = np.nonzero(roles == POSITIVE)
        closer = self.before.copy()
        closer[np.searchsorted(self.pairs, query * relevance.units + units[query, place])] = negatives[query, place]
        asked, unit = np.divmod(self.pairs, relevance.units)
        ranked = np.lexsort((unit, closer, asked))
        starts = relevance.positives.starts
        everybody = np.arange(relevance.queries)
        return PositiveRanks(everybody, starts, unit[ranked], closer[ranked], np.zeros_like(closer))


def _pairs(lists: RowLists, units: int) -> IntArray:
    """Return the number of each pair of a query and a unit of its list, ascending."""
    return np.repeat(np.arange(len(lists.sizes)), lists.sizes) * units + lists.units


def _first(units: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where each unit of a row occurs first, (q, k) bool."""
    order = np.argsort(units, axis=1, kind="stable")
    ordered = np.take_along_axis(units, order, axis=1)
    new = np.ones(units.shape, dtype=np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    found = np.empty_like(new)
    np.put_along_axis(found, order, new, axis=1)
    return found
