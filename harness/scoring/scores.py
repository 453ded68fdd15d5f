"""Scores: what the measures make of the ranks, per query, per draw and on average."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.measures import Measure, parse
from harness.measures.ranks import PositiveRanks
from harness.tasks.reranking import Reranking

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of one set of features on one task, as fractions of 1.

    Attributes:
        task: ``protocol/task``.
        fingerprint: of the task on this data set.
        official: whether the data set has the released counts.
        metric: how the features were compared.
        queries: rows of the query table.
        ignored_queries: those that were asked and never had a positive (in any draw that asked them); they are in no
            mean. A query that no draw asks is not counted here.
        ties: pairs of a positive and a negative that tie, over all draws.
        mean: for each measure the mean over the queries that have a positive; with draws, the mean over the draws of
            that; NaN where no query has one.
        deviation: the sample standard deviation over the draws; 0 with one draw, empty where nothing is drawn.
        per_draw: the mean of each draw; empty where nothing is drawn.
        per_query: (queries,) for each measure, in the query table's order, NaN for a query without a positive; with
            draws, the mean over those that asked it.
        rerank: what was done to the ranking of the features; None for nothing.
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
    rerank: Reranking | None = None

    @classmethod
    def of(
        cls,
        ranks: Sequence[PositiveRanks],
        measures: Sequence[str],
        *,
        queries: int,
        drawn: bool | None = None,
        task: str = "",
        metric: str = "",
        fingerprint: str = "",
        official: bool = False,
        rerank: Reranking | None = None,
    ) -> Scores:
        """Return the scores of what ``rank`` returned.

        Args:
            ranks: one for each draw, or a single one.
            measures: their words.
            queries: rows of the query table.
            drawn: whether ``ranks`` are draws; None: they are where there are several.
            task: see the attributes, as for the others.
            metric: see the attributes.
            fingerprint: see the attributes.
            official: see the attributes.
            rerank: see the attributes.

        Raises:
            UsageError: a word is no measure.
        """
        tables = {word: _table(parse(word), ranks, queries) for word in measures}
        draws = {word: tuple(exact_mean(row) for row in table) for word, table in tables.items()}
        several = len(ranks) > 1 if drawn is None else drawn
        return cls(
            task=task,
            fingerprint=fingerprint,
            official=official,
            metric=metric,
            queries=queries,
            ignored_queries=_ignored(ranks, queries),
            ties=sum(draw.ties for draw in ranks),
            mean={word: exact_mean(np.array(values)) for word, values in draws.items()},
            deviation={word: _deviation(values) for word, values in draws.items()} if several else {},
            per_draw=draws if several else {},
            per_query={word: _columns(table) for word, table in tables.items()},
            rerank=rerank,
        )


def _table(measure: Measure, ranks: Sequence[PositiveRanks], queries: int) -> FloatArray:
    """Return (draws, queries) values, NaN where a query was not asked or has no positive."""
    table = np.full((len(ranks), queries), np.nan)
    for row, draw in zip(table, ranks, strict=True):
        row[draw.asked] = measure.values(draw)
    return table


def _ignored(ranks: Sequence[PositiveRanks], queries: int) -> int:
    asked = np.zeros(queries, dtype=np.bool_)
    answered = np.zeros(queries, dtype=np.bool_)
    for draw in ranks:
        asked[draw.asked] = True
        answered[draw.asked[draw.counts > 0]] = True
    return int((asked & ~answered).sum())


def exact_mean(values: FloatArray) -> float:
    """Return the mean of the values that are not NaN, summed without rounding: their order moves no digit.

    Args:
        values: (n,) float64.

    Returns:
        NaN if there is no value.
    """
    known = values[~np.isnan(values)]
    return math.fsum(known) / len(known) if len(known) else math.nan


def _columns(table: FloatArray) -> FloatArray:
    """Return the mean of each column."""
    return table[0].copy() if len(table) == 1 else np.array([exact_mean(column) for column in table.T])


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation, 0 for one value; NaN where a draw has none."""
    if len(values) == 1:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
