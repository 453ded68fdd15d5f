"""The rank lists of one run: the nearest units of each query, and the ranks of all right answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from harness.basics.progress import progress
from harness.data.images import IntArray
from harness.errors import RecordError, UsageError
from harness.features.metric import Metric
from harness.kernel.neighbours import NOBODY
from harness.kernel.ranking import nearest_units, rank
from harness.kernel.settings import Settings
from harness.measures.ranks import PositiveRanks
from harness.registry.registry import Registry
from harness.scoring.scores import Scores, exact_mean
from harness.tasks.relevance import Relevance, RowLists
from harness.tasks.rules import relevance
from leaderboard.report.closeness import Closeness
from leaderboard.report.labels import Twins, Units, units_of_twins
from leaderboard.report.source import ReportedRun

FloatArray = npt.NDArray[np.float64]

NEAREST = 20
"""Units in a list."""

RIGHT, WRONG, IGNORED = "r", "w", "i"


@dataclass(frozen=True, eq=False)
class RankLists:
    """The answers of one run to the queries of a task, or of one of its draws.

    Attributes:
        ranks: the ranks of the positives, those with no negative between them from the nearest to the farthest.
        nearest: (q, k) int64 units, ignored ones among them, nearest first; ``NOBODY`` behind the last.
        similarity: (q, k) float64, the cosine or minus the squared distance.
        images: (q, k) int64, the row in the gallery of the image that represents each unit: of a track, the nearest.
        relevance: the positives and the ignored units of each query, of this draw alone.
        units: the labels of the units.
        values: for each measure of the task, and for AP by steps, (q,) float64; NaN for a query that is not asked or
            has no positive.
        first: (q,) float64, the rank of the nearest positive, likewise.
        ahead: (q,) int64, the number of units of near-duplicate vehicles ahead of the nearest positive; None if the
            data set has no list of near-duplicates.
    """

    ranks: PositiveRanks
    nearest: IntArray
    similarity: FloatArray
    images: IntArray
    relevance: Relevance
    units: Units
    values: Mapping[str, FloatArray]
    first: FloatArray
    ahead: IntArray | None

    def marks(self, query: int) -> str:
        """Return a letter for each unit in the list of a query: right, wrong or ignored."""
        units = self.nearest[query]
        units = units[units != NOBODY]
        right = set(self.relevance.positives.of(query).tolist())
        ignored = self.relevance.ignored.of(query)
        places = np.searchsorted(ignored, units).clip(max=max(len(ignored) - 1, 0))
        out = ignored[places] == units if len(ignored) else np.zeros(len(units), dtype=np.bool_)
        return "".join(
            RIGHT if unit in right else IGNORED if gone else WRONG
            for unit, gone in zip(units.tolist(), out.tolist(), strict=True)
        )


def rank_lists(run: ReportedRun, registry: Registry, *, draw: int = 1, twins: Twins | None = None) -> RankLists:
    """Return the rank lists of a run.

    Args:
        run: the run.
        registry: the registry with the measures of the task.
        draw: the number of the draw, from 1, for a task with drawn galleries.
        twins: near-duplicate vehicles.

    Raises:
        UsageError: the task has no such draw.
        RecordError: the features give other means than the record states.
    """
    query, gallery = run.dataset.split(run.task.query), run.dataset.split(run.task.gallery)
    asked = _of_draw(relevance(run.task, run.dataset), draw, run.record.name)
    rows = run.features.rows(query.paths), run.features.rows(gallery.paths)
    metric = cast("Metric", run.record.metric)
    with progress(f"ranking {run.record.name}") as advance:
        (ranks,) = rank(*rows, asked, metric=metric, progress=advance)
        everybody = replace(asked, ignored=RowLists.empty(asked.queries))
        most = min(NEAREST, len(asked.draws[0].units) if asked.draws else asked.units)
        lists = nearest_units(*rows, everybody, Settings(metric, nearest=most), advance)
    units = Units.of(gallery, asked)
    closeness = Closeness(run, asked, units)
    ranks = closeness.in_order(ranks)
    ahead = None
    if twins:
        without = replace(asked, ignored=asked.ignored.union(units_of_twins(query, units, twins), asked.units))
        (alone,) = rank(*rows, without, metric=metric)
        ahead = _ahead(ranks, alone, asked.queries)
    measures = map(registry.measure, dict.fromkeys((*run.task.measures, "ap")))
    scores = Scores.of([ranks], [*measures], queries=asked.queries)
    found = RankLists(
        ranks=ranks,
        nearest=lists.units,
        similarity=lists.similarity,
        images=closeness.images(lists.units),
        relevance=asked,
        units=units,
        values=scores.per_query,
        first=scores.first_hit,
        ahead=ahead,
    )
    _check(run, found, draw)
    return found


def _of_draw(whole: Relevance, draw: int, task: str) -> Relevance:
    """Return the relevance of one draw alone, or of a task without draws."""
    count = max(len(whole.draws), 1)
    if not 1 <= draw <= count:
        raise UsageError(
            "the task has no such draw",
            where=task,
            found=f"--draw {draw}",
            expected=f"a number from 1 to {count}" if whole.draws else "no --draw: the task has fixed lists",
        )
    return replace(whole, draws=whole.draws[draw - 1 : draw])


def _ahead(ranks: PositiveRanks, alone: PositiveRanks, queries: int) -> IntArray:
    """Return how many near-duplicates are ahead of, or tie with, each query's nearest positive.

    It is the number of units that no longer stand before this positive once near-duplicates are ignored.
    """
    ahead = np.zeros(queries, dtype=np.int64)
    before, after = (one.closer + one.tied for one in (ranks, alone))
    for place, (query, start, end) in enumerate(zip(ranks.asked, ranks.starts[:-1], ranks.starts[1:], strict=True)):
        if start == end:
            continue
        own = slice(alone.starts[place], alone.starts[place + 1])
        same = int(np.flatnonzero(alone.units[own] == ranks.units[start])[0])
        ahead[query] = before[start] - after[own][same]
    return ahead


def _check(run: ReportedRun, lists: RankLists, draw: int) -> None:
    """Compare the means with the record's, digit for digit: a report must not show another result."""
    for word, stated in run.record.measures.items():
        if word not in lists.values:
            continue
        expected = run.record.per_draw[word][draw - 1] if run.record.draws else stated
        found = exact_mean(lists.values[word])
        if found != expected:
            raise RecordError(
                f"the features give another {word} than the record states",
                where=run.features.path,
                found=repr(found),
                expected=repr(expected),
                next_step="score the features once more with 'bench eval'",
            )
