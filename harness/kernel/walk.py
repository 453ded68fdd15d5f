"""The walk over the gallery: positives first, then one pass that counts who stands before them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from harness.errors import FeatureError
from harness.kernel import Metric, Precision
from harness.kernel.gallery import Block, Gallery, Rows, as_rows, check, norms_of
from harness.kernel.native.similarity import pair_similarities
from harness.kernel.passes import Pass, Queries
from harness.kernel.plan import Plan, entries, plan, results
from harness.kernel.products import fastest, full_precision
from harness.ranks import PositiveRanks
from harness.relevance import Relevance

BLOCK = 8192


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
    asked = _asked(queries, work, settings.metric)
    with ThreadPoolExecutor(settings.threads or torch.get_num_threads()) as pool, full_precision():
        return _rank(work, asked, table, settings=settings, pool=pool, progress=progress or (lambda _done, _all: None))


def _asked(queries: Rows, work: Plan, metric: Metric) -> Queries:
    """Read the queries that are asked."""
    rows = as_rows(queries[0 : queries.shape[0]])
    if len(work.queries) < len(rows):
        rows = rows[work.queries]
    return Queries(rows, norms_of(rows, queries, "query"), euclidean=metric == "euclidean")


def _rank(
    work: Plan,
    asked: Queries,
    table: Gallery,
    *,
    settings: Settings,
    pool: ThreadPoolExecutor,
    progress: Callable[[int, int], None],
) -> tuple[PositiveRanks, ...]:
    similarities = _similarities(work, asked, table)
    listed = entries(work, similarities)
    counting = Pass(work, asked, listed, similarities, settings.precision or fastest())
    done = 0
    for number in range(len(table) if len(listed.pair) else 0):
        block = table.read(number)
        counting.count(block, pool)
        done += len(block.rows)
        progress(done, int(work.starts[-1]))
    return results(work, listed, counting.closer, counting.tied)


def _similarities(work: Plan, asked: Queries, table: Gallery) -> npt.NDArray[np.float64]:
    """Return the canonical similarity of each positive, reading only the blocks that hold one."""
    similarities = np.empty(len(work.positives.units))
    rows = np.repeat(np.arange(len(work.queries)), np.diff(work.positives.starts))
    order = np.argsort(work.positives.units, kind="stable")
    bounds = np.searchsorted(work.positives.units[order], table.cuts)
    for number in np.flatnonzero(np.diff(bounds)):
        pairs = order[bounds[number] : bounds[number + 1]]
        similarities[pairs] = _of_pairs(asked, table.read(int(number)), rows[pairs], work.positives.units[pairs])
    return similarities


def _of_pairs(
    asked: Queries, block: Block, rows: npt.NDArray[np.int64], units: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    out = np.empty(len(rows))
    pair_similarities(
        asked.rows,
        asked.norms,
        block.rows,
        block.norms,
        block.starts,
        rows,
        units - block.first,
        asked.euclidean,
        out,
    )
    return out
