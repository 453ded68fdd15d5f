"""Ranks by a finished matrix of distances or similarities, by the counting rules of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import FeatureError
from harness.kernel.plan import Placed, results
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance

BLOCK = 1 << 22
"""Numbers of the matrix that are in memory at once."""


class MatrixRows(Protocol):
    """A matrix that gives its rows by slices: an array, in memory or mapped, or one with its axes rearranged."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Queries and gallery images."""

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        """Return the rows of a slice with step 1."""


def rank_given(
    matrix: MatrixRows,
    relevance: Relevance,
    *,
    similar: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives of every draw, or of the only pass of a task without draws.

    Numbers tie if and only if they are equal. A positive that ties with a negative ranks behind it; a unit of several
    images has the number of its nearest.

    Args:
        matrix: (q, g) numbers without NaN; it may be larger than memory.
        relevance: the positives, the ignored units and the draws.
        similar: whether the greater number is the nearer.
        progress: called with the queries done and their number.

    Raises:
        FeatureError: the matrix does not fit the relevance, or holds NaN; or units are to be compared by mean features.
    """
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    if tuple(matrix.shape) != (relevance.queries, images):
        raise FeatureError(
            "the matrix does not fit the lists", found=tuple(matrix.shape), expected=f"({relevance.queries}, {images})"
        )
    if relevance.unit_of is not None and relevance.reduce == "mean feature":
        raise FeatureError("tracks cannot be ranked by their mean features without features")
    counted: list[tuple[int, int, IntArray, IntArray, IntArray]] = []
    units = _Units(relevance)
    for first, block in _blocks(matrix, relevance.queries):
        _refuse_nan(block, first)
        for place, row in enumerate(block):
            query = first + place
            nearness = units.of(row if similar else -row)
            counted += [(query, *one) for one in _count(nearness, query, relevance)]
        if progress is not None:
            progress(first + len(block), relevance.queries)
    return results(relevance, [_placed(counted)])


def _blocks(matrix: MatrixRows, queries: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    step = max(BLOCK // max(int(matrix.shape[1]), 1), 1)
    for first in range(0, queries, step):
        yield first, np.asarray(matrix[first : min(first + step, queries)], dtype=np.float64)


def _refuse_nan(block: npt.NDArray[np.float64], first: int) -> None:
    wrong = np.argwhere(np.isnan(block))
    if len(wrong):
        raise FeatureError(
            "the matrix holds NaN",
            where=f"row {first + wrong[0][0] + 1}, column {wrong[0][1] + 1}",
            found=f"{len(wrong)} or more entries are no numbers",
            expected="a number for every query and gallery image, the ignored ones included",
        )


class _Units:
    """Reduces the numbers of images to those of units: each has the greatest of its images."""

    def __init__(self, relevance: Relevance) -> None:
        self.order: IntArray | None = None
        if relevance.unit_of is not None:
            self.order = np.argsort(relevance.unit_of, kind="stable")
            self.starts = np.searchsorted(relevance.unit_of[self.order], np.arange(relevance.units))

    def of(self, nearness: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return (u,) numbers from (g,)."""
        if self.order is None:
            return nearness
        return np.asarray(np.maximum.reduceat(nearness[self.order], self.starts))


def _count(
    nearness: npt.NDArray[np.float64], query: int, relevance: Relevance
) -> Iterator[tuple[int, IntArray, IntArray, IntArray]]:
    """Yield for each draw that asks a query the draw, its positives, and the negatives closer to and tied with each."""
    positives, ignored = relevance.positives.of(query), relevance.ignored.of(query)
    if not len(positives):
        return
    negative = np.ones(relevance.units, dtype=np.bool_)
    negative[positives] = negative[ignored] = False
    for number, draw in enumerate(relevance.draws or (None,)):
        own, others = positives, nearness[negative]
        if draw is not None:
            place = np.searchsorted(draw.queries, query)
            if place == len(draw.queries) or draw.queries[place] != query:
                continue
            own = np.intersect1d(positives, draw.units, assume_unique=True)
            others = nearness[draw.units[negative[draw.units]]]
        if len(own):
            ordered = np.sort(others)
            above = np.searchsorted(ordered, nearness[own], side="right")
            tied = above - np.searchsorted(ordered, nearness[own], side="left")
            yield number, own, len(ordered) - above, tied


def _placed(counted: list[tuple[int, int, IntArray, IntArray, IntArray]]) -> Placed:
    sizes = [len(own) for _, _, own, _, _ in counted]
    nothing = np.zeros(0, dtype=np.int64)
    units, closer, tied = (np.concatenate([nothing, *(one[place] for one in counted)]) for place in (2, 3, 4))
    return Placed(
        query=np.repeat(np.array([query for query, *_ in counted], dtype=np.int64), sizes),
        draw=np.repeat(np.array([draw for _, draw, *_ in counted], dtype=np.int64), sizes),
        unit=units,
        closer=closer,
        tied=tied,
    )
