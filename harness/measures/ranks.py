"""The ranks of the positives: all that a measure ever sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.images import IntArray


@dataclass(frozen=True, eq=False)
class PositiveRanks:
    """For each query and positive, how many negatives are closer to the query and how many tie with it.

    Attributes:
        asked: (k,) int64, ascending rows of the query table that were asked (all of them where nothing is drawn).
        starts: (k + 1,) int64; the positives of ``asked[i]`` are the entries ``starts[i]:starts[i + 1]``.
        units: (p,) int64, the positives' units, best rank first, then by number.
        closer: (p,) int64, negatives that are strictly closer than the positive.
        tied: (p,) int64, negatives that cannot be told from it.
    """

    asked: IntArray
    starts: IntArray
    units: IntArray
    closer: IntArray
    tied: IntArray

    @property
    def ranks(self) -> IntArray:
        """(p,) int64, from 1, ascending within a query: a positive stands behind every negative that ties with it."""
        place = np.arange(len(self.units)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        return self.closer + self.tied + place + 1

    @property
    def counts(self) -> IntArray:
        """(k,) int64, the number of positives of each asked query."""
        return np.diff(self.starts)

    @property
    def unanswerable(self) -> int:
        """The number of asked queries without a positive."""
        return int((self.counts == 0).sum())

    @property
    def ties(self) -> int:
        """The number of pairs of a positive and a negative that tie."""
        return int(self.tied.sum())
