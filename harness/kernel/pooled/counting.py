"""Counting all negative pairs against the similarity of every positive, in one pass or in as few as decide.

Exactly. The pass multiplies float64. With x = q/|q| and y = g/|g| rounded, a product of d terms in any
order is within d u of x . y, and x . y within (d/32 + 10) u of the quotient (u = 2^-53; the norms and the quotient are
those of ``exact``); the canonical cosine is within (d/16 + 16) u of it too. Their difference is below (2 d + 128) u. A
squared distance is computed as |q|^2 + |g|^2 - 2 q . g, with the same error times |q|^2 + |g|^2. Pairs with a mark
within the error get their canonical similarity. A sum that stands for a mean is divided by its images, at 3 u.

Quickly. The pass takes the scores of the first pass in float32, and its bounds (``bounds``): a pair with no mark within
the bound is placed, others lie between two places, unless they lie in a window, where they get their canonical
similarity. What is to be decided says which windows it needs. The first windows are guessed from some of the gallery;
the counts then prove that they were right, or say where the next pass has to look. A guess decides nothing.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch

from harness.features.metric import check_metric
from harness.kernel.exact import UNIT, tolerance
from harness.kernel.gallery import Rows
from harness.kernel.native.fold import LANES
from harness.kernel.native.place import fill_table, place_scores, place_wide
from harness.kernel.native.tuples import (
    Block,
    Features,
    Limits,
    Marks,
    PairComparison,
    Placed,
    Placing,
    UnitLists,
    WideTile,
)
from harness.kernel.passes import IMAGES, QUERIES, Job, Pass, Target, scratch_of, units_within
from harness.kernel.plan import RankingPlan, entries
from harness.kernel.pooled.counts import FloatArray, PairCounts
from harness.kernel.settings import Settings
from harness.kernel.walk import Walk, open_walk
from harness.tasks.relevance import Relevance

Undecided = Callable[[PairCounts], Sequence[tuple[float, float]]]
"""Returns the ranges of similarity in which the bounds of some counts are too wide for what is asked."""

MOST_BINS = 1 << 20
"""Bins of the table of marks: 8 MB."""

SAMPLED = 64
"""The part of the gallery from which the first windows are guessed is one in so many."""

WIDEST = 0.05
"""The share of all negatives from which on a guessed window costs more than a further pass."""


def count_pairs(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    *,
    settings: Settings,
    thresholds: Sequence[float] = (),
    undecided: Undecided | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PairCounts:
    """Return the negatives above each positive's similarity, and above each of some thresholds.

    All pairs of a query and a unit that it does not ignore count, those of queries without a positive too. The integers
    depend on the features, the metric and the relevance alone.

    Args:
        queries: as for ``kernel.ranking.rank``.
        gallery: likewise.
        relevance: the positives and the ignored units; of draws at most one.
        settings: the metric, the processes and their memory, on the processor.
        thresholds: further similarities to count at.
        undecided: what the counts have to decide; all other bounds may then stay wide, which takes a third of the time.
            None for exact counts at every mark.
        progress: called with the gallery images done in a pass and their number.

    Raises:
        FeatureError: the features do not fit the relevance or each other, or are not finite.
        ValueError: there are several draws.
    """
    if len(relevance.draws) > 1:
        raise ValueError("the pairs of several draws are counted one draw at a time")
    check_metric(settings.metric)
    # A list of one asks for every query to be planned, one without a positive too; nothing is listed.
    with open_walk(queries, gallery, relevance, replace(settings, nearest=1), progress) as walk:
        pool = _Pool(walk, thresholds)
        return pool.all() if undecided is None else pool.until(undecided)


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the queries, and the canonical similarities of their positives."""

    plan: RankingPlan
    similarities: FloatArray


