"""The columns of a board, as plain text that each format escapes for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.features.seen import trained_sets
from harness.scoring.record import Record
from harness.scoring.tables import GROUPS, HEADING, group_of, percent, remarks, weights_data
from leaderboard.boards import Board, BoardRow, BoardValue
from leaderboard.statistics.intervals import Interval


@dataclass(frozen=True)
class Column:
    """One column before the measures.

    Attributes:
        text: the plain text of a row's cell.
        words: whether it holds words, which stand at the left, and not numbers.
        best: which end a reader wants to see first.
        number: what a row sorts by, if not by its text.
    """

    text: Callable[[BoardRow], str]
    words: bool = False
    best: Literal["high", "low"] = "high"
    number: Callable[[BoardRow], float | None] | None = None

    def key(self, row: BoardRow) -> str:
        """Return what a row sorts by, as text; empty for the row's text itself."""
        value = self.number(row) if self.number else None
        return "" if value is None else f"{value:g}"


COLUMNS: Mapping[str, Column] = {
    "rank": Column(
        lambda row: "" if row.ranks is None else str(row.ranks),
        best="low",
        number=lambda row: None if row.ranks is None else row.ranks.best + row.ranks.worst / 1000,
    ),
    "method": Column(lambda row: row.shown_name, words=True),
    HEADING: Column(lambda row: GROUPS[group_of(row.record)], words=True),
    "recipe": Column(lambda row: row.record.recipe, words=True),
    "trained on": Column(lambda row: elsewhere(row.record), words=True),
    "weights from": Column(lambda row: weights_data(row.record), words=True),
    "run": Column(lambda row: row.record.run[:8], words=True),
    "runs": Column(lambda row: str(len(row.records))),
    "width": Column(lambda row: str(row.record.width), best="low"),
    "input": Column(
        lambda row: row.record.size_text,
        best="low",
        number=lambda row: math.prod(row.record.input_size) if row.record.input_size else None,
    ),
    "parameters": Column(
        lambda row: "" if row.record.parameters is None else f"{row.record.parameters / 1e6:.2f} M",
        best="low",
        number=lambda row: row.record.parameters,
    ),
    "extra labels": Column(lambda row: ", ".join(row.record.extra_labels), words=True),
    "metric": Column(lambda row: row.record.metric, words=True),
    "precision": Column(lambda row: row.record.precision or "", words=True),
    "threads": Column(
        lambda row: ", ".join(map(str, sorted({one.threads for one in row.records if one.threads}))), best="low"
    ),
}
"""All columns besides the measures, in the order of tables."""


def leading_columns(board: Board, *, full: bool) -> dict[str, Column]:
    """Return the columns before the measures: those that tell rows apart or have a value; ``full`` adds all details."""
    return {name: COLUMNS[name] for name in (*_short(board), *(_details(board.records) if full else ()))}


def _short(board: Board) -> Iterator[str]:
    records = board.records
    if any(row.ranks for row in board.rows):
        yield "rank"
    naming = ["method", *grouping_columns(board)]
    naming += ["recipe"] if any(record.recipe for record in records) else []
    naming += ["trained on"] if any(elsewhere(record) for record in records) else []
    naming += ["weights from"] if any(weights_data(record) for record in records) else []
    yield from naming
    labels = {tuple(COLUMNS[name].text(row) for name in naming) for row in board.rows}
    if len(labels) < len(board.rows):
        yield "run"
    if any(len(row.records) > 1 for row in board.rows):
        yield "runs"
    yield from ("width", "input")


def grouping_columns(board: Board) -> tuple[str, ...]:
    """Return the column that names the groups of a board, or nothing if no row has any post-processing."""
    return (HEADING,) if any(row.record.chain for row in board.rows) else ()


def _details(records: Sequence[Record]) -> Iterator[str]:
    if any(record.parameters for record in records):
        yield "parameters"
    if any(record.extra_labels for record in records):
        yield "extra labels"
    if any(record.metric != records[0].metric for record in records):
        yield "metric"
    if any(record.precision not in (None, "32-true") for record in records):
        yield "precision"
    if any(record.threads for record in records):
        yield "threads"


def elsewhere(record: Record) -> str:
    """Return the protocols that were trained on, or an empty string if it is the evaluated one alone."""
    if record.train_on in (None, record.protocol):
        return ""
    mark = " (this data set and more)" if record.protocol in trained_sets(record.train_on) else ""
    return f"{record.train_on}{mark}"


def row_notes(row: BoardRow) -> Iterator[str]:
    """Yield what a reader of a row must know, a sentence each."""
    if row.aliases:
        yield f"Other names, with the same options: {', '.join(row.aliases)}."
    if not row.weighed:
        yield (
            "The interval weighs each query once, and there is no rank: the record, of an older version, does not say "
            "how many draws asked it. Score the features again."
        )
    for record in row.records:
        yield from remarks(record)


def value_cell(value: BoardValue, *, with_interval: bool) -> str:
    """Return a value in percent as Markdown, with its mark, its deviation over draws, and optionally its interval."""
    text = percent(value.mean, value.deviation)
    marked = {"best": f"**{text}**", "second": f"_{text}_"}.get(value.mark, text)
    return f"{marked} {interval_text(value.interval)}".rstrip() if with_interval else marked


def interval_text(interval: Interval | None) -> str:
    """Return an interval in percent: ``[58.90, 64.10]``; nothing for None."""
    return "" if interval is None else f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
