"""The kernel: for every query and positive, how many negatives are closer and how many tie, in exact integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.compute.team import Team
    from harness.kernel.gallery import Rows
    from harness.kernel.neighbours import Neighbours
    from harness.measures.ranks import PositiveRanks
    from harness.tasks.relevance import Relevance

Metric = Literal["cosine", "euclidean"]
Precision = Literal["float32", "bfloat16"]


def rank(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    *,
    metric: Metric = "cosine",
    memory: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    precision: Precision | None = None,
    block: int | None = None,
    threads: int | None = None,
    team: Team | None = None,
    device: str = "cpu",
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives of every draw, or of the only pass where nothing is drawn.

    The integers are those of float64 arithmetic on the features, summed in one fixed order (``harness.kernel.exact``
    defines it, and when two similarities tie). They do not depend on any of the arguments after ``metric``.

    Args:
        queries: (q, d) float32 or float16 features, as an array or anything that gives rows by slices.
        gallery: (g, d) likewise; it may be larger than memory.
        relevance: who is right, who is ignored, who is drawn.
        metric: how features are compared.
        memory: bytes that each process uses beside arrays that were given; None for a share of what is free.
        progress: called with the gallery images done and their number.
        precision: of the first pass; None for what this machine multiplies fastest.
        block: gallery images a block; None for what fits.
        threads: None for as many as torch uses.
        team: the processes that rank together, each a shard of the gallery; None for this one alone.
        device: ``cpu``, or a torch device such as ``cuda``.

    Raises:
        FeatureError: the features do not fit the relevance or each other, or are not finite; of a team, in every
            process, whoever finds it.
        RunError: the device's memory is full.

    Example:
        >>> import numpy as np
        >>> from harness.tasks.relevance import Relevance, RowLists
        >>> positives = RowLists(starts=np.array([0, 1]), units=np.array([2]))
        >>> nothing = RowLists(starts=np.array([0, 0]), units=np.array([], dtype=np.int64))
        >>> relevance = Relevance(queries=1, units=3, positives=positives, ignored=nothing)
        >>> features = np.array([[1, 0], [0, 1], [2, 1]], dtype=np.float32)
        >>> rank(features[:1], features, relevance)[0].ranks
        array([2])
    """
    return rank_and_list(
        queries,
        gallery,
        relevance,
        nearest=0,
        metric=metric,
        memory=memory,
        progress=progress,
        precision=precision,
        block=block,
        threads=threads,
        team=team,
        device=device,
    )[0]


def rank_and_list(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    *,
    nearest: int,
    metric: Metric = "cosine",
    memory: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    precision: Precision | None = None,
    block: int | None = None,
    threads: int | None = None,
    team: Team | None = None,
    device: str = "cpu",
) -> tuple[tuple[PositiveRanks, ...], Neighbours | None]:
    """Return the ranks as ``rank`` does, and from the same pass the nearest valid units of each query.

    Args:
        queries: see ``rank``, as for the others.
        gallery: see there.
        relevance: see there.
        nearest: units a list; 0 for no lists.
        metric: see there.
        memory: see there.
        progress: see there.
        precision: see there.
        block: see there.
        threads: see there.
        team: see there.
        device: see there.
    """
    from harness.compute.team import Alone
    from harness.kernel.walk import Settings, open_walk

    settings = Settings(
        metric=metric,
        nearest=nearest,
        memory=memory,
        precision=precision,
        block=block,
        threads=threads,
        team=team or Alone(),
        device=device,
    )
    with open_walk(queries, gallery, relevance, settings, progress) as walk:
        return walk.run()
