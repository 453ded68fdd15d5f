"""The ranks of the positives, the only input of a measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.images import IntArray


@dataclass(frozen=True, eq=False)
class PositiveRanks:
    """The ranks of the positives: for each query and positive, the number of closer and of tied negatives.

    Attributes:
        asked: (k,) int64, the rows of the queries in the query table, ascending; all rows unless the task has draws.
        starts: (k + 1,) int64; the positives of ``asked[i]`` are the entries ``starts[i]:starts[i + 1]``.
        units: (p,) int64, the gallery units of the positives, by ascending rank and then by number.
        closer: (p,) int64, the number of negatives strictly closer than the positive.
        tied: (p,) int64, the number of negatives that tie with the positive.
    """

    asked: IntArray
    starts: IntArray
    units: IntArray
    closer: IntArray
    tied: IntArray

    @property
    def ranks(self) -> IntArray:
        """(p,) int64, from 1, ascending within a query; a positive is ranked after all negatives that tie with it."""
        place = np.arange(len(self.units)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        return self.closer + self.tied + place + 1

    @property
    def counts(self) -> IntArray:
        """(k,) int64, the number of positives of each query."""
        return np.diff(self.starts)

    @property
    def ties(self) -> int:
        """The number of pairs of a positive and a negative that tie."""
        return int(self.tied.sum())
