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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from harness.data.images import IntArray
from harness.features.metric import check_metric
from harness.kernel.gallery import Rows
from harness.kernel.native.place import Placed, Windows
from harness.kernel.native.tuples import Block
from harness.kernel.pooled.counts import FloatArray, PairCounts
from harness.kernel.pooled.placing import QueryPairs, ScorePlacing, WidePlacing, marks_of, nothing, sum_of
from harness.kernel.settings import Settings
from harness.kernel.walk import Walk, open_walk
from harness.tasks.relevance import Relevance

Undecided = Callable[[PairCounts], Sequence[tuple[float, float]]]
"""Returns the ranges of similarity in which the bounds of some counts are too wide for what is asked."""

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
        total = nothing(len(self.marks), 1)
        for part, blocks in self._passes():
            one = WidePlacing(self.walk, part, marks)
            for block in blocks:
                one.count(block)
            total = sum_of([total, one.sums()])
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
        total = nothing(len(inside), len(edges))
        for part, blocks in self._passes():
            one = ScorePlacing(self.walk, part, marks, windows)
            for block in blocks:
                one.count(block)
            total = sum_of([total, one.sums()])
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
        sums = [nothing(len(self.marks), 1) for _ in range(GROUPS)]
        for part in self.parts:
            left: dict[int, FloatArray] = {}
            groups = [WidePlacing(self.walk, part, marks, left) for _ in range(GROUPS)]
            for number, block in enumerate(self._sampled()):
                groups[number % GROUPS].count(block)
            sums = [sum_of([total, one.sums()]) for total, one in zip(sums, groups, strict=True)]
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

    def _passes(self) -> Iterator[tuple[QueryPairs, Iterator[Block]]]:
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


def _part(walk: Walk, first: int, last: int) -> QueryPairs:
    plan = walk.plan.part(first, last)
    return QueryPairs(plan, walk.similarities(plan, walk.asked(plan)))


def _together(one: PairCounts, other: PairCounts) -> PairCounts:
    """Return what two passes know about the same pairs."""
    above = np.stack([np.maximum(one.above[0], other.above[0]), np.minimum(one.above[1], other.above[1])])
    return replace(one, above=above, tied=np.maximum(one.tied, other.tied))
