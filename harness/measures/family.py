"""The definition of a measure: its word, its documentation and a function of the ranks of the positives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import PluginError, UsageError
from harness.measures.ranks import PositiveRanks

FloatArray = npt.NDArray[np.float64]


MOST_DIGITS = 9
"""A cutoff has at most so many digits; no gallery comes near it."""


@dataclass(frozen=True)
class MeasureFamily:
    """A measure, or all measures that differ in their cutoff k only.

    Attributes:
        word: the word on the command line, without the cutoff: ``cmc``.
        title: the name in tables, with ``{k}`` in place of the cutoff: ``CMC@{k}``.
        about: one sentence of description.
        source: the source of the definition.
        compute: a function from the ranks and k (0 without a cutoff) to (asked,) float64 from 0 to 1; the values of
            queries without a positive are ignored.
        cutoff: whether the word takes ``@k``.
        order: the position of its column in tables, ascending.
        formula: the value of one query in LaTeX, for the documentation; its n positives have the ranks r_1 < ... < r_n.
    """

    word: str
    title: str
    about: str
    source: str
    compute: Callable[[PositiveRanks, int], FloatArray]
    cutoff: bool = False
    order: int = 100
    formula: str = ""

    def measure(self, word: str) -> Measure:
        """Return the measure of a word of this family.

        Raises:
            UsageError: the cutoff is missing, not allowed or below 1.
        """
        _, at, cutoff = word.partition("@")
        if not self.cutoff:
            if at:
                raise UsageError(f"measure '{self.word}' takes no cutoff", found=word, expected=self.word)
            return Measure(self)
        if not (cutoff.isascii() and cutoff.isdigit() and len(cutoff) <= MOST_DIGITS and int(cutoff) >= 1):
            raise UsageError(
                f"measure '{self.word}' needs a cutoff from 1 to {10**MOST_DIGITS - 1:,}",
                found=word[:40],
                expected=f"{self.word}@1, {self.word}@5 and so on",
            )
        return Measure(self, int(cutoff))


@dataclass(frozen=True)
class Measure:
    """One measure with its cutoff k, 0 if it has none; measures with equal words are equal."""

    family: MeasureFamily
    k: int = 0

    @property
    def word(self) -> str:
        """The identifier in Python, on the command line and in records: ``cmc@5``."""
        return f"{self.family.word}@{self.k}" if self.family.cutoff else self.family.word

    @property
    def name(self) -> str:
        """The name in tables."""
        return self.family.title.format(k=self.k)

    @property
    def about(self) -> str:
        """One sentence of description."""
        return self.family.about.format(k=self.k)

    @property
    def source(self) -> str:
        """The source of the definition."""
        return self.family.source

    def values(self, ranks: PositiveRanks) -> FloatArray:
        """Return the value of each query: (asked,) float64 from 0 to 1, NaN for a query without a positive.

        Raises:
            PluginError: the measure's function returned a wrong shape, or a value outside of 0 to 1.
        """
        values = np.asarray(self.family.compute(ranks, self.k))
        answered = ranks.counts > 0
        if values.dtype.kind not in "fiub":
            raise PluginError(f"measure '{self.word}' did not return numbers", found=values.dtype, expected="float64")
        if values.shape != answered.shape or not ((values >= 0) & (values <= 1))[answered].all():
            raise PluginError(
                f"measure '{self.word}' returned values that cannot be scores",
                found=values.shape if values.shape != answered.shape else "values outside of 0 to 1",
                expected=f"({len(answered)},) numbers from 0 to 1, one per query",
            )
        return np.where(answered, values, np.nan)


def first_ranks(ranks: PositiveRanks) -> IntArray:
    """Return the rank of each query's best positive, 0 for a query without one: (asked,) int64."""
    best = np.zeros(len(ranks.asked), dtype=np.int64)
    answered = ranks.counts > 0
    best[answered] = ranks.ranks[ranks.starts[:-1][answered]]
    return best


def places(ranks: PositiveRanks) -> IntArray:
    """Return the position of each positive among those of its query, from 1, in the order of rank: (p,) int64."""
    return np.arange(len(ranks.units)) - np.repeat(ranks.starts[:-1], ranks.counts) + 1


def means(values: FloatArray, ranks: PositiveRanks) -> FloatArray:
    """Return the mean of each query's (p,) values, summed in rank order, 0 without a positive: (asked,) float64."""
    query = np.repeat(np.arange(len(ranks.asked)), ranks.counts)
    totals = np.bincount(query, weights=values, minlength=len(ranks.asked))
    return np.asarray(totals / np.maximum(ranks.counts, 1))
