"""Scores: the values of the measures per query, per draw and on average."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.errors import UsageError
from harness.measures import parse
from harness.measures.family import Measure, first_ranks
from harness.measures.ranks import PositiveRanks
from harness.scoring.per_query import PerQuery
from harness.steps.stated import StatedChain
from harness.tasks.reranking import Reranking

if TYPE_CHECKING:
    from pandas import DataFrame

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of one set of features on one task, as fractions of 1.

    Attributes:
        task: ``protocol/task``.
        fingerprint: the fingerprint of the task on this data set.
        official: whether the data set has the released counts.
        metric: how the features were compared.
        queries: the number of rows of the query table.
        ignored_queries: the number of queries that have no positive in any draw that uses them; they are excluded from
            every mean. A query that no draw uses is not counted here; nor is any if such queries count as zeros.
        ties: the number of tied pairs of a positive and a negative, over all draws.
        mean: for each measure the mean over the queries that have a positive, NaN if no query has one; with draws, the
            mean of the draws' means.
        deviation: the sample standard deviation over the draws; 0 with one draw, empty for a task without draws.
        per_draw: the mean of each draw; empty for a task without draws.
        per_query: for each measure (queries,) values in the order of the query table, NaN for a query without a
            positive; with draws, the mean over the draws that use the query.
        first_hit: (queries,) the rank of each query's best positive, NaN for a query without one; with draws, the mean
            over the draws that use the query.
        asked: (queries,) int64, the number of draws in which a query was asked and had a positive; None without draws.
        post: the steps of post-processing that were applied; empty for the features alone.
        further: the words of additional measures that are not the task's own.
        labels: the table of the queries, or None if the ranks are not of a named task.
    """

    task: str
    fingerprint: str
    official: bool
    metric: str
    queries: int
    ignored_queries: int
    ties: int
    mean: Mapping[str, float]
    deviation: Mapping[str, float]
    per_draw: Mapping[str, tuple[float, ...]]
    per_query: Mapping[str, FloatArray]
    first_hit: FloatArray = field(default_factory=lambda: np.zeros(0))
    asked: IntArray | None = None
    post: StatedChain = field(default_factory=StatedChain)
    further: tuple[str, ...] = ()
    labels: ImageTable | None = None

    @classmethod
    def of(
        cls,
        ranks: Sequence[PositiveRanks],
        measures: Sequence[str | Measure],
        *,
        queries: int,
        drawn: bool | None = None,
        unanswered: Literal["left out", "zero"] = "left out",
    ) -> Scores:
        """Return the scores of ranks that belong to no named task; they are not official.

        Args:
            ranks: the result of ``rank``: one for each draw, or a single one.
            measures: the measures, or the words of built-in ones.
            queries: the number of rows of the query table.
            drawn: whether ``ranks`` are draws; None assumes so if there are several.
            unanswered: what a query without a positive counts in a mean.

        Raises:
            UsageError: unknown measure.
        """
        known = [parse(measure) if isinstance(measure, str) else measure for measure in measures]
        tables = {measure.word: _table(measure.values, ranks, queries, unanswered) for measure in known}
        draws = {word: tuple(exact_mean(row) for row in table) for word, table in tables.items()}
        several = len(ranks) > 1 if drawn is None else drawn
        return cls(
            task="",
            fingerprint="",
            official=False,
            metric="",
            queries=queries,
            ignored_queries=0 if unanswered == "zero" else _ignored(ranks, queries),
            ties=sum(draw.ties for draw in ranks),
            mean={word: exact_mean(np.array(values)) for word, values in draws.items()},
            deviation={word: _deviation(values) for word, values in draws.items()} if several else {},
            per_draw=draws if several else {},
            per_query={word: _columns(table) for word, table in tables.items()},
            first_hit=_columns(_table(_first_hits, ranks, queries, "left out")),
            asked=_asked(ranks, queries) if several else None,
        )

    @property
    def rerank(self) -> Reranking | None:
        """The re-ranking that was applied to the features as they are, or None."""
        return self.post.rerank

    @property
    def table(self) -> PerQuery:
        """The values of the queries with their keys and vehicles, as they are kept beside a record.

        Raises:
            UsageError: the scores do not belong to a task of a data set.
        """
        labels = self._labelled()
        return PerQuery(labels.paths, labels.vehicle, self.per_query, self.asked)

    def frame(self) -> DataFrame:
        """Return a table with one row per query, in the order of the query table.

        Returns:
            Columns: ``query`` (the image's key), ``vehicle``, ``camera`` and ``track`` (Int64, missing if unknown),
            ``first_hit`` (the rank of the best positive; with draws, its mean over the draws) and each measure
            (float64, NaN for a query without a positive).

        Raises:
            UsageError: the scores do not belong to a task of a data set.
        """
        import pandas as pd

        labels = self._labelled()
        columns: dict[str, object] = {"query": list(labels.paths)}
        for name in ("vehicle", "camera", "track"):
            column = labels.label(name)
            known = np.full(len(labels), UNKNOWN) if column is None else column
            columns[name] = pd.Series(known, dtype="Int64").mask(known == UNKNOWN)
        return pd.DataFrame({**columns, "first_hit": self.first_hit, **self.per_query})

    def _labelled(self) -> ImageTable:
        if self.labels is None:
            raise UsageError(
                "these scores have no table of queries",
                expected="scores of a task, as harness.evaluate returns them",
                next_step="use per_query",
            )
        return self.labels


def _table(
    values: Callable[[PositiveRanks], FloatArray], ranks: Sequence[PositiveRanks], queries: int, unanswered: str
) -> FloatArray:
    """Return (draws, queries) values, NaN for a query that is not in the draw; without a positive, NaN or 0."""
    table = np.full((len(ranks), queries), np.nan)
    for row, draw in zip(table, ranks, strict=True):
        found = values(draw)
        row[draw.asked] = np.nan_to_num(found) if unanswered == "zero" else found
    return table


def _first_hits(ranks: PositiveRanks) -> FloatArray:
    """Return the rank of each query's best positive, NaN for a query without one."""
    return np.where(ranks.counts > 0, first_ranks(ranks), np.nan)


def _ignored(ranks: Sequence[PositiveRanks], queries: int) -> int:
    """Return the number of queries that have no positive in any draw that uses them."""
    asked = np.zeros(queries, dtype=np.bool_)
    answered = np.zeros(queries, dtype=np.bool_)
    for draw in ranks:
        asked[draw.asked] = True
        answered[draw.asked[draw.counts > 0]] = True
    return int((asked & ~answered).sum())


def _asked(ranks: Sequence[PositiveRanks], queries: int) -> IntArray:
    """Return the number of draws in which each query was asked and had a positive."""
    found = np.zeros(queries, dtype=np.int64)
    for draw in ranks:
        found[draw.asked[draw.counts > 0]] += 1
    return found


def exact_mean(values: FloatArray) -> float:
    """Return the mean of the numbers that are not NaN, or NaN, summed without rounding: their order moves no digit."""
    known = values[~np.isnan(values)]
    return math.fsum(known) / len(known) if len(known) else math.nan


def _columns(table: FloatArray) -> FloatArray:
    return table[0].copy() if len(table) == 1 else np.array([exact_mean(column) for column in table.T])


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation: 0 for one value, NaN if a draw has no mean."""
    if len(values) == 1:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
