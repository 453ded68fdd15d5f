"""The counting pass: tiles of products in several threads, each counted by the thread that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.kernel import Precision
from harness.kernel.bounds import LARGEST_BIAS, OUTPUT_BFLOAT16, OUTPUT_FLOAT32, FloatArray, product_error
from harness.kernel.exact import tolerance
from harness.kernel.gallery import Block
from harness.kernel.native.count import count_tile
from harness.kernel.native.scores import BLANK
from harness.kernel.native.similarity import LANES
from harness.kernel.neighbours import Lists
from harness.kernel.plan import Entries, Plan
from harness.kernel.prepared import Prepared, Workers, centre_of, prepare_rows
from harness.kernel.products import Products

QUERIES, IMAGES = 512, 1024
"""Rows and columns of one product: in bfloat16 it fills a second cache of 1 MB while it is counted."""

SAMPLED = 128
"""Queries that try whether bfloat16 leaves too much to do again."""

NO_WIDE, NO_NARROW = np.empty((0, 0), dtype=np.float32), np.empty((0, 0), dtype=np.uint16)
"""The loops take both kinds of products and read one."""


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
class Target:
    """A block made ready to be counted.

    Attributes:
        block: its features as stored.
        prepared: its features as multiplied.
        bias: (images,) float32, to be taken from the products.
        penalties: (draws, units) float32, what to add to the scores of units that are not in a draw.
        errors: (queries,) the bound of each query's products.
        bound: scale of the targets, relative rounding, greatest bias.
    """

    block: Block
    prepared: Prepared
    bias: npt.NDArray[np.float32]
    penalties: npt.NDArray[np.float32]
    errors: FloatArray
    bound: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Tile:
    """Some queries against some of a block's images, as the loops take them; see ``native.count.count_tile``."""

    products: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16], bool]
    bias: npt.NDArray[np.float32]
    block: tuple[npt.NDArray[np.floating], FloatArray, IntArray, int]
    queries: tuple[npt.NDArray[np.floating], FloatArray, int, int]
    penalties: npt.NDArray[np.float32]


