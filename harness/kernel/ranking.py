"""The ranks of the positives, and lists of the nearest units from the same pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.compute.machine import Machine
from harness.features.given import as_array
from harness.features.metric import Metric, check_metric
from harness.kernel.settings import Settings, Tuning
from harness.tasks.relevance import RowLists

if TYPE_CHECKING:
    from harness.kernel.gallery import Rows
    from harness.kernel.neighbours import Neighbours
    from harness.measures.ranks import PositiveRanks
    from harness.tasks.relevance import Relevance


def rank(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    *,
    metric: Metric = "cosine",
    machine: Machine | None = None,
    tuning: Tuning | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives of every draw, or of the only pass of a task without draws.

    The integers are those of float64 arithmetic on the features, summed in one fixed order (``harness.kernel.exact``
    defines it, and when two similarities tie). They do not depend on any of the arguments after ``metric``.

    Args:
        queries: (q, d) float32 or float16 features, as an array, a tensor, or anything that gives rows by slices.
        gallery: (g, d) likewise; it may be larger than memory.
        relevance: the positives, the ignored units and the draws.
        metric: how features are compared.
        machine: the device, the memory of each process and the processes, each with a shard of the gallery; None for
            this process on the processor.
        tuning: precision, block and threads; None for the kernel's own choice.
        progress: called with the gallery images done and their number.

    Raises:
        FeatureError: the features do not fit the relevance or each other, or are not finite; in every process of a
            team, whichever finds it.
        UsageError: an unknown metric.
        RunError: the device's memory is full.

    Example:
        >>> import numpy as np
        >>> from harness import Relevance, RowLists
        >>> positives = RowLists(starts=np.array([0, 1]), units=np.array([2]))
        >>> nothing = RowLists(starts=np.array([0, 0]), units=np.array([], dtype=np.int64))
        >>> relevance = Relevance(queries=1, units=3, positives=positives, ignored=nothing)
        >>> features = np.array([[1, 0], [0, 1], [2, 1]], dtype=np.float32)
        >>> rank(features[:1], features, relevance)[0].ranks
        array([2])
    """
    check_metric(metric)
    settings = Settings(metric, machine or Machine(), tuning or Tuning())
    return rank_and_list(_rows(queries), _rows(gallery), relevance, settings, progress)[0]


def _rows(table: Rows) -> Rows:
    """Return what gives rows by slices as it is, and anything else as an array."""
    by_slices = isinstance(getattr(table, "dtype", None), np.dtype) and not isinstance(table, np.ma.MaskedArray)
    return table if by_slices else as_array(table)


def rank_and_list(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[PositiveRanks, ...], Neighbours | None]:
    """Return the ranks as ``rank`` does, and the nearest valid units of each query if the settings ask for them."""
    from harness.kernel.walk import open_walk

    with open_walk(queries, gallery, relevance, settings, progress) as walk:
        return walk.run()


def nearest_units(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Return the nearest valid units of each query, whichever are right, without ranks of the positives.

    Raises:
        FeatureError: the features do not fit the relevance or each other, or are not finite.
        ValueError: the settings ask for no lists.
    """
    anybody = replace(relevance, positives=RowLists.empty(relevance.queries))
    lists = rank_and_list(queries, gallery, anybody, settings, progress)[1]
    if lists is None:
        raise ValueError("the settings ask for no lists")
    return lists