class _Pool:
    """The pairs of one walk and the marks among which they are placed."""

    def __init__(self, walk: Walk, thresholds: Sequence[float]) -> None:
        self.walk = walk
        self.parts = [_part(walk, first, last) for first, last in pairwise(walk.edges())]
        values = np.concatenate([part.similarities for part in self.parts])
        marks = np.unique(np.concatenate([values, np.asarray(thresholds, dtype=np.float64)]))
        self.positives = np.bincount(np.searchsorted(marks, values), minlength=len(marks))
        self.marks = marks_of(marks)
        self.negatives = sum(
            len(part.plan.queries) * len(part.plan.units)
            - len(part.plan.positives.units)
            - len(part.plan.ignored.units)
            for part in self.parts
        )

    def all(self) -> PairCounts:
        """Return exact counts at every mark."""
        placing = Placing(self.marks, np.array([[-np.inf, np.inf]]), -np.inf)
        return self._counts(self._pass(_WidePlacing, placing))

    def until(self, undecided: Undecided) -> PairCounts:
        """Return counts that leave nothing undecided."""
        counts, windows = None, self._guessed(undecided)
        while counts is None or windows:
            floor = min((low for low, _ in windows), default=-np.inf)
            placing = Placing(self.marks, np.array(windows).reshape(-1, 2), floor)
            found = self._counts(self._pass(_ScorePlacing, placing), floor)
            counts = found if counts is None else _together(counts, found)
            windows = list(undecided(counts))
        return counts

    def _guessed(self, undecided: Undecided) -> list[tuple[float, float]]:
        """Return windows in which the bounds will probably be too wide, from some of the gallery."""
        placing = Placing(self.marks, np.empty((0, 2)), -np.inf)
        some = self._counts(self._pass(_ScorePlacing, placing, sampled=True))
        seen = some.negatives
        if not seen:
            return []
        scale = self.negatives / seen
        spread = 12 * np.sqrt(some.above) + 0.05 * some.above + 20  # images of one vehicle are alike
        low = np.clip(np.floor((some.above[0] - spread[0]) * scale), 0, self.negatives)
        high = np.clip(np.ceil((some.above[1] + spread[1]) * scale), 0, self.negatives)
        likely = replace(
            some, above=np.stack([low, high]).astype(np.int64), tied=some.tied * 0, negatives=self.negatives
        )
        windows = []
        for lowest, highest in undecided(likely):
            inside = some.above[1][some.marks >= lowest].max(initial=0) - some.above[0][some.marks <= highest].min(
                initial=seen
            )
            if inside <= WIDEST * seen:
                windows.append((lowest, highest))
        return windows

    def _counts(self, placed: Placed, floor: float = -np.inf) -> PairCounts:
        """Return the counts of placed pairs; below the floor only the pairs above it are known."""
        sure, tied, low, high = self.walk.team.total(
            np.stack([placed.sure, np.append(placed.tied, 0), placed.low, placed.high])
        )
        places = np.stack([sure + low, sure + high])
        places[:, :-1] += tied[:-1]
        seen = int(places[0].sum())
        # A tie with mark i is at place i, so it is not above it, and above all marks before.
        above = np.cumsum(places[:, ::-1], axis=1)[:, ::-1][:, 1:]
        unknown = self.marks.values < floor
        if unknown.any():
            first = int(unknown.sum())
            above[0, :first] = above[0, first] if first < len(unknown) else 0
            above[1, :first] = self.negatives
        negatives = seen if math.isinf(floor) else self.negatives
        return PairCounts(self.marks.values, self.positives, above, np.where(unknown, 0, tied[:-1]), negatives)

    def _pass(self, kind: type[_PlacingPass], placing: Placing, *, sampled: bool = False) -> Placed:
        """Place the negatives of all queries, or those in some of the gallery, that lie above the floor."""
        total = _nothing(len(self.marks.values))
        done, images = 0, self.walk.gallery.images * len(self.parts)
        for part in self.parts:
            one = kind(self.walk, part, placing)
            for block in self._blocks(sampled):
                one.count(block)
                if not sampled:
                    done += int(block.starts[-1]) if not len(block.means.images) else int(block.means.images.sum())
                    self.walk.progress(done, images)
            total = Placed(*map(np.add, total, one.sums()))
        return total

    def _blocks(self, sampled: bool) -> Iterator[Block]:
        gallery = self.walk.gallery
        numbers = range(0, len(gallery), max(len(gallery) // 8, 1) if sampled else 1)
        for _, block in gallery.blocks(numbers, self.walk.workers):
            if sampled:
                images = max(len(block.rows) * len(gallery) // (SAMPLED * len(numbers)), 64)
                yield block.part(0, max(int(np.searchsorted(block.starts, images, side="right")) - 1, 1))
            else:
                yield block


def marks_of(values: FloatArray) -> Marks:
    """Return marks, (k,) ascending and all different, with their table."""
    bins = min(max(4 * len(values), 16), MOST_BINS)
    low, high = (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)
    inverse = bins / (high - low) if high > low else 0.0
    marks = Marks(values, np.zeros(bins + 1, dtype=np.int64), low, inverse)
    fill_table(marks)
    return marks


def _part(walk: Walk, first: int, last: int) -> _Part:
    plan = walk.plan.part(first, last)
    return _Part(plan, walk.similarities(plan, walk.asked(plan)))


def _nothing(marks: int) -> Placed:
    return Placed(*(np.zeros(marks + more, dtype=np.int64) for more in (1, 0, 1, 1)))


def _together(one: PairCounts, other: PairCounts) -> PairCounts:
    """Return what two passes know about the same pairs."""
    above = np.stack([np.maximum(one.above[0], other.above[0]), np.minimum(one.above[1], other.above[1])])
    return replace(one, above=above, tied=np.maximum(one.tied, other.tied))


class _PlacingPass(ABC):
    """Places the negatives of some queries, block by block, by all threads."""

    def __init__(self, walk: Walk, part: _Part, placing: Placing) -> None:
        self.workers = walk.workers
        self.placing = placing
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
        marks = len(self.placing.marks.values)
        return Placed(*(sum(arrays, start) for start, *arrays in zip(_nothing(marks), *self.own.values(), strict=True)))

    def mine(self) -> Placed:
        """Return the sums of this thread."""
        return self.own.setdefault(threading.get_ident(), _nothing(len(self.placing.marks.values)))


class _WidePlacing(_PlacingPass):
    """Multiplies float64."""

    def count(self, block: Block) -> None:
        self.workers.share(len(self.queries.rows), QUERIES, partial(self._rows, block))

    def _rows(self, block: Block, rows: slice) -> None:
        left, _ = self._factors(Features(self.queries.rows[rows], self.queries.norms[rows]), np.empty(0))
        width = left.shape[1]
        row = np.empty(max(IMAGES, int(np.diff(block.starts).max())))
        for first, last in units_within(block.starts, IMAGES):
            own = block.part(first, last)
            right, squares = self._factors(Features(own.rows, own.norms), own.means.images)
            products = torch.mm(torch.from_numpy(left), torch.from_numpy(right).T).numpy()
            error = (2 * width + 128) * UNIT
            tile = WideTile(products, squares, error, own, self.queries, rows.start)
            place_wide(
                tile, self.positives, self.ignored, row, self.placing, self.comparison, np.empty(LANES), self.mine()
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


class _ScorePlacing(_PlacingPass, Pass):
    """Takes the scores of the kernel's first pass, in float32."""

    def __init__(self, walk: Walk, part: _Part, placing: Placing) -> None:
        _PlacingPass.__init__(self, walk, part, placing)
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
                self.placing,
                self.comparison,
                buffer,
                scratch,
                self.mine(),
            )
        return again
