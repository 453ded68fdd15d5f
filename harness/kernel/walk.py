"""The walk over the gallery: the positives first, then one pass that counts the negatives before them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.compute.team import shard
from harness.data.images import IntArray
from harness.errors import FeatureError, RunError
from harness.kernel.gallery import Gallery, Rows, check, not_finite, take
from harness.kernel.memory import aligned, block_images, budget, query_rows
from harness.kernel.native.fold import LANES
from harness.kernel.native.similarity import pair_similarities
from harness.kernel.native.tuples import Block, Features, Limits, UnitPairs
from harness.kernel.native.whole import WIDEST
from harness.kernel.neighbours import Lists, Neighbours
from harness.kernel.passes import Job, Pass
from harness.kernel.plan import Entries, RankingPlan, entries, placed, plan, results
from harness.kernel.prepared import Workers, norms_of
from harness.kernel.products import fastest, multiplies_bytes, open_numpy, open_torch
from harness.kernel.settings import WHOLE, Precision, Settings
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance

if TYPE_CHECKING:
    from harness.kernel.device import DevicePass

SMALL = {"bfloat16": 30_000_000, "int8": 2_000_000}
"""Number of pairs below which float32 ends about as soon as another precision could be tried; VeRi has 20 million."""

FINER: dict[Precision, Precision] = {"bfloat16": "float32", "int8": "int16"}
"""The precision in place of another that leaves too much to do again."""

DOUBTFUL = {"bfloat16": 0.015, "int8": 0.05}
"""Share of pairs done again above which it does.

