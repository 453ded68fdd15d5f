"""The pool of all pairs of a task, as integers: what every measure of verification is a function of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairCounts:
    """The positive and negative pairs of a task, counted at certain similarities, the marks.

    A pair is accepted at a threshold t if its canonical similarity (``kernel.exact``), as float64, is at least t; two
    similarities tie if they are equal bit by bit. A bound's two ends are equal where it is exact.

    Attributes:
        marks: (k,) float64, ascending and all different: the similarity of every positive, and others asked for.
        positives: (k,) int64, the positive pairs of exactly that similarity.
        above: (2, k) int64, the least and the greatest possible number of negatives above each mark.
        tied: (k,) int64, the negatives known to have exactly that similarity.
        negatives: the number of all negative pairs.
    """

    marks: FloatArray
    positives: IntArray
    above: IntArray
    tied: IntArray
    negatives: int

    @property
    def reached(self) -> IntArray:
        """(2, k) the least and the greatest possible number of negatives that are accepted at each mark."""
        return self.above + self.tied

    @property
    def matches(self) -> int:
        """The number of positive pairs."""
        return int(self.positives.sum())

    @property
    def accepted(self) -> IntArray:
        """(k,) the positives that are accepted at each mark."""
        return np.cumsum(self.positives[::-1])[::-1]

    @property
    def exact(self) -> bool:
        """Whether every bound is exact."""
        return bool((self.above[0] == self.above[1]).all())

    def at(self, threshold: float) -> int:
        """Return the place of a mark.

        Raises:
            KeyError: the threshold is none of the marks.
        """
        place = int(np.searchsorted(self.marks, threshold))
        if place == len(self.marks) or self.marks[place] != threshold:
            raise KeyError(threshold)
        return place
