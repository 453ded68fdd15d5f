"""The counting pass: tiles of products in several threads, each counted by the thread that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.kernel.bounds import (
    OUTPUT_BFLOAT16,
    OUTPUT_FLOAT32,
    FloatArray,
    biases_of,
    bound_of,
    centre_of,
    errors_of,
    rounded_biases,
    shifts_of,
    slacks_of,
    targets_of,
)
from harness.kernel.exact import tolerance
from harness.kernel.native.count import count_tile
from harness.kernel.native.fold import LANES
from harness.kernel.native.scores import BLANK
from harness.kernel.native.tuples import (
    NO_MEANS,
    Asked,
    Block,
    Bound,
    Counts,
    Features,
    Limits,
    Means,
    PairComparison,
    RowBuffer,
    Scratch,
    Tile,
    UnitLists,
)
from harness.kernel.neighbours import Lists
from harness.kernel.plan import Entries, RankingPlan
from harness.kernel.prepared import Prepared, Workers, prepare_rows
from harness.kernel.products import Products
from harness.kernel.settings import Precision, Settings

QUERIES, IMAGES = 512, 1024
"""Rows and columns of one product: in bfloat16 it fills a second cache of 1 MB while it is counted."""

SAMPLED = 128
"""Queries that try whether bfloat16 leaves too much to do again."""

NO_WIDE, NO_NARROW = np.empty((0, 0), dtype=np.float32), np.empty((0, 0), dtype=np.uint16)
"""The loops take both kinds of products and read one."""


@dataclass(frozen=True, eq=False)
class Job:
    """The work of one pass.

    Attributes:
        plan: of the queries.
        queries: (k, d) float32 features, in memory.
        entries: the positives to place.
        limits: of the plan's positives: their canonical similarities, or others to count the negatives against.
        settings: the metric, and the lists to make.
    """

    plan: RankingPlan
    queries: Features
    entries: Entries
    limits: Limits
    settings: Settings

    def empty_lists(self) -> Lists | None:
        """Return the lists to fill, or None."""
        wanted = self.settings.nearest
        return Lists.empty(len(self.queries.rows), wanted, farthest=self.settings.farthest) if wanted else None


@dataclass(frozen=True, eq=False)
class Target:
    """A block made ready to be counted.

    Attributes:
        block: its features as stored.
        prepared: its features as multiplied.
        bias: (images,) float32, to be taken from the products.
        penalties: (draws, units) float32, to be added to the scores of units that are not in a draw.
        errors: (queries,) the bound of each query's products.
        bound: the other errors.
    """

    block: Block
    prepared: Prepared
    bias: npt.NDArray[np.float32]
    penalties: npt.NDArray[np.float32]
    errors: FloatArray
    bound: Bound


class Pass:
    """Counts for every entry the negatives that are closer and those that tie, block by block.

    Args:
        job: the work.
        precision: of the products.
        workers: the threads.
    """

    def __init__(self, job: Job, *, precision: Precision, workers: Workers) -> None:
        queries, entries = job.queries, job.entries
        self.job = job
        self.queries = queries
        self.workers = workers
        self.euclidean = job.settings.euclidean
        self.closer = np.zeros(len(entries.pair), dtype=np.int64)
        self.tied = np.zeros(len(entries.pair), dtype=np.int64)
        self.again = 0
        self.most = int(np.diff(entries.entry_starts).max(initial=0))
        self.product = Products(precision, by_numpy=job.settings.by_numpy)
        self.comparison = PairComparison(self.euclidean, tolerance(queries.rows.shape[1]))
        self.centre = centre_of(queries.rows, queries.norms, euclidean=self.euclidean)
        self.prepared = self._prepare(queries)
        self.shifts = shifts_of(self.prepared, self.centre, euclidean=self.euclidean)
        self.asked = self._asked()
        self.lists = job.empty_lists()

    def count(self, block: Block) -> None:
        """Add a block to the counts."""
        target = self._target(block)
        self.again += sum(self.workers.share(len(self.queries.rows), QUERIES, partial(self._count_rows, target)))

    def doubt(self, block: Block) -> float:
        """Return the share of a block's pairs that a sample of the queries has to compute again; nothing is counted."""
        last = max(int(np.searchsorted(block.starts, IMAGES, side="right")) - 1, 1)
        images = int(block.starts[last])
        sample = block.part(0, last)
        rows = slice(0, min(SAMPLED, len(self.queries.rows)))
        again = self._count_rows(self._target(sample), rows, listing=False)
        self.closer[:] = self.tied[:] = 0
        return again / (rows.stop * images)

    def _target(self, block: Block) -> Target:
        prepared = self._prepare(Features(block.rows, block.norms), block.means)
        biases = biases_of(self.prepared, prepared, euclidean=self.euclidean)
        bound = bound_of(self.prepared, prepared, biases, OUTPUT_BFLOAT16 if self.product.half else OUTPUT_FLOAT32)
        drawn = self.job.plan.drawn[:, block.first : block.first + len(block.starts) - 1]
        return Target(
            block=block,
            prepared=prepared,
            bias=rounded_biases(biases),
            penalties=np.where(drawn, np.float32(0), BLANK).astype(np.float32),
            errors=errors_of(self.prepared.lengths, prepared.lengths, block.rows.shape[1], bound.offset),
            bound=bound,
        )

    def _count_rows(self, target: Target, rows: slice, *, listing: bool = True) -> int:
        """Multiply and count some queries against a block."""
        starts = target.block.starts
        buffer, scratch = scratch_of(max(IMAGES, int(np.diff(starts).max())), self.most)
        counts = Counts(self.closer, self.tied)
        again = 0
        for first, last in units_within(starts, IMAGES):
            tile = self._tile(target, rows, first, last)
            if self.lists is not None and listing:
                self._list(self.lists, tile, buffer)
            again += count_tile(tile, self.asked, buffer, scratch, self.comparison, counts)
        return again

    def _tile(self, target: Target, rows: slice, first: int, last: int) -> Tile:
        """Multiply some queries with the units from ``first`` to ``last`` of a block."""
        block = target.block
        images = slice(int(block.starts[first]), int(block.starts[last]))
        product = self.product(self.prepared.values[rows], target.prepared.values[images])
        return Tile(
            wide=NO_WIDE if self.product.half else product,
            narrow=product if self.product.half else NO_NARROW,
            half=self.product.half,
            bias=target.bias[images],
            block=block.part(first, last),
            queries=self.queries,
            begin=rows.start,
            end=rows.stop,
            penalties=np.ascontiguousarray(target.penalties[:, first:last]),  # as the loop was compiled without draws
            errors=target.errors,
            bound=target.bound,
        )

    def _list(self, lists: Lists, tile: Tile, buffer: RowBuffer) -> None:
        """Bring the lists up to date with a tile."""
        from harness.kernel.native.nearest import list_tile

        list_tile(tile, self.asked.ignored, self.shifts, buffer, np.empty(LANES), self.comparison, lists)

    def _prepare(self, features: Features, means: Means = NO_MEANS) -> Prepared:
        return prepare_rows(
            features, self.centre, self.workers, means, euclidean=self.euclidean, half=self.product.half
        )

    def _asked(self) -> Asked:
        """Return the positives with their targets and the float64 slacks of these."""
        plan, entries, limits = self.job.plan, self.job.entries, self.job.limits
        shifts, values = self.shifts[entries.query], limits.similarities[entries.pair]
        widths = limits.widths[entries.pair] if len(limits.widths) else limits.widths
        slacks = slacks_of(values, shifts, self.queries.rows.shape[1], euclidean=self.euclidean)
        if len(widths):
            slacks += widths / 2 if self.euclidean else widths
        return Asked(
            positives=UnitLists(plan.positives.starts, plan.positives.units),
            ignored=UnitLists(plan.ignored.starts, plan.ignored.units),
            ask_starts=entries.ask_starts,
            entry_starts=entries.entry_starts,
            ask_draw=entries.ask_draw,
            targets=targets_of(values, shifts, euclidean=self.euclidean),
            slacks=slacks,
            values=values,
            widths=widths,
        )


def scratch_of(images: int, positives: int) -> tuple[RowBuffer, Scratch]:
    """Return the memory that the loops write to."""
    row = np.empty(images, dtype=np.float32)
    flags = np.zeros(-(-images // 8) * 8, dtype=np.uint8)
    scratch = Scratch(
        bands=np.empty((positives, 2), dtype=np.float32),
        kept=np.empty(images, dtype=np.float32),
        places=np.empty(images, dtype=np.int32),
        flags=flags,
        words=flags.view(np.uint64),
        found=np.empty(images + 8, dtype=np.int64),
        guesses=np.full(images, np.nan),
        exacts=np.full(images, np.nan),
        touched=np.zeros(images + 1, dtype=np.int64),
        acc=np.empty(LANES),
    )
    return RowBuffer(row, row.view(np.uint32), np.empty(images, dtype=np.float32)), scratch


def units_within(starts: IntArray, size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of units with at most ``size`` images each, or one unit."""
    first = 0
    while first < len(starts) - 1:
        last = max(int(np.searchsorted(starts, starts[first] + size, side="right")) - 1, first + 1)
        yield first, last
        first = last
