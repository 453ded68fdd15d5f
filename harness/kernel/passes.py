"""The counting pass: tiles of products in several threads, each counted by the thread that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.kernel.bounds import (
    ACCUMULATION,
    NONE,
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
from harness.kernel.memory import aligned
from harness.kernel.native.count import count_tile
from harness.kernel.native.fold import LANES
from harness.kernel.native.scores import BLANK
from harness.kernel.native.tuples import (
    NO_MEANS,
    NO_WHOLE,
    Asked,
    Block,
    Bound,
    Counts,
    Features,
    Limits,
    Listing,
    Means,
    PairComparison,
    RowBuffer,
    Scratch,
    Tile,
    UnitLists,
    Whole,
    Words,
)
from harness.kernel.native.whole import PANEL, ROWS, multiply
from harness.kernel.neighbours import Lister, Lists, queries_of
from harness.kernel.plan import Entries, RankingPlan
from harness.kernel.prepared import Prepared, PreparedWhole, Workers, prepare_rows, prepare_whole_rows, ranges
from harness.kernel.products import Products
from harness.kernel.settings import WHOLE, Precision, Settings

QUERIES, IMAGES = 512, 1024
"""Rows and columns of one product: in bfloat16 it fills a second cache of 1 MB while it is counted."""

WHOLE_QUERIES, WHOLE_IMAGES = 96, 2048
"""The same in whole numbers: the images' bytes and the products fill that cache together, and rows are long."""

SHARED = 4096
"""Queries that one thread counts against a tile of images while these are in its cache."""

SAMPLED, STRETCH = 128, 16
"""Queries that try whether a precision leaves too much to do again, and how many of them are neighbours."""

