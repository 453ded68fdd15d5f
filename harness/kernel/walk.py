"""The walk over the gallery: positives first, then one pass that counts who stands before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from harness.errors import FeatureError
from harness.images import IntArray
from harness.kernel import Metric, Precision
from harness.kernel.gallery import Block, Gallery, Rows, as_rows, check, not_finite
from harness.kernel.native.similarity import LANES, pair_similarities
from harness.kernel.passes import Pass, Queries
from harness.kernel.plan import Entries, Plan, entries, plan, results
from harness.kernel.prepared import Workers, norms_of
from harness.kernel.products import fastest, full_precision, one_thread_each
from harness.ranks import PositiveRanks
from harness.relevance import Relevance

BLOCK = 8192
"""Gallery images in memory at once."""

SMALL = 1_000_000
"""Pairs below which float32 is done before anything else could be tried."""

DOUBTFUL = 0.02
"""Share of pairs done again above which bfloat16 loses to float32: one such pair costs as much as fifty in float32."""


@dataclass(frozen=True)
class Settings:
    """How to walk; only ``metric`` has a say in the result. See ``rank``."""

    metric: Metric = "cosine"
    memory: int | None = None
    precision: Precision | None = None
    block: int | None = None
    threads: int | None = None


def walk(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives of every draw; see ``rank``."""
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    check(queries, relevance.queries, "query")
    check(gallery, images, "gallery")
    if queries.shape[1] != gallery.shape[1]:
        raise FeatureError(
            "query and gallery features differ in width", found=f"{queries.shape[1]} and {gallery.shape[1]} numbers"
        )
    work = plan(relevance)
    table = Gallery(gallery, work.order, work.starts, relevance.reduce, settings.block or BLOCK)
    threads = settings.threads or torch.get_num_threads()
    with full_precision(), one_thread_each(threads) as pool:
        workers = Workers(pool, threads)
        asked = _asked(queries, work, workers, euclidean=settings.metric == "euclidean")
        return _rank(
            work, asked, table, workers, precision=settings.precision, progress=progress or (lambda _done, _all: None)
        )


def _asked(queries: Rows, work: Plan, workers: Workers, *, euclidean: bool) -> Queries:
    """Read the queries that are asked."""
    rows = as_rows(queries[0 : queries.shape[0]])
    if len(work.queries) < len(rows):
        rows = rows[work.queries]
    norms = norms_of(rows, workers)
    if not np.isfinite(norms).all():
        raise not_finite(queries, "query")
    return Queries(rows, norms, euclidean)


def _rank(
    work: Plan,
    asked: Queries,
    table: Gallery,
    workers: Workers,
    *,
    precision: Precision | None,
    progress: Callable[[int, int], None],
) -> tuple[PositiveRanks, ...]:
    similarities = _similarities(work, asked, table, workers)
    listed = entries(work, similarities)
    counting = _pass(work, asked, listed, similarities, table=table, workers=workers, precision=precision)
    done = 0
    for number in range(len(table) if len(listed.pair) else 0):
        block = table.block(number, workers)
        counting.count(block)
        done += int(work.starts[table.cuts[number + 1]] - work.starts[table.cuts[number]])
        progress(done, int(work.starts[-1]))
    return results(work, listed, counting.closer, counting.tied)


def _pass(
    work: Plan,
    asked: Queries,
    listed: Entries,
    similarities: npt.NDArray[np.float64],
    *,
    table: Gallery,
    workers: Workers,
    precision: Precision | None,
) -> Pass:
    """Return the pass in the precision asked for, or in the one that will be done first."""
    make = partial(Pass, work, asked, listed, similarities, workers=workers)
    if precision is not None:
        return make(precision=precision)
    if fastest() == "float32" or len(asked.rows) * int(work.starts[-1]) < SMALL:
        return make(precision="float32")
    counting = make(precision="bfloat16")
    return counting if counting.doubt(table.block(0, workers)) <= DOUBTFUL else make(precision="float32")


def _similarities(work: Plan, asked: Queries, table: Gallery, workers: Workers) -> npt.NDArray[np.float64]:
    """Return the canonical similarity of each positive, reading only the blocks that hold one."""
    similarities = np.empty(len(work.positives.units))
    rows = np.repeat(np.arange(len(work.queries)), np.diff(work.positives.starts))
    place = np.searchsorted(table.cuts, work.positives.units, side="right") - 1
    for number in range(len(table)):
        pairs = np.flatnonzero(place == number)
        if len(pairs):
            block = table.block(number, workers)
            similarities[pairs] = _of_pairs(asked, block, rows[pairs], work.positives.units[pairs], workers)
    return similarities


def _of_pairs(
    asked: Queries, block: Block, rows: IntArray, units: IntArray, workers: Workers
) -> npt.NDArray[np.float64]:
    out = np.empty(len(rows))
    features = (asked.rows, asked.norms, block.rows, block.norms, block.starts)

    def work(part: slice) -> None:
        pair_similarities(*features, rows[part], units[part] - block.first, asked.euclidean, out[part], np.empty(LANES))

    workers.share(len(rows), 1024, work)
    return out