class Pass:
    """Counts for every entry the negatives that are closer and those that tie, block by block.

    Args:
        plan: of the task.
        queries: that are asked.
        entries: the positives to place.
        similarities: (pairs,) their canonical similarities.
        widths: (pairs,) the difference up to which a similarity ties with each; None for ``exact.tolerance``.
        precision: of the products.
        workers: who does it.
        nearest: the length of the lists to make; 0 for none.
        farthest: whether the lists also find the least similarity.
    """

    def __init__(
        self,
        plan: Plan,
        queries: Queries,
        entries: Entries,
        similarities: FloatArray,
        *,
        precision: Precision,
        workers: Workers,
        widths: FloatArray | None = None,
        nearest: int = 0,
        farthest: bool = False,
    ) -> None:
        self.plan = plan
        self.queries = queries
        self.entries = entries
        self.workers = workers
        self.closer = np.zeros(len(entries.pair), dtype=np.int64)
        self.tied = np.zeros(len(entries.pair), dtype=np.int64)
        self.again = 0
        self.values = similarities[entries.pair]
        self.widths = np.empty(0) if widths is None else widths[entries.pair]
        self.most = int(np.diff(entries.entry_starts).max(initial=0))
        self.product = Products(precision)
        self.tolerance = tolerance(queries.rows.shape[1])
        self.centre = centre_of(queries.rows, queries.norms, euclidean=queries.euclidean)
        self.prepared = self._prepare(queries.rows, queries.norms)
        self.shifts = self._shifts()
        self.targets, self.slacks = self._targets()
        self.lists = Lists.empty(len(queries.rows), nearest, farthest=farthest) if nearest else None

    def count(self, block: Block) -> None:
        """Add a block to the counts."""
        target = self._target(block)
        self.again += sum(self.workers.share(len(self.queries.rows), QUERIES, partial(self._count_rows, target)))

    def doubt(self, block: Block) -> float:
        """Return the share of a block's pairs that a sample of the queries has to compute again; nothing is counted."""
        last = max(int(np.searchsorted(block.starts, IMAGES, side="right")) - 1, 1)
        images = int(block.starts[last])
        sample = Block(block.first, block.rows[:images], block.norms[:images], block.starts[: last + 1])
        rows = slice(0, min(SAMPLED, len(self.queries.rows)))
        again = self._count_rows(self._target(sample), rows, listing=False)
        self.closer[:] = self.tied[:] = 0
        return again / max(rows.stop * images, 1)

    def _target(self, block: Block) -> Target:
        prepared = self._prepare(block.rows, block.norms)
        if self.queries.euclidean:
            biases = prepared.squares * (self.prepared.scale / prepared.scale / 2)
        else:
            biases = -prepared.products
        offset = float(np.abs(biases).max())
        errors = product_error(self.prepared.lengths, prepared.lengths, block.rows.shape[1])
        errors += 8 * self.tolerance * offset if offset < LARGEST_BIAS else np.inf
        drawn = self.plan.drawn[:, block.first : block.first + len(block.starts) - 1]
        return Target(
            block=block,
            prepared=prepared,
            bias=np.clip(biases, -LARGEST_BIAS, LARGEST_BIAS).astype(np.float32),
            penalties=np.where(drawn, np.float32(0), BLANK).astype(np.float32),
            errors=errors,
            bound=(
                prepared.scale * self.prepared.scale,
                OUTPUT_BFLOAT16 if self.product.half else OUTPUT_FLOAT32,
                offset,
            ),
        )

    def _count_rows(self, target: Target, rows: slice, *, listing: bool = True) -> int:
        """Multiply and count some queries against a block."""
        block, table = target.block, self.entries
        widest = max(IMAGES, int(np.diff(block.starts).max()))
        row, scratch = _scratch(widest, self.most)
        positives, ignored = self.plan.positives, self.plan.ignored
        again = 0
        for first, last in units_within(block.starts, IMAGES):
            images = slice(int(block.starts[first]), int(block.starts[last]))
            product = self.product(self.prepared.values[rows], target.prepared.values[images])
            starts = block.starts[first : last + 1] - block.starts[first]
            tile = Tile(
                products=(NO_WIDE, product, True) if self.product.half else (product, NO_NARROW, False),
                bias=target.bias[images],
                block=(block.rows[images], block.norms[images], starts, block.first + first),
                queries=(self.queries.rows, self.queries.norms, rows.start, rows.stop),
                penalties=target.penalties[:, first:last],
            )
            if self.lists is not None and listing:
                self._list(self.lists, tile, target, row)
            again += count_tile(
                tile.products,
                tile.bias,
                tile.block,
                tile.queries,
                (positives.starts, positives.units, ignored.starts, ignored.units),
                (table.ask_starts, table.entry_starts, table.ask_draw),
                (self.targets, self.slacks, self.values, self.widths),
                tile.penalties,
                target.errors,
                target.bound,
                row,
                scratch,
                self.queries.euclidean,
                self.tolerance,
                self.closer,
                self.tied,
            )
        return again

    def _list(self, lists: Lists, tile: Tile, target: Target, row: tuple[Any, ...]) -> None:
        """Bring the lists up to date with a tile."""
        from harness.kernel.native.nearest import list_tile

        list_tile(
            tile.products,
            tile.bias,
            tile.block,
            tile.queries,
            (self.plan.ignored.starts, self.plan.ignored.units),
            tile.penalties[:1],
            target.errors,
            target.bound,
            self.shifts,
            row,
            np.empty(LANES),
            self.queries.euclidean,
            self.tolerance,
            lists.units,
            lists.similarities,
            lists.numbers,
            lists.farthest,
        )

    def _prepare(self, rows: npt.NDArray[np.floating], norms: FloatArray) -> Prepared:
        return prepare_rows(
            rows, norms, self.centre, self.workers, euclidean=self.queries.euclidean, half=self.product.half
        )

    def _shifts(self) -> FloatArray:
        """Return for each query what turns a similarity into a target; see ``bounds``."""
        if self.queries.euclidean:
            return np.asarray(self.prepared.squares / self.prepared.scale**2)
        return np.asarray(self.prepared.products + (self.centre**2).sum())

    def _targets(self) -> tuple[FloatArray, FloatArray]:
        """Return the entries' targets and their float64 slacks, both before scaling."""
        shift = self.shifts[self.entries.query]
        widths = self.widths if len(self.widths) else np.zeros(len(shift))
        if self.queries.euclidean:
            return (self.values + shift) / 2, 8 * self.tolerance * (shift + np.abs(self.values)) + widths / 2
        return self.values - shift, 8 * self.tolerance * np.maximum(np.abs(self.values), 1) + widths


def _scratch(images: int, positives: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return what the loops write to: rows of a tile, then what ``count_row`` needs."""
    row = np.empty(images, dtype=np.float32)
    flags = np.zeros(-(-images // 8) * 8, dtype=np.uint8)
    return (
        (row, row.view(np.uint32), np.empty(images, dtype=np.float32)),
        (
            np.empty((positives, 2), dtype=np.float32),
            np.empty(images, dtype=np.float32),
            np.empty(images, dtype=np.int32),
            flags,
            flags.view(np.uint64),
            np.empty(images + 8, dtype=np.int64),
            np.full(images, np.nan),
            np.full(images, np.nan),
            np.zeros(images + 1, dtype=np.int64),
            np.empty(LANES),
        ),
    )


def units_within(starts: IntArray, size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of units with at most ``size`` images each, or one unit."""
    first = 0
    while first < len(starts) - 1:
        last = max(int(np.searchsorted(starts, starts[first] + size, side="right")) - 1, first + 1)
        yield first, last
        first = last