bfloat16 saves 2 ns a pair, and one again costs 130 ns; int8 saves 2.4 ns, and one again costs 48 ns.
"""


@dataclass(frozen=True, eq=False)
class QueryPart:
    """The counts of some of the queries.

    Attributes:
        plan: of these queries.
        before: the queries, and the pairs of query and positive, before these.
        entries: their positives.
        closer: (e,) for each entry the negatives that are closer; (b, e) by bucket, if units have buckets.
        tied: likewise, those that tie.
        lists: their nearest units, if asked for.
    """

    plan: RankingPlan
    before: tuple[int, int]
    entries: Entries
    closer: IntArray
    tied: IntArray
    lists: Lists | None


class Walk:
    """One call of ``rank``.

    Args:
        queries: the query features.
        gallery: the gallery features.
        relevance: of the task.
        settings: see there.
        progress: see ``rank``.
        workers: the threads.

    Attributes:
        buckets: (u,) int64, the bucket of each unit, from 0: negatives are then counted for each bucket by itself. None
            counts them together. The fewer changes of bucket from unit to unit, the faster.

    Raises:
        FeatureError: the features do not fit.
    """

    buckets: IntArray | None = None

    def __init__(
        self,
        queries: Rows,
        gallery: Rows,
        relevance: Relevance,
        *,
        settings: Settings,
        progress: Callable[[int, int], None],
        workers: Workers,
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.workers = workers
        self.queries = queries
        self.team = settings.machine.team
        # It decides into how many parts the queries are split, which must be the same in every process.
        self.memory = self.team.least(budget(settings.machine.memory, self.team.count))
        self.plan = plan(relevance, everybody=settings.nearest > 0)
        size = int(gallery.shape[0] * gallery.shape[1] * 4)
        if not isinstance(gallery, np.ndarray) and self.team.count == 1 and size <= self.memory // 2:
            gallery = np.asarray(gallery[0 : gallery.shape[0]])
        streamed = not isinstance(gallery, np.ndarray) or self.plan.order is not None
        self.gallery = Gallery(
            gallery,
            self.plan.order,
            self.plan.starts,
            relevance.reduce,
            size=settings.tuning.block
            or block_images(self.memory, gallery.shape[1], streamed=streamed, means=relevance.reduce == "mean feature"),
            units=shard(self.plan.starts, self.team.index, self.team.count),
        )
        self.done = 0

    def run(self) -> tuple[tuple[PositiveRanks, ...], Neighbours | None]:
        """Return the ranks of every draw, and the lists if they were asked for."""
        parts = list(self.parts())
        ranks = results(
            self.plan.relevance, [placed(part.plan, part.entries, part.closer, part.tied) for part in parts]
        )
        lists = [part.lists for part in parts if part.lists is not None]
        return ranks, Neighbours.of(self.plan, lists, self.settings.nearest) if lists else None

    def parts(self, limits: Limits | None = None) -> Iterator[QueryPart]:
        """Yield the counts of as many queries as fit into memory at a time.

        Args:
            limits: to count negatives against; None for the similarity of each positive.
        """
        edges = self.edges()
        for first, last in pairwise(edges):
            pairs = slice(*(int(self.plan.positives.starts[edge]) for edge in (first, last)))
            own = None if limits is None else Limits(limits.similarities[pairs], limits.widths[pairs])
            yield self._part(self.plan.part(first, last), (first, pairs.start), own, len(edges) - 1)

    def edges(self) -> list[int]:
        """Return the queries at which parts begin that fit into memory, and their number."""
        size = query_rows(self.memory, self.queries.shape[1])
        return [*range(0, max(len(self.plan.queries), 1), size), len(self.plan.queries)]

    def asked(self, work: RankingPlan) -> Features:
        """Return the features of a plan's queries.

        Raises:
            FeatureError: a feature is not finite.
        """
        rows = take(self.queries, work.queries)
        asked = Features(rows, norms_of(rows, self.workers))
        if not np.isfinite(asked.norms).all():
            raise not_finite(self.queries, "query")
        return asked

    def _part(self, work: RankingPlan, before: tuple[int, int], limits: Limits | None, parts: int) -> QueryPart:
        """Rank some of the queries."""
        asked = self.asked(work)
        if limits is None:
            limits = Limits(self.similarities(work, asked), np.empty(0))
        listed = entries(work, limits.similarities)
        job = Job(work, asked, listed, limits, self.settings)
        counting: Pass | DevicePass | None = None
        wanted = len(listed.pair) or self.settings.nearest
        counted = (
            None if self.buckets is None else np.zeros((2, self.buckets.max(initial=0) + 1, len(listed.pair)), np.int64)
        )
        for number, block in self.gallery.blocks(range(len(self.gallery) if wanted else 0), self.workers):
            if counting is None:
                counting = self._first(job, block)
            for bucket, piece in self._pieces(block):
                counting.count(piece)
                if counted is not None:
                    for table, found in zip(counted, (counting.closer, counting.tied), strict=True):
                        table[bucket] += found
                        found[:] = 0
            first, last = self.gallery.starts[self.gallery.cuts[number : number + 2]].tolist()
            self.done += last - first
            self.progress(self.done, self.gallery.images * parts)
        counting = counting or self._on_processor(job, "float32")
        closer, tied = self.team.total(np.stack([counting.closer, counting.tied]) if counted is None else counted)
        lists = counting.lists.together(self.team) if counting.lists else None
        return QueryPart(work, before, listed, closer, tied, lists)

    def _pieces(self, block: Block) -> Iterator[tuple[int, Block]]:
        """Yield the parts of a block whose units are of one bucket, each with its bucket."""
        if self.buckets is None:
            yield 0, block
            return
        units = self.plan.units[block.first : block.first + len(block.starts) - 1]
        own = self.buckets[units]
        for first, last in pairwise([0, *(np.flatnonzero(np.diff(own)) + 1).tolist(), len(own)]):
            yield int(own[first]), block.part(first, last)

    def _first(self, job: Job, block: Block) -> Pass | DevicePass:
        """Return the pass in the precision asked for, or in the faster one."""
        wanted, device = self.settings.tuning.precision, self.settings.machine.device
        if self.settings.by_torch or device != "cpu":
            from harness.kernel.device import DevicePass

            return DevicePass(job, device=device, half=wanted != "float32")
        if wanted is not None:
            return self._on_processor(job, wanted)
        pairs = len(self.plan.queries) * self.gallery.images
        fast = fastest(block.rows.shape[1], by_numpy=self.settings.by_numpy)
        if fast == "float32" or pairs < SMALL[fast]:
            return self._on_processor(job, "float32")
        counting = self._on_processor(job, fast)
        return counting if counting.doubt(block) <= DOUBTFUL[fast] else self._on_processor(job, FINER[fast])

    def _on_processor(self, job: Job, precision: Precision) -> Pass:
        """Return the pass in that precision, in float32 if sums of whole numbers could leave int32."""
        if precision in WHOLE and job.queries.rows.shape[1] > WIDEST:
            precision = "float32"
        return Pass(job, precision=precision, workers=self.workers)

    def similarities(self, work: RankingPlan, asked: Features) -> npt.NDArray[np.float64]:
        """Return the canonical similarity of each positive, reading only the blocks that hold one."""
        similarities = np.zeros(len(work.positives.units))
        rows = np.repeat(np.arange(len(work.queries)), np.diff(work.positives.starts))
        place = np.searchsorted(self.gallery.cuts, work.positives.units, side="right") - 1
        order = np.argsort(place, kind="stable")
        edges = np.searchsorted(place[order], np.arange(len(self.gallery) + 1))
        for number, block in self.gallery.blocks(np.flatnonzero(np.diff(edges)), self.workers):
            pairs = order[edges[number] : edges[number + 1]]
            similarities[pairs] = self._of_pairs(asked, block, rows[pairs], work.positives.units[pairs])
        return self.team.total(similarities)

    def _of_pairs(self, asked: Features, block: Block, rows: IntArray, units: IntArray) -> npt.NDArray[np.float64]:
        out = np.empty(len(rows))

        def work(part: slice) -> None:
            pairs = UnitPairs(rows[part], units[part])
            pair_similarities(asked, block, pairs, self.settings.euclidean, out[part], aligned(LANES))

        self.workers.share(len(rows), 1024, work)
        return out


@contextmanager
def open_walk(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Walk]:
    """Open the threads and yield the walk.

    Raises:
        FeatureError: the features do not fit the relevance or each other.
        RunError: the device's memory is full.
    """
    settings = replace(settings, by_numpy=_without_torch(settings, relevance, queries.shape[1]))
    opened = open_numpy if settings.by_numpy else open_torch
    with (
        settings.machine.team.together(),
        nullcontext() if settings.by_numpy else _memory_of(settings.machine.device),
        opened(settings.tuning.threads) as (pool, threads),
    ):
        _fit(queries, gallery, relevance)
        if settings.machine.team.count > 1:
            settings.machine.team.agree(_facts(queries, gallery, relevance, settings))
        yield Walk(
            queries,
            gallery,
            relevance,
            settings=settings,
            progress=progress or (lambda _done, _all: None),
            workers=Workers(pool, threads),
        )


def _without_torch(settings: Settings, relevance: Relevance, width: int) -> bool:
    """Say whether to rank without torch: bytes do not need it, and its import takes longer than a small problem."""
    if "torch" in sys.modules or settings.by_torch or settings.machine.device != "cpu":
        return False
    wanted = settings.tuning.precision
    if wanted in WHOLE or (wanted is None and multiplies_bytes(width)):
        return True
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    return wanted != "bfloat16" and relevance.queries * images < SMALL["bfloat16"]


def _fit(queries: Rows, gallery: Rows, relevance: Relevance) -> None:
    """Refuse features that do not fit."""
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    check(queries, relevance.queries, "query")
    check(gallery, images, "gallery")
    if queries.shape[1] != gallery.shape[1]:
        raise FeatureError(
            "query and gallery features differ in width", found=f"{queries.shape[1]} and {gallery.shape[1]} numbers"
        )


def _facts(queries: Rows, gallery: Rows, relevance: Relevance, settings: Settings) -> dict[str, object]:
    """Return everything that decides the integers, for processes to compare before they add theirs up."""
    facts: dict[str, object] = {
        "metric": settings.metric,
        "length of the lists": settings.nearest,
        "farthest units": settings.farthest,
        "right and ignored units": relevance.digest,
    }
    for what, table in (("query", queries), ("gallery", gallery)):
        facts[f"shape of the {what} features"] = f"{table.shape[0]} x {table.shape[1]} {table.dtype}"
        facts[f"{what} features"] = _content(table)
    return facts


def _content(table: Rows) -> str | None:
    """Return the digest of features in memory or in a feature file; None for others, which are read only in part."""
    if isinstance(table, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(table).data).hexdigest()
    digest: str | None = getattr(table, "digest", None)
    return digest


@contextmanager
def _memory_of(device: str) -> Iterator[None]:
    """Turn torch's error of a full device memory into one in plain words."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as problem:
        raise RunError(
            "the device's memory is full",
            where=device,
            found=str(problem).partition(". ")[0],
            next_step="evaluate on the processor, with --device cpu",
        ) from None
