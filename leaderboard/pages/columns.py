"""The columns of a board, as finished Markdown cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.scoring.record import Record
from harness.scoring.tables import escape, percent
from leaderboard.boards import Board, BoardRow, BoardValue
from leaderboard.statistics.intervals import Interval

Cell = Callable[[BoardRow], str]
LEFT_ALIGNED = {"method", "recipe", "trained on", "run", "extra labels", "device"}


def leading_columns(board: Board, *, full: bool) -> dict[str, Cell]:
    """Return the columns before the measures: those that tell rows apart or have a value; ``full`` adds all details."""
    records = board.records
    found: dict[str, Cell] = {}
    if any(row.ranks for row in board.rows):
        found["rank"] = lambda row: "" if row.ranks is None else str(row.ranks)
    found["method"] = _name
    if any(record.recipe for record in records):
        found["recipe"] = lambda row: escape(row.record.recipe)
    if any(elsewhere(record) for record in records):
        found["trained on"] = lambda row: escape(elsewhere(row.record))
    labels = [tuple(cell(row) for name, cell in found.items() if name != "rank") for row in board.rows]
    if len(set(labels)) < len(labels):
        found["run"] = lambda row: f"`{row.record.run[:8]}`"
    if any(len(row.records) > 1 for row in board.rows):
        found["runs"] = lambda row: str(len(row.records))
    found["width"] = lambda row: str(row.record.width)
    found["input"] = lambda row: "x".join(map(str, row.record.input_size)) if row.record.input_size else ""
    return {**found, **_details(records)} if full else found


def _details(records: Sequence[Record]) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    if any(record.parameters for record in records):
        found["parameters"] = lambda row: (
            "" if row.record.parameters is None else f"{row.record.parameters / 1e6:.2f} M"
        )
    if any(record.needs or record.test_needs for record in records):
        found["extra labels"] = lambda row: escape(", ".join(sorted({*row.record.needs, *row.record.test_needs})))
    if any(record.precision not in (None, "32-true") for record in records):
        found["precision"] = lambda row: escape(row.record.precision or "")
    if any(record.threads for record in records):
        found["threads"] = lambda row: ", ".join(map(str, sorted({one.threads for one in row.records if one.threads})))
    if any(record.cost for record in records):
        found["images/s"] = lambda row: f"{cost.images / cost.seconds:.1f}" if (cost := row.record.cost) else ""
        found["device"] = lambda row: escape(row.record.cost.device) if row.record.cost else ""
    return found


def elsewhere(record: Record) -> str:
    """Return the protocol that was trained on, or an empty string if it is the evaluated one."""
    return "" if record.train_on in (None, record.protocol) else str(record.train_on)


def _name(row: BoardRow) -> str:
    name = escape(row.record.method_name)
    return f"({name})" if row.record.control else name


def value_cell(value: BoardValue, *, with_interval: bool) -> str:
    """Return a value in percent with its mark, its deviation over draws, and optionally its interval."""
    text = percent(value.mean, value.deviation)
    marked = {"best": f"**{text}**", "second": f"_{text}_"}.get(value.mark, text)
    return f"{marked} {interval_text(value.interval)}".rstrip() if with_interval else marked


def interval_text(interval: Interval | None) -> str:
    """Return an interval in percent: ``[58.90, 64.10]``; nothing for None."""
    return "" if interval is None else f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
