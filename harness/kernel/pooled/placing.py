"""The passes that place negative pairs among marks: in float64 among all, in float32 among those of some windows."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from harness.kernel.exact import UNIT, tolerance
from harness.kernel.memory import aligned
from harness.kernel.native.fold import LANES
from harness.kernel.native.place import Marks, Placed, WideTile, Windows, fill_table, place_scores, place_wide
from harness.kernel.native.tuples import Block, Features, Limits, PairComparison, UnitLists
from harness.kernel.passes import IMAGES, QUERIES, Job, Pass, Target, scratch_of, units_within
from harness.kernel.plan import RankingPlan, entries
from harness.kernel.pooled.counts import FloatArray
from harness.kernel.walk import Walk

MOST_BINS = 1 << 20
"""Bins of the table of marks: 8 MB."""


@dataclass(frozen=True, eq=False)
class QueryPairs:
    """Some of the queries, and the canonical similarities of their positives."""

    plan: RankingPlan
    similarities: FloatArray


def marks_of(values: FloatArray) -> Marks:
    """Return marks, (k,) ascending and all different, with their table."""
    bins = min(max(4 * len(values), 16), MOST_BINS)
    low, high = (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)
    inverse = bins / (high - low) if high > low else 0.0
    marks = Marks(values, np.zeros(bins + 1, dtype=np.int64), low, inverse)
    fill_table(marks)
    return marks


def nothing(marks: int, windows: int) -> Placed:
    """Return the sums of no pairs."""
    return Placed(*(np.zeros(size, dtype=np.int64) for size in (marks + windows, marks, windows)))


def sum_of(placed: Sequence[Placed]) -> Placed:
    """Return several sums together."""
    return Placed(*(np.sum(columns, axis=0) for columns in zip(*placed, strict=True)))


class PlacingPass(ABC):
    """Places the negatives of some queries, block by block, by all threads."""

    def __init__(self, walk: Walk, part: QueryPairs, marks: Marks, windows: int) -> None:
        self.workers = walk.workers
        self.marks = marks
        self.windows = windows
        self.queries = walk.asked(part.plan)
        self.comparison = PairComparison(walk.settings.euclidean, tolerance(self.queries.rows.shape[1]))
        self.positives = UnitLists(part.plan.positives.starts, part.plan.positives.units)
        self.ignored = UnitLists(part.plan.ignored.starts, part.plan.ignored.units)
        self.own: dict[int, Placed] = {}

    @abstractmethod
    def count(self, block: Block) -> None:
        """Place the negatives of a block."""

    def sums(self) -> Placed:
        """Return what all threads have placed."""
        return sum_of([nothing(len(self.marks.values), self.windows), *self.own.values()])

    def mine(self) -> Placed:
        """Return the sums of this thread."""
        return self.own.setdefault(threading.get_ident(), nothing(len(self.marks.values), self.windows))


class WidePlacing(PlacingPass):
    """Multiplies float64."""

    def __init__(self, walk: Walk, part: QueryPairs, marks: Marks, left: dict[int, FloatArray] | None = None) -> None:
        super().__init__(walk, part, marks, 1)
        self.left = left
        """Factors of the queries by their first row, for small blocks, with which they cost more than the product."""

    def count(self, block: Block) -> None:
        """Place the negatives of a block."""
        self.workers.share(len(self.queries.rows), QUERIES, partial(self._rows, block))

    def _rows(self, block: Block, rows: slice) -> None:
        left = None if self.left is None else self.left.get(rows.start)
        if left is None:
            left, _ = self._factors(Features(self.queries.rows[rows], self.queries.norms[rows]), np.empty(0))
            if self.left is not None:
                self.left[rows.start] = left
        width = left.shape[1]
        row = np.empty(max(IMAGES, int(np.diff(block.starts).max())))
        for first, last in units_within(block.starts, IMAGES):
            own = block.part(first, last)
            right, squares = self._factors(Features(own.rows, own.norms), own.means.images)
            products = torch.mm(torch.from_numpy(left), torch.from_numpy(right).T).numpy()
            error = (2 * width + 128) * UNIT
            tile = WideTile(products, squares, error, own, self.queries, rows.start)
            place_wide(
                tile, self.positives, self.ignored, row, self.marks, self.comparison, aligned(LANES), self.mine()
            )

    def _factors(self, features: Features, images: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return rows as they are multiplied, (n, d) float64, and their squared norms."""
        rows, norms = features.rows.astype(np.float64), features.norms
        if not self.comparison.euclidean:
            length = np.sqrt(norms)
            rows /= np.where(length > 0, length, 1)[:, None]
            return rows, np.zeros(len(rows))
        if len(images):
            rows /= images[:, None]
            return rows, norms / images**2
        return rows, norms


class ScorePlacing(PlacingPass, Pass):
    """Takes the scores of the kernel's first pass, in float32."""

    def __init__(self, walk: Walk, part: QueryPairs, marks: Marks, windows: Windows) -> None:
        PlacingPass.__init__(self, walk, part, marks, len(windows.ranges))
        self.ranges = windows
        settings = replace(walk.settings, nearest=0)
        job = Job(
            part.plan,
            self.queries,
            entries(part.plan, part.similarities),
            Limits(part.similarities, np.empty(0)),
            settings,
        )
        Pass.__init__(self, job, precision="float32", workers=walk.workers)

    def count(self, block: Block) -> None:
        """Place the negatives of a block."""
        Pass.count(self, block)

    def _count_rows(self, target: Target, rows: slice, *, listing: bool = True) -> int:  # noqa: ARG002 - it lists nothing
        starts = target.block.starts
        buffer, scratch = scratch_of(max(IMAGES, int(np.diff(starts).max())), 0)
        again = 0
        for first, last in units_within(starts, IMAGES):
            tile = self._tile(target, rows, first, last)
            again += place_scores(
                tile,
                self.positives,
                self.ignored,
                self.shifts,
                self.marks,
                self.ranges,
                self.comparison,
                buffer,
                scratch,
                self.mine(),
            )
        return again
