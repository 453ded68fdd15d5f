"""The counting pass: tiles of products in several threads, each counted by the thread that made it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.kernel import Precision
from harness.kernel.bounds import (
    LARGEST_BIAS,
    OUTPUT_BFLOAT16,
    OUTPUT_FLOAT32,
    FloatArray,
    Lengths,
    lengths,
    product_error,
)
from harness.kernel.exact import tolerance
from harness.kernel.gallery import Block
from harness.kernel.native.count import count_tile
from harness.kernel.native.prepare import prepare
from harness.kernel.native.scores import BLANK
from harness.kernel.plan import Entries, Plan
from harness.kernel.products import Products

TILE = 512
"""Queries and images of one product: at 512 numbers a row it stays in a core's second cache while it is counted."""

NO_WIDE, NO_NARROW = np.empty((0, 0), dtype=np.float32), np.empty((0, 0), dtype=np.uint16)
"""The loops take both kinds of products and read one."""

CENTRED = 4096
"""Queries whose mean is the centre."""


@dataclass(frozen=True, eq=False)
class Queries:
    """The queries that are asked, in memory.

    Attributes:
        rows: (k, d) float32.
        norms: (k,) float64, canonical squared norms.
        euclidean: the metric.
    """

    rows: npt.NDArray[np.floating]
    norms: FloatArray
    euclidean: bool


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows as the first pass multiplies them; see ``bounds``.

    Attributes:
        values: (n, d) float32, or bfloat16 as uint16.
        lengths: for the bound.
        products: (n,) with the centre.
        squares: (n,) squared norms.
        scale: the power of two, a or e.
    """

    values: npt.NDArray[np.float32] | npt.NDArray[np.uint16]
    lengths: Lengths
    products: FloatArray
    squares: FloatArray
    scale: float


class Pass:
    """Counts for every entry the negatives that are closer and those that tie, block by block.

    Args:
        plan: of the task.
        queries: that are asked.
        entries: the positives to place.
        similarities: (pairs,) their canonical similarities.
        precision: of the products.
    """

    def __init__(
        self, plan: Plan, queries: Queries, entries: Entries, similarities: FloatArray, precision: Precision
    ) -> None:
        self.plan = plan
        self.queries = queries
        self.entries = entries
        self.closer = np.zeros(len(entries.pair), dtype=np.int64)
        self.tied = np.zeros(len(entries.pair), dtype=np.int64)
        self.again = 0
        self.values = similarities[entries.pair]
        self.product = Products(precision)
        self.tolerance = tolerance(queries.rows.shape[1])
        self.centre = _centre(queries)
        self.prepared = self._prepare(queries.rows, queries.norms)
        self.targets, self.slacks = self._targets()

    def count(self, block: Block, pool: ThreadPoolExecutor) -> None:
        """Add a block to the counts."""
        gallery = self._prepare(block.rows, block.norms)
        scale = gallery.scale * self.prepared.scale
        if self.queries.euclidean:
            biases = gallery.squares * (self.prepared.scale / gallery.scale / 2)
        else:
            biases = -gallery.products
        error = product_error(self.prepared.lengths, gallery.lengths, block.rows.shape[1])
        offset = float(np.abs(biases).max())
        if not offset < LARGEST_BIAS:
            error = np.full_like(error, np.inf)
        bias = np.clip(biases, -LARGEST_BIAS, LARGEST_BIAS).astype(np.float32)
        error = error + 8 * self.tolerance * offset
        bound = (error, scale, OUTPUT_BFLOAT16 if self.product.half else OUTPUT_FLOAT32, offset)
        penalties = self._penalties(block)
        tiles = [
            pool.submit(self._count_rows, rows, block, gallery, bias=bias, penalties=penalties, bound=bound)
            for rows in _ranges(len(self.queries.rows), TILE)
        ]
        self.again += sum(tile.result() for tile in tiles)

    def _count_rows(
        self,
        rows: slice,
        block: Block,
        gallery: Prepared,
        *,
        bias: npt.NDArray[np.float32],
        penalties: npt.NDArray[np.float32],
        bound: tuple[FloatArray, float, float, float],
    ) -> int:
        """Multiply and count some queries against a block."""
        numbers = np.arange(rows.start, rows.stop)
        table = self.entries
        positives, ignored = self.plan.positives, self.plan.ignored
        again = 0
        for first, last in _units(block.starts, TILE):
            images = slice(int(block.starts[first]), int(block.starts[last]))
            product = self.product(self.prepared.values[rows], gallery.values[images])
            again += count_tile(
                (NO_WIDE, product, True) if self.product.half else (product, NO_NARROW, False),
                bias[images],
                (
                    block.rows[images],
                    block.norms[images],
                    block.starts[first : last + 1] - block.starts[first],
                    block.first + first,
                ),
                (self.queries.rows, self.queries.norms, numbers),
                (positives.starts, positives.units, ignored.starts, ignored.units),
                (table.ask_starts, table.entry_starts, table.ask_draw),
                (self.targets, self.slacks, self.values),
                penalties[:, first:last],
                (bound[0][rows], *bound[1:]),
                self.queries.euclidean,
                self.tolerance,
                self.closer,
                self.tied,
            )
        return again

    def _prepare(self, rows: npt.NDArray[np.floating], norms: FloatArray) -> Prepared:
        half, shape = self.product.half, rows.shape
        scale = _scale(norms, self.centre) if self.queries.euclidean else 1.0
        wide = np.empty((0, shape[1]) if half else shape, dtype=np.float32)
        narrow = np.empty(shape if half else (0, shape[1]), dtype=np.uint16)
        sizes = np.empty((len(rows), 4))
        prepare(rows, norms, self.centre, self.queries.euclidean, scale, half, wide, narrow, sizes)
        return Prepared(narrow if half else wide, lengths(sizes, shape[1]), sizes[:, 2], sizes[:, 3], scale)

    def _targets(self) -> tuple[FloatArray, FloatArray]:
        """Return the entries' targets and their float64 slacks, both before scaling."""
        query = self.entries.query
        if self.queries.euclidean:
            square = self.prepared.squares[query] / self.prepared.scale**2
            return (self.values + square) / 2, 8 * self.tolerance * (square - self.values)
        shift = self.prepared.products[query] + (self.centre**2).sum()
        return self.values - shift, np.full(len(query), 8 * self.tolerance)

    def _penalties(self, block: Block) -> npt.NDArray[np.float32]:
        """Return what to add to the scores of units that are not in a draw."""
        drawn = self.plan.drawn[:, block.first : block.first + len(block.starts) - 1]
        return np.where(drawn, np.float32(0), BLANK).astype(np.float32)


def _centre(queries: Queries) -> FloatArray:
    """Return the mean of the first queries, normalised for cosine."""
    rows = queries.rows[:CENTRED].astype(np.float64)
    if not queries.euclidean:
        norms = np.sqrt(queries.norms[:CENTRED])
        rows /= np.where(norms > 0, norms, 1)[:, None]
    return np.asarray(rows.mean(axis=0)) if len(rows) else np.zeros(rows.shape[1])


def _scale(norms: FloatArray, centre: FloatArray) -> float:
    """Return the power of two that brings rows less the centre to a length of at most one."""
    longest = float(np.sqrt(norms.max(initial=0))) + float(np.sqrt((centre**2).sum()))
    return float(2.0 ** -np.ceil(np.log2(longest))) if longest > 0 else 1.0


def _ranges(count: int, size: int) -> Iterator[slice]:
    for first in range(0, count, size):
        yield slice(first, min(first + size, count))


def _units(starts: npt.NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of units with at most ``size`` images each, or one unit."""
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + size, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last
