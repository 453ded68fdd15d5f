"""Counting all negative pairs against the similarity of every positive, in one pass or in as few as decide.

Exactly. The pass multiplies float64. With x = q/|q| and y = g/|g| rounded, a product of d terms in any
order is within d u of x . y, and x . y within (d/32 + 10) u of the quotient (u = 2^-53; the norms and the quotient are
those of ``exact``); the canonical cosine is within (d/16 + 16) u of it too. Their difference is below (2 d + 128) u. A
squared distance is computed as |q|^2 + |g|^2 - 2 q . g, with the same error times |q|^2 + |g|^2. Pairs with a mark
within the error get their canonical similarity. A sum that stands for a mean is divided by its images, at 3 u.

Quickly. The pass takes the scores of the first pass in float32, and its bounds (``bounds``). It counts the pairs that
are certainly above a window of similarity, and places those that may be in it among the marks there, by canonical
similarities where the bound leaves a mark open. What is to be decided says which windows it needs. The first windows
are guessed from some places of the gallery; the counts then prove that they were right, or say where the next pass has
to look. A guess decides nothing.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch

from harness.data.images import IntArray
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
    UnitLists,
    WideTile,
    Windows,
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

SAMPLED, PLACES, GROUPS = 8_000_000, 128, 8
"""The first windows are guessed from at most so many pairs, from so many places of the gallery, in so many groups."""

SURE = 4.0
"""Standard deviations by which a guess may be wrong: farther off it takes another pass, about once in a hundred."""

WIDEST = 0.05
"""The share of all negatives from which on windows take longer than exact counts everywhere."""


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
        self.marks = np.unique(np.concatenate([values, np.asarray(thresholds, dtype=np.float64)]))
        self.positives = np.bincount(np.searchsorted(self.marks, values), minlength=len(self.marks))
        self.negatives = sum(
            len(part.plan.queries) * len(part.plan.units)
            - len(part.plan.positives.units)
            - len(part.plan.ignored.units)
            for part in self.parts
        )

    def all(self) -> PairCounts:
        """Return exact counts at every mark."""
        marks = marks_of(self.marks)
        total = _nothing(len(self.marks), 1)
        for part, blocks in self._passes():
            one = _WidePlacing(self.walk, part, marks)
            for block in blocks:
                one.count(block)
            total = _sum([total, one.sums()])
        return self._counts(*self._total(total))

    def until(self, undecided: Undecided) -> PairCounts:
        """Return counts that leave nothing undecided."""
        nothing = np.zeros(len(self.marks), dtype=np.int64)
        counts = PairCounts(
            self.marks, self.positives, np.stack([nothing, nothing + self.negatives]), nothing, self.negatives
        )
        likely = self._likely()
        while True:
            ranges = undecided(likely)
            if not ranges:
                ranges = undecided(counts)
            if self._inside(ranges, likely) > WIDEST * self.negatives:
                return self.all()
            counts = _together(counts, self._near(ranges))
            if not undecided(counts):
                return counts
            likely = counts

    def _near(self, ranges: Sequence[tuple[float, float]]) -> PairCounts:
        """Return counts that are exact at the marks in some ranges, and as wide as these leave open elsewhere."""
        edges = np.array(ranges, dtype=np.float64).reshape(-1, 2)
        first, last = np.searchsorted(self.marks, edges[:, 0]), np.searchsorted(self.marks, edges[:, 1], side="right")
        inside = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)]).astype(np.int64)
        marks = marks_of(self.marks[inside])
        windows = Windows(edges, np.append(0, np.cumsum(last - first)))
        total = _nothing(len(inside), len(edges))
        for part, blocks in self._passes():
            one = _ScorePlacing(self.walk, part, marks, windows)
            for block in blocks:
                one.count(block)
            total = _sum([total, one.sums()])
        places, tied, over = self._total(total)
        above = np.zeros(len(self.marks), dtype=np.int64)
        ties, known = np.zeros_like(above), np.zeros(len(above), dtype=np.bool_)
        for number, (a, b) in enumerate(zip(first, last, strict=True)):
            one_window = slice(int(windows.starts[number]), int(windows.starts[number + 1]))
            own = places[one_window.start + number : one_window.stop + number + 1]
            above[a:b] = over[number] + _above(own, tied[one_window])
            ties[a:b], known[a:b] = tied[one_window], True
        # Above a mark are at least those that reach the next known one, and at most those above the one before.
        least = np.where(known, above + ties, 0)[::-1]
        least = np.append(np.maximum.accumulate(least)[::-1][1:], 0)
        most = np.minimum.accumulate(np.where(known, above, self.negatives))
        bounds = np.where(known, above, np.stack([least, most]))
        return PairCounts(self.marks, self.positives, bounds, ties, self.negatives)

    def _likely(self) -> PairCounts:
        """Return counts whose bounds are probably right, from some places all over the gallery."""
        marks, team = marks_of(self.marks), self.walk.team
        sums = [_nothing(len(self.marks), 1) for _ in range(GROUPS)]
        for part in self.parts:
            left: dict[int, FloatArray] = {}
            groups = [_WidePlacing(self.walk, part, marks, left) for _ in range(GROUPS)]
            for number, block in enumerate(self._sampled()):
                groups[number % GROUPS].count(block)
            sums = [_sum([total, one.sums()]) for total, one in zip(sums, groups, strict=True)]
        places = team.total(np.stack([one.places for one in sums]))
        tied = team.total(np.stack([one.tied for one in sums]))
        above = np.stack([_above(own, ties) for own, ties in zip(places, tied, strict=True)])
        seen = int(places.sum() + tied.sum())
        if not seen:
            return PairCounts(
                self.marks,
                self.positives,
                np.stack([above[0] * 0, above[0] * 0 + self.negatives]),
                tied[0] * 0,
                self.negatives,
            )
        every = above.sum(axis=0)
        # Images of one place are alike: the groups say how much more the counts vary than those of independent pairs.
        spread = SURE * np.sqrt(np.maximum(GROUPS * above.var(axis=0, ddof=1), every)) + SURE**2
        scale = self.negatives / seen
        low = np.clip(np.floor((every - spread) * scale), 0, self.negatives).astype(np.int64)
        high = np.clip(np.ceil((every + spread) * scale), 0, self.negatives).astype(np.int64)
        bounds = np.stack([np.maximum.accumulate(low[::-1])[::-1], np.minimum.accumulate(high)])
        return PairCounts(self.marks, self.positives, bounds, np.zeros_like(every), self.negatives)

    def _inside(self, ranges: Sequence[tuple[float, float]], counts: PairCounts) -> int:
        """Return how many negatives some ranges hold at most."""
        total = 0
        for low, high in ranges:
            a, b = np.searchsorted(self.marks, low), np.searchsorted(self.marks, high, side="right") - 1
            total += int(counts.above[1][a] - counts.above[0][b])
        return total

    def _total(self, placed: Placed) -> tuple[IntArray, IntArray, IntArray]:
        """Return the sums over all processes."""
        places, tied, over = (self.walk.team.total(column) for column in placed)
        return places, tied, over

    def _counts(self, places: IntArray, tied: IntArray, _over: IntArray) -> PairCounts:
        above = _above(places, tied)
        return PairCounts(self.marks, self.positives, np.stack([above, above]), tied, self.negatives)

    def _passes(self) -> Iterator[tuple[_Part, Iterator[Block]]]:
        """Yield the parts of the queries, each with the blocks of the gallery."""
        images = self.walk.gallery.images * len(self.parts)
        for number, part in enumerate(self.parts):
            yield part, self._blocks(number * self.walk.gallery.images, images)

    def _blocks(self, done: int, images: int) -> Iterator[Block]:
        gallery = self.walk.gallery
        for number, block in gallery.blocks(range(len(gallery)), self.walk.workers):
            yield block
            done += int(np.diff(gallery.starts[gallery.cuts[number : number + 2]])[0])
            self.walk.progress(done, images)

    def _sampled(self) -> Iterator[Block]:
        """Yield a few units from each of some places all over the gallery."""
        gallery = self.walk.gallery
        numbers = range(0, len(gallery), max(len(gallery) // 8, 1))
        pairs = min(self.negatives // 64, SAMPLED) // self.walk.team.count
        places = -(-PLACES // max(len(numbers), 1))
        for _, block in gallery.blocks(numbers, self.walk.workers):
            units = len(block.starts) - 1
            size = max(pairs // (max(len(self.walk.plan.queries), 1) * places * len(numbers)), 1)
            for first in np.unique(np.linspace(0, units, places, endpoint=False, dtype=np.int64)).tolist():
                yield block.part(first, min(first + size, units))


def _above(places: IntArray, tied: IntArray) -> IntArray:
    """Return the (k,) pairs above each of k marks, from the (k + 1,) pairs of each place and the (k,) ties."""
    every = places.copy()
    every[:-1] += tied
    return np.asarray(np.cumsum(every[::-1])[::-1][1:])


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


def _nothing(marks: int, windows: int) -> Placed:
    return Placed(*(np.zeros(size, dtype=np.int64) for size in (marks + windows, marks, windows)))


def _sum(placed: Sequence[Placed]) -> Placed:
    return Placed(*(np.sum(columns, axis=0) for columns in zip(*placed, strict=True)))


def _together(one: PairCounts, other: PairCounts) -> PairCounts:
    """Return what two passes know about the same pairs."""
    above = np.stack([np.maximum(one.above[0], other.above[0]), np.minimum(one.above[1], other.above[1])])
    return replace(one, above=above, tied=np.maximum(one.tied, other.tied))


class _PlacingPass(ABC):
    """Places the negatives of some queries, block by block, by all threads."""

    def __init__(self, walk: Walk, part: _Part, marks: Marks, windows: int) -> None:
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
        return _sum([_nothing(len(self.marks.values), self.windows), *self.own.values()])

    def mine(self) -> Placed:
        """Return the sums of this thread."""
        return self.own.setdefault(threading.get_ident(), _nothing(len(self.marks.values), self.windows))


class _WidePlacing(_PlacingPass):
    """Multiplies float64."""

    def __init__(self, walk: Walk, part: _Part, marks: Marks, left: dict[int, FloatArray] | None = None) -> None:
        super().__init__(walk, part, marks, 1)
        self.left = left
        """Factors of the queries by their first row, for small blocks, with which they cost more than the product."""

    def count(self, block: Block) -> None:
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
                tile, self.positives, self.ignored, row, self.marks, self.comparison, np.empty(LANES), self.mine()
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

    def __init__(self, walk: Walk, part: _Part, marks: Marks, windows: Windows) -> None:
        _PlacingPass.__init__(self, walk, part, marks, len(windows.ranges))
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
