"""The arrays that the loops read, made from relevance: queries to rank, valid units, positives to place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.data.images import IntArray
from harness.kernel.native.order import by_bucket
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance, RowLists


@dataclass(frozen=True, eq=False)
class RankingPlan:
    """A task in numbers without gaps: query k is row ``queries[k]`` of the table, unit k is ``units[k]``.

    Attributes:
        relevance: of the task.
        queries: (k,) rows of the query table that are ranked and have a positive.
        units: (v,) gallery units that can answer.
        positives: of those queries.
        ignored: of those queries.
        drawn: (draws, v) bool, the units of each draw; (0, v) without draws.
        order: (n,) gallery images in the order of their units, or None if the table has that order.
        starts: (v + 1,) the images of each unit in that order.
    """

    relevance: Relevance
    queries: IntArray
    units: IntArray
    positives: RowLists
    ignored: RowLists
    drawn: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    order: IntArray | None
    starts: IntArray

    def part(self, first: int, last: int) -> RankingPlan:
        """Return the plan of the queries from ``first`` to ``last``."""
        return replace(
            self,
            queries=self.queries[first:last],
            positives=_between(self.positives, first, last),
            ignored=_between(self.ignored, first, last),
        )

    @property
    def reduce(self) -> Literal["maximum", "mean feature"]:
        """How a unit answers."""
        return self.relevance.reduce


@dataclass(frozen=True, eq=False)
class Entries:
    """The positives to place: one entry for each positive and each draw that has it.

    Entries are sorted by query, draw, similarity; an ask is one query in one draw.

    Attributes:
        pair: (e,) the entry's place in ``RankingPlan.positives.units``.
        query: (e,) the query.
        draw: (e,) the draw.
        ask_starts: (k + 1,) the asks of each query.
        entry_starts: (asks + 1,) the entries of each ask.
        ask_draw: (asks,) the draw.
    """

    pair: IntArray
    query: IntArray
    draw: IntArray
    ask_starts: IntArray
    entry_starts: IntArray
    ask_draw: IntArray


def plan(relevance: Relevance, *, everybody: bool = False) -> RankingPlan:
    """Return the plan of a task.

    Args:
        relevance: of the task.
        everybody: keep queries without a positive too.
    """
    asked = np.ones(relevance.queries, dtype=np.bool_)
    valid = np.ones(relevance.units, dtype=np.bool_)
    if relevance.draws:
        asked[:] = valid[:] = False
        for draw in relevance.draws:
            asked[draw.queries] = True
            valid[draw.units] = True
    if not everybody:
        asked &= np.diff(relevance.positives.starts) > 0
    queries, units = np.flatnonzero(asked), np.flatnonzero(valid)
    order, starts = _images(relevance, valid)
    drawn = np.zeros((len(relevance.draws), len(units)), dtype=np.bool_)
    for number, draw in enumerate(relevance.draws):
        drawn[number, np.searchsorted(units, draw.units)] = True
    return RankingPlan(
        relevance=relevance,
        queries=queries,
        units=units,
        positives=_compact(relevance.positives, asked, valid),
        ignored=_compact(relevance.ignored, asked, valid),
        drawn=drawn,
        order=order,
        starts=starts,
    )


def _images(
    relevance: Relevance, valid: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[IntArray | None, IntArray]:
    """Return the order of the images of valid units, None for the table's own, and the start of each unit in it."""
    if relevance.unit_of is None:
        order = np.flatnonzero(valid)
        return (None if len(order) == len(valid) else order), np.arange(len(order) + 1)
    order = np.argsort(relevance.unit_of, kind="stable")
    order = order[valid[relevance.unit_of[order]]]
    images = np.bincount(relevance.unit_of, minlength=relevance.units)[valid]
    if (images == 0).any():
        raise ValueError("a gallery unit has no image")
    starts = np.concatenate([[0], np.cumsum(images)])
    own = len(order) == len(relevance.unit_of) and bool((np.diff(order) == 1).all())
    return (None if own else order), starts


