"""The columns of a board, as plain text that each format escapes for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.scoring.record import Record
from harness.scoring.tables import percent, plain_remarks
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


def leading_columns(board: Board, *, full: bool) -> dict[str, Column]:
    """Return the columns before the measures: those that tell rows apart or have a value; ``full`` adds all details."""
    records = board.records
    found: dict[str, Column] = {}
    if any(row.ranks for row in board.rows):
        found["rank"] = Column(
            lambda row: "" if row.ranks is None else str(row.ranks),
            best="low",
            number=lambda row: None if row.ranks is None else row.ranks.best + row.ranks.worst / 1000,
        )
    found["method"] = Column(_name, words=True)
    if any(record.recipe for record in records):
        found["recipe"] = Column(lambda row: row.record.recipe, words=True)
    if any(elsewhere(record) for record in records):
        found["trained on"] = Column(lambda row: elsewhere(row.record), words=True)
    labels = [tuple(column.text(row) for name, column in found.items() if name != "rank") for row in board.rows]
    if len(set(labels)) < len(labels):
        found["run"] = Column(lambda row: row.record.run[:8], words=True)
    if any(len(row.records) > 1 for row in board.rows):
        found["runs"] = Column(lambda row: str(len(row.records)))
    found["width"] = Column(lambda row: str(row.record.width), best="low")
    found["input"] = Column(
        lambda row: "x".join(map(str, row.record.input_size or ())),
        best="low",
        number=lambda row: math.prod(row.record.input_size) if row.record.input_size else None,
    )
    return {**found, **_details(records)} if full else found


def _details(records: Sequence[Record]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    if any(record.parameters for record in records):
        found["parameters"] = Column(
            lambda row: "" if row.record.parameters is None else f"{row.record.parameters / 1e6:.2f} M",
            best="low",
            number=lambda row: row.record.parameters,
        )
    if any(record.needs or record.test_needs for record in records):
        found["extra labels"] = Column(
            lambda row: ", ".join(sorted({*row.record.needs, *row.record.test_needs})), words=True
        )
    if any(record.metric != records[0].metric for record in records):
        found["metric"] = Column(lambda row: row.record.metric, words=True)
    if any(record.precision not in (None, "32-true") for record in records):
        found["precision"] = Column(lambda row: row.record.precision or "", words=True)
    if any(record.threads for record in records):
        found["threads"] = Column(
            lambda row: ", ".join(map(str, sorted({one.threads for one in row.records if one.threads}))), best="low"
        )
    return found


def elsewhere(record: Record) -> str:
    """Return the protocol that was trained on, or an empty string if it is the evaluated one."""
    return "" if record.train_on in (None, record.protocol) else str(record.train_on)


def _name(row: BoardRow) -> str:
    return f"({row.record.method_name})" if row.record.control else row.record.method_name


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
        yield from plain_remarks(record)


def value_cell(value: BoardValue, *, with_interval: bool) -> str:
    """Return a value in percent as Markdown, with its mark, its deviation over draws, and optionally its interval."""
    text = percent(value.mean, value.deviation)
    marked = {"best": f"**{text}**", "second": f"_{text}_"}.get(value.mark, text)
    return f"{marked} {interval_text(value.interval)}".rstrip() if with_interval else marked


def interval_text(interval: Interval | None) -> str:
    """Return an interval in percent: ``[58.90, 64.10]``; nothing for None."""
    return "" if interval is None else f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
