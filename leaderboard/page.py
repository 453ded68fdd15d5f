"""The Markdown page of the leaderboard: the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.record import Record
from harness.tables import escape, heading, percent, remarks, table
from leaderboard.boards import Board

INTRODUCTION = """\
# Leaderboard

Written by `bench leaderboard` from the records; a change by hand is found by `bench leaderboard --check`.

One table holds the results of one task under one fingerprint: the same queries, the same gallery, the same rule.
Numbers of two tables cannot be compared. In each column **bold** is the best and _italics_ the second best method;
equal values share the mark. Controls (rows in parentheses, below the methods) show what chance, or a rule that needs
no learning, reaches; they are never marked. Measures are in percent."""

Cell = Callable[[Record], str]


def markdown(boards: Sequence[Board]) -> str:
    """Return the page; names that hold Markdown or HTML are shown as they are and never obeyed."""
    parts = [INTRODUCTION, *(_section(board) for board in boards)]
    if not boards:
        parts.append("There is no record yet.")
    return "\n\n".join(parts) + "\n"


def _section(board: Board) -> str:
    """Return the heading, the facts and the table of one board."""
    title = f"## {escape(board.task)}" + ("" if board.official else " (not official)")
    first = board.records[0]
    facts = [f"fingerprint `{board.fingerprint[:16]}`", f"protocol version {first.version}", f"{first.queries} queries"]
    if first.ignored_queries:
        facts.append(f"{first.ignored_queries} of them without a positive")
    if first.draws:
        facts.append(f"{first.draws} draws")
    notes = dict.fromkeys(note for record in board.records for note in remarks(record))
    return "\n\n".join([title, ", ".join(facts) + ".", _table(board), *(["\n".join(notes)] if notes else [])])


def _table(board: Board) -> str:
    columns = _columns(board.records)
    rows = [
        {name: cell(record) for name, cell in columns.items()}
        | {heading(measure): _value(board, record, measure) for measure in board.measures}
        for record in board.records
    ]
    left = {"method", "recipe", "trained on", "run"}
    return table(rows, right=[name for name in rows[0] if name not in left])


def _columns(records: Sequence[Record]) -> dict[str, Cell]:
    """Return the columns before the measures: what tells the rows apart, and what any of them has to say."""
    columns: dict[str, Cell] = {"method": _name}
    if any(record.recipe for record in records):
        columns["recipe"] = lambda record: escape(record.recipe)
    if any(_elsewhere(record) for record in records):
        columns["trained on"] = lambda record: escape(_elsewhere(record))
    if len({record.seed for record in records if record.train_on}) > 1:
        columns["seed"] = lambda record: "" if record.seed is None else str(record.seed)
    labels = [tuple(cell(record) for cell in columns.values()) for record in records]
    if len(set(labels)) < len(labels):
        columns["run"] = lambda record: f"`{record.run[:8]}`"
    columns["width"] = lambda record: str(record.width)
    columns["input"] = lambda record: "x".join(map(str, record.input_size)) if record.input_size else ""
    if any(record.parameters for record in records):
        columns["parameters"] = lambda record: "" if record.parameters is None else f"{record.parameters / 1e6:.1f} M"
    return columns


def _elsewhere(record: Record) -> str:
    """Return the protocol that was trained on, where it is another than the one evaluated."""
    return "" if record.train_on in (None, record.protocol) else str(record.train_on)


def _name(record: Record) -> str:
    name = escape(record.method_name)
    return f"({name})" if record.control else name


def _value(board: Board, record: Record, measure: str) -> str:
    value = percent(record.measures[measure], record.deviations.get(measure))
    return {"best": f"**{value}**", "second": f"_{value}_"}.get(board.mark(record, measure), value)