QUICK = ("bfloat16", "int16")
"""Precisions whose scores are rougher than a similarity in float32; those of bytes have finer scores instead."""

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
        block: its features as stored, with its words if they are multiplied as bytes.
        prepared: its features as multiplied.
        bias: (images,) float32, to be taken from the products.
        penalties: (draws, units) float32, to be added to the scores of units that are not in a draw.
        errors: (queries,) the bound of each query's products.
        bound: the other errors.
        finer: (queries,) the bound of each query's products of words, (0,) without words.
    """

    block: Block
    prepared: Prepared | PreparedWhole
    bias: npt.NDArray[np.float32]
    penalties: npt.NDArray[np.float32]
    errors: FloatArray
    bound: Bound
    finer: FloatArray


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
        self.precision = precision
        self.product = None if precision in WHOLE else Products(precision, by_numpy=job.settings.by_numpy)
        self.size = (WHOLE_QUERIES, WHOLE_IMAGES) if self.product is None else (QUERIES, IMAGES)
        self.comparison = PairComparison(self.euclidean, tolerance(queries.rows.shape[1]), precision in QUICK)
        self.centre = centre_of(queries.rows, queries.norms, euclidean=self.euclidean)
        self.prepared = self._prepare(queries)
        self.shifts = shifts_of(self.prepared, self.centre, euclidean=self.euclidean)
        self.asked = self._asked()
        self.lists = job.empty_lists()

    def count(self, block: Block) -> None:
        """Add a block to the counts."""
        target = self._target(block)
        size = SHARED if self.product is None else QUERIES
        if self.lists is not None:
            size = min(size, queries_of(self.lists.units.shape[1]))
        self.again += sum(self.workers.share(len(self.queries.rows), size, partial(self._count_rows, target)))

    def doubt(self, block: Block) -> float:
        """Return the share of a block's pairs that a sample of the queries has to compute again; nothing is counted."""
        last = max(int(np.searchsorted(block.starts, IMAGES, side="right")) - 1, 1)
        images = int(block.starts[last])
        sample = block.part(0, last)
        parts, target = stretches(len(self.queries.rows)), self._target(sample)
        again = sum(self._count_rows(target, rows, listing=False) for rows in parts)
        pairs: int = sum(rows.stop - rows.start for rows in parts) * images
        self.closer[:] = self.tied[:] = 0
        return again / pairs

    def _target(self, block: Block) -> Target:
        width = block.rows.shape[1]
        prepared = self._prepare(Features(block.rows, block.norms), block.means, gallery=True)
        biases = biases_of(self.prepared, prepared, euclidean=self.euclidean)
        half = self.product is not None and self.product.half
        bound = bound_of(self.prepared, prepared, biases, OUTPUT_BFLOAT16 if half else OUTPUT_FLOAT32)
        bias, finer = rounded_biases(biases), np.empty(0)
        own, other = self.prepared, prepared
        whole = isinstance(own, PreparedWhole)
        errors = errors_of(own.lengths, other.lengths, width, bound.offset, NONE if whole else ACCUMULATION)
        if self.precision == "int8" and isinstance(own, PreparedWhole) and isinstance(other, PreparedWhole):
            words = Words(other.rounded.words, other.rounded.word, bias)
            block = block._replace(words=words)
            finer = errors_of(own.finer, other.finer, width, bound.offset)
            errors = np.maximum(errors, finer)
        drawn = self.job.plan.drawn[:, block.first : block.first + len(block.starts) - 1]
        return Target(
            block=block,
            prepared=prepared,
            bias=bias,
            penalties=np.where(drawn, np.float32(0), BLANK).astype(np.float32),
            errors=errors,
            bound=bound,
            finer=finer,
        )

    def _count_rows(self, target: Target, rows: slice, *, listing: bool = True) -> int:
        """Multiply and count some queries against a block."""
        starts, (queries, images) = target.block.starts, self.size
        longest = max(images, int(np.diff(starts).max()))
        buffer, scratch = scratch_of(longest, self.most)
        room = self._room(longest)
        counts = Counts(self.closer, self.tied)
        lister = self._lister(self.lists, target, rows) if self.lists is not None and listing else None
        again = 0
        for first, last in units_within(starts, images):
            for part in ranges(rows.stop - rows.start, queries):
                own = slice(rows.start + part.start, rows.start + part.stop)
                tile = self._tile(target, own, first, last, room)
                if lister is not None:
                    lister.add(tile, buffer, scratch)
                if len(self.asked.values):
                    again += count_tile(tile, self.asked, buffer, scratch, self.comparison, counts)
        if lister is not None:
            lister.settle()
        return again

    def _room(self, images: int) -> npt.NDArray[np.int32]:
        """Return room for the products of bytes of a tile."""
        if self.product is not None:
            return NO_WHOLE.products
        rows, columns = WHOLE_QUERIES + ROWS, PANEL * (-(-images // PANEL) + 1)
        return aligned(rows * columns, np.int32).reshape(rows, columns)

    def _tile(
        self, target: Target, rows: slice, first: int, last: int, room: npt.NDArray[np.int32] = NO_WHOLE.products
    ) -> Tile:
        """Multiply some queries with the units from ``first`` to ``last`` of a block."""
        block = target.block
        images = slice(int(block.starts[first]), int(block.starts[last]))
        wide, narrow, half, whole = NO_WIDE, NO_NARROW, False, NO_WHOLE
        own, other = self.prepared, target.prepared
        if isinstance(own, PreparedWhole) and isinstance(other, PreparedWhole):
            whole = self._whole(own, other, target, rows, images, room)
        elif isinstance(own, Prepared) and isinstance(other, Prepared) and self.product is not None:
            product, half = self.product(own.values[rows], other.values[images]), self.product.half
            wide, narrow = (NO_WIDE, product) if half else (product, NO_NARROW)
        return Tile(
            wide=wide,
            narrow=narrow,
            half=half,
            bias=target.bias[images],
            block=block.part(first, last),
            queries=self.queries,
            begin=rows.start,
            end=rows.stop,
            penalties=np.ascontiguousarray(target.penalties[:, first:last]),  # as the loop was compiled without draws
            errors=target.errors,
            bound=target.bound,
            whole=whole,
        )

    def _whole(
        self,
        own: PreparedWhole,
        other: PreparedWhole,
        target: Target,
        rows: slice,
        images: slice,
        room: npt.NDArray[np.int32],
    ) -> Whole:
        """Multiply bytes into the room."""
        first, last = images.start // PANEL, -(-images.stop // PANEL)
        left, right, words = own.rounded, other.rounded, self.precision == "int16"
        multiply(left.rows, left.sums, right.panels, words, rows.start, rows.stop, first, last, room)
        return Whole(
            products=room,
            first=images.start - PANEL * first,
            factors=left.step,
            steps=right.step[images],
            rows=left.wide,
            errors=target.finer,
        )

    def _lister(self, lists: Lists, target: Target, rows: slice) -> Lister:
        """Return what brings the lists of some queries up to date with a block."""
        own = self.prepared
        listing = Listing(
            block=target.block,
            queries=self.queries,
            prepared=own.rounded.wide if isinstance(own, PreparedWhole) else NO_WHOLE.rows,
            shifts=self.shifts,
            errors=target.errors,
            finer=target.finer,
            bound=target.bound,
            comparison=self.comparison,
            looks=np.empty(len(target.block.starts) - 1 if len(target.finer) else 0),
        )
        return Lister(lists, rows, listing, self.asked.ignored)

    def _prepare(
        self, features: Features, means: Means = NO_MEANS, *, gallery: bool = False
    ) -> Prepared | PreparedWhole:
        if self.product is None:
            return prepare_whole_rows(
                features,
                self.centre,
                self.workers,
                means,
                euclidean=self.euclidean,
                words=self.precision == "int16",
                gallery=gallery,
            )
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
    row = aligned(images, np.float32)
    flags = aligned(-(-images // 8) * 8, np.uint8)
    flags[:] = 0
    scratch = Scratch(
        bands=np.empty((positives, 2), dtype=np.float32),
        kept=aligned(images, np.float32),
        places=aligned(images, np.int32),
        flags=flags,
        words=flags.view(np.uint64),
        found=np.empty(images + 8, dtype=np.int64),
        guesses=np.full(images, np.nan),
        exacts=np.full(images, np.nan),
        touched=np.zeros(images + 2, dtype=np.int64),
        acc=aligned(LANES),
        finer=np.empty((positives, 2), dtype=np.float32),
    )
    return RowBuffer(row, row.view(np.uint32), aligned(images, np.float32)), scratch


def stretches(queries: int) -> list[slice]:
    """Return the queries of a sample, in stretches as far apart as they can be: neighbours are often alike."""
    if queries <= SAMPLED:
        return [slice(0, queries)]
    firsts = np.linspace(0, queries - STRETCH, SAMPLED // STRETCH).astype(np.int64)
    return [slice(first, first + STRETCH) for first in firsts.tolist()]


def units_within(starts: IntArray, size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of units with at most ``size`` images each, or one unit."""
    first = 0
    while first < len(starts) - 1:
        last = max(int(np.searchsorted(starts, starts[first] + size, side="right")) - 1, first + 1)
        yield first, last
        first = last