def _compact(
    lists: RowLists,
    asked: np.ndarray[tuple[int], np.dtype[np.bool_]],
    valid: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> RowLists:
    """Return the lists of the asked queries with the valid units, both numbered without gaps.

    They lie in memory without gaps too: a loop is compiled once more for arrays that do not.
    """
    if asked.all() and valid.all():
        return RowLists(np.ascontiguousarray(lists.starts), np.ascontiguousarray(lists.units))
    rows = np.repeat(np.arange(len(asked)), np.diff(lists.starts))
    kept = asked[rows] & valid[lists.units]
    counts = np.bincount(rows[kept], minlength=len(asked))[asked]
    units = lists.units[kept]
    if not valid.all():
        units = np.cumsum(valid)[units] - 1
    return RowLists(starts=np.concatenate([[0], np.cumsum(counts)]), units=units)


def _between(lists: RowLists, first: int, last: int) -> RowLists:
    starts = lists.starts[first : last + 1]
    return RowLists(starts=starts - starts[0], units=lists.units[starts[0] : starts[-1]])


def entries(plan: RankingPlan, similarities: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Entries:
    """Return the entries, sorted.

    Args:
        plan: of the task.
        similarities: (pairs,) canonical similarity of each of ``plan.positives``.
    """
    rows = np.repeat(np.arange(len(plan.queries)), np.diff(plan.positives.starts))
    if plan.relevance.draws:
        pair, draw = _drawn(plan, rows)
    else:
        pair, draw = np.arange(len(rows)), np.zeros(len(rows), dtype=np.int64)
    query = rows[pair]
    draws = max(len(plan.relevance.draws), 1)
    ask = query * draws + draw
    place = _order(ask, len(plan.queries) * draws, np.argsort(similarities[pair]))
    pair, query, draw, ask = pair[place], query[place], draw[place], ask[place]
    firsts = np.flatnonzero(np.diff(ask, prepend=-1))
    return Entries(
        pair=pair,
        query=query,
        draw=draw,
        ask_starts=np.searchsorted(query[firsts], np.arange(len(plan.queries) + 1)),
        entry_starts=np.append(firsts, len(ask)),
        ask_draw=draw[firsts],
    )


def _order(bucket: IntArray, buckets: int, then: IntArray) -> IntArray:
    """Return the order by ``bucket``, and by ``then`` within a bucket."""
    ends = np.cumsum(np.bincount(bucket, minlength=buckets))
    order = np.empty(len(bucket), dtype=np.int64)
    by_bucket(bucket, then, np.concatenate([[0], ends[:-1]]), order)
    return order


def _drawn(plan: RankingPlan, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the pairs that each draw asks for, and the draw."""
    pairs, numbers = [], []
    for number, draw in enumerate(plan.relevance.draws):
        asked = np.zeros(plan.relevance.queries, dtype=np.bool_)
        asked[draw.queries] = True
        pair = np.flatnonzero(asked[plan.queries[rows]] & plan.drawn[number, plan.positives.units])
        pairs.append(pair)
        numbers.append(np.full(len(pair), number))
    return np.concatenate(pairs), np.concatenate(numbers)


@dataclass(frozen=True, eq=False)
class Placed:
    """The counts of the entries of some queries.

    Attributes:
        query: (e,) row of the query table.
        draw: (e,) the draw.
        unit: (e,) gallery unit.
        closer: (e,) negatives that are closer.
        tied: (e,) negatives that tie.
    """

    query: IntArray
    draw: IntArray
    unit: IntArray
    closer: IntArray
    tied: IntArray


def placed(plan: RankingPlan, table: Entries, closer: IntArray, tied: IntArray) -> Placed:
    """Return the entries in the numbers of the task's tables."""
    unit = plan.units[plan.positives.units[table.pair]]
    return Placed(plan.queries[table.query], table.draw, unit, closer, tied)


def results(relevance: Relevance, parts: Sequence[Placed]) -> tuple[PositiveRanks, ...]:
    """Return the ranks of each draw from the counts of all entries."""
    query, draw, unit, closer, tied = (
        np.concatenate([getattr(part, name) for part in parts]).astype(np.int64)
        for name in ("query", "draw", "unit", "closer", "tied")
    )
    place = _order(query, relevance.queries, np.argsort((closer + tied) * relevance.units + unit))
    asked = [drawn.queries for drawn in relevance.draws] or [np.arange(relevance.queries)]
    answers = []
    for number, queries in enumerate(asked):
        own = place[draw[place] == number] if len(asked) > 1 else place
        counts = np.bincount(query[own], minlength=relevance.queries)[queries]
        answers.append(
            PositiveRanks(
                asked=queries,
                starts=np.concatenate([[0], np.cumsum(counts)]),
                units=unit[own],
                closer=closer[own],
                tied=tied[own],
            )
        )
    return tuple(answers)
