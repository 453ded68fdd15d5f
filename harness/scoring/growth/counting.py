"""The ranks of the positives in many parts of one gallery, counted in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.features.added.joined import JoinedRows
from harness.features.reader import FeatureRows
from harness.kernel.gallery import Rows
from harness.kernel.memory import block_images, budget
from harness.kernel.plan import placed, results
from harness.kernel.settings import Settings
from harness.kernel.walk import QueryPart, open_walk
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance


def rank_parts(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    buckets: IntArray,
    parts: npt.NDArray[np.bool_],
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[PositiveRanks, ...]]:
    """Yield for each part of a gallery the ranks of the positives in it.

    A query's positives are all in every part; of the other units, those of the part's buckets. The integers are those
    of a pass over that part alone, and the pass over the whole gallery is the only one: negatives are counted for each
    bucket by itself, and the counts are added up.

    Args:
        queries: (q, d) features.
        gallery: (g, d) features; it may be larger than memory.
        relevance: the positives, the ignored units and the draws.
        buckets: (u,) int64 from 0, the bucket of each unit.
        parts: (p, b) bool, the buckets of each part.
        settings: of the kernel.
        progress: called with the gallery images done and their number.

    Raises:
        FeatureError: the features do not fit the relevance or each other, or are not finite.
        RunError: the device's memory is full.
    """
    order = _order(relevance, buckets, _window(gallery, settings))
    arranged, images = relevance.arranged(order)
    with open_walk(queries, _in_order(gallery, images), arranged, settings, progress) as walk:
        walk.buckets = buckets[order]
        counted = list(walk.parts())
    for part in parts:
        # Negatives of the last buckets may be missing: no unit has them.
        yield results(relevance, [_summed(one, part, order) for one in counted])


def _summed(counted: QueryPart, part: npt.NDArray[np.bool_], order: IntArray) -> Any:
    own = part[: len(counted.closer)]
    found = placed(counted.plan, counted.entries, counted.closer[own].sum(axis=0), counted.tied[own].sum(axis=0))
    return replace(found, unit=order[found.unit])


def _window(gallery: Rows, settings: Settings) -> int:
    """Return how many neighbouring rows are read together: about a block, the same number in every process."""
    team = settings.machine.team
    memory = team.least(budget(settings.machine.memory, team.count))
    return settings.tuning.block or block_images(memory, gallery.shape[1], streamed=True)


def _order(relevance: Relevance, buckets: IntArray, window: int) -> IntArray:
    """Return the units by bucket within each window of the gallery, so that a bucket's are side by side in a block.

    Sorting the whole gallery would read a file from end to end for every block.
    """
    first = np.arange(relevance.units)
    if relevance.unit_of is not None:
        first = np.full(relevance.units, len(relevance.unit_of))
        np.minimum.at(first, relevance.unit_of, np.arange(len(relevance.unit_of)))
    return np.lexsort((buckets, first // window))


def _in_order(gallery: Rows, images: IntArray) -> Rows:
    if isinstance(gallery, JoinedRows | FeatureRows):
        return gallery.take(images)
    return gallery[0 : gallery.shape[0]][images]
