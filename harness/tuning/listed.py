"""The ranks of the positives among the images of given lists."""

from __future__ import annotations

import numpy as np

from harness.data.images import IntArray
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance
from harness.tuning.nearby import FloatArray

NEGATIVE, POSITIVE, OUT = 0, 1, 2


class ListedUnits:
    """What the images of the queries' lists are to their queries.

    Args:
        images: (q, k) int64, numbers of images, queries before gallery images.
        relevance: of the task.
    """

    def __init__(self, images: IntArray, relevance: Relevance) -> None:
        self.relevance = relevance
        rows = images - relevance.queries
        unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
        self.units = np.where(rows >= 0, unit_of[np.maximum(rows, 0)], -1)
        self.roles = np.full(images.shape, NEGATIVE, dtype=np.int8)
        own = np.repeat(np.arange(relevance.queries), images.shape[1]).reshape(images.shape)
        for lists, role in ((relevance.positives, POSITIVE), (relevance.ignored, OUT)):
            listed = np.repeat(np.arange(relevance.queries), lists.sizes) * relevance.units + lists.units
            self.roles[np.isin(own * relevance.units + self.units, listed)] = role
        self.roles[self.units < 0] = OUT

    def ranks(self, distances: FloatArray) -> PositiveRanks:
        """Return the ranks of the positives by some distances, (q, k); one that no list has is behind all negatives.

        As everywhere, a positive stands behind the negatives that are as far. A unit of several images has the least
        of their distances.
        """
        relevance = self.relevance
        order = np.lexsort((self.roles, distances), axis=1)
        roles, units = (np.take_along_axis(one, order, axis=1) for one in (self.roles, self.units))
        if relevance.unit_of is not None:
            roles = np.where(_first(units), roles, OUT)
        before = np.cumsum(roles == NEGATIVE, axis=1)
        sizes = relevance.positives.sizes
        starts = relevance.positives.starts
        found = roles == POSITIVE
        place = np.cumsum(found, axis=1) - 1
        closer = np.repeat(relevance.units - sizes - relevance.ignored.sizes, sizes)
        ranked = np.full(len(closer), -1, dtype=np.int64)
        at = (starts[:-1, None] + place)[found]
        closer[at], ranked[at] = before[found], units[found]
        return PositiveRanks(np.arange(relevance.queries), starts, ranked, closer, np.zeros_like(closer))


def _first(units: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where each unit of a row occurs first, (q, k) bool."""
    order = np.argsort(units, axis=1, kind="stable")
    ordered = np.take_along_axis(units, order, axis=1)
    new = np.ones(units.shape, dtype=np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    found = np.empty_like(new)
    np.put_along_axis(found, order, new, axis=1)
    return found
