"""The tasks, rows and columns that a user chose, for every format."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from harness.errors import unknown_name
from harness.measures import heading
from leaderboard.boards import Board, BoardRow, marked
from leaderboard.pages.paper_differences import QUANTITIES
from leaderboard.pages.task_pages import PUBLISHED_HEADINGS
from leaderboard.published.tables import PublishedRow, PublishedTable

COMMA = re.compile(r",(?![^(]*\))")
"""A comma between two names; ``pgan (D=5, p=8)`` is one name."""


@dataclass(frozen=True)
class Selection:
    """What to show; an empty list is everything.

    Attributes:
        tasks: names of tasks, or of protocols for all their tasks.
        rows: names of methods as the pages show them, or first letters of runs; each text may hold several.
        columns: measures and other columns by their words or headings; each text may hold several.
        intervals: whether to show intervals.
    """

    tasks: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    intervals: bool = True


@dataclass(frozen=True)
class Chosen:
    """What was chosen.

    Attributes:
        boards: the measured results; the best values are marked among the chosen rows.
        tables: the published numbers.
        columns: the words of the chosen columns in the order asked for; empty if none were named.
        part: whether rows were named, so that a rank is one among more methods than are shown.
    """

    boards: tuple[Board, ...]
    tables: tuple[PublishedTable, ...]
    columns: tuple[str, ...] = ()
    part: bool = False


def choose(
    selection: Selection, boards: Sequence[Board], tables: Sequence[PublishedTable], further: Collection[str] = ()
) -> Chosen:
    """Return the chosen part of the leaderboard; ``further`` are columns of the format besides the measures.

    A measure also chooses the published numbers that it can be compared with: ``hit@1`` those of rank 1.

    Raises:
        UsageError: a task, row or column does not exist; the message names the nearest one that does.
    """
    boards, tables = _of_tasks(selection.tasks, boards, tables)
    columns = _columns(selection.columns, boards, tables, further)
    if selection.rows:
        boards, tables = _of_rows(selection.rows, boards, tables)
    if measures := [word for word in columns if word not in further]:
        kept = [tuple(one for one in measures if one in board.measures) for board in boards]
        boards = [replace(board, measures=own) for board, own in zip(boards, kept, strict=True) if own]
        tables = [_of_measures(measures, table) for table in tables]
    if not selection.intervals:
        boards = [replace(board, rows=tuple(map(_without_intervals, board.rows))) for board in boards]
    with_rows = tuple(table for table in tables if table.rows)
    return Chosen(tuple(boards), with_rows, columns, part=bool(selection.rows))


def _of_tasks(
    names: Sequence[str], boards: Sequence[Board], tables: Sequence[PublishedTable]
) -> tuple[Sequence[Board], Sequence[PublishedTable]]:
    if not names:
        return boards, tables
    tasks = {*(board.task for board in boards), *(table.name for table in tables)}
    known = {task: {task} for task in tasks}
    for task in tasks:
        known.setdefault(re.split("[/ ]", task)[0], set()).add(task)
    found = set().union(*(known[_known("task", name, known)] for name in names))
    return [board for board in boards if board.task in found], [table for table in tables if table.name in found]


def _columns(
    words: Sequence[str], boards: Sequence[Board], tables: Sequence[PublishedTable], further: Iterable[str]
) -> tuple[str, ...]:
    """Return the words of columns, each once; a heading such as ``mAP`` is taken for its measure."""
    measured = {measure for board in boards for measure in board.measures}
    printed = {measure for table in tables for measure in table.measures}
    comparable = {word for word, quantity in QUANTITIES.items() if quantity in printed}
    known = {word: word for word in (*further, *printed, *comparable, *measured)}
    headings = {PUBLISHED_HEADINGS[measure]: measure for measure in printed} | {heading(one): one for one in measured}
    known |= {name.lower(): word for name, word in headings.items() if name.lower() not in known}
    asked = [word if word in known else word.lower() for word in _split(words, known)]
    for word in asked:
        if word not in known:
            raise unknown_name("column", word, set(known.values()))
    return tuple(dict.fromkeys(known[word] for word in asked))


def _of_rows(
    words: Sequence[str], boards: Sequence[Board], tables: Sequence[PublishedTable]
) -> tuple[Sequence[Board], Sequence[PublishedTable]]:
    measured = {name for board in boards for row in board.rows for name in _names(row)}
    runs = {row.record.run[:8] for board in boards for row in board.rows}
    known = measured | runs | {row.row.method_name for table in tables for row in table.rows}
    asked = {_known("row", name, known) for name in _split(words, known)}
    kept = [(board, [row for row in board.rows if asked & {*_names(row), row.record.run[:8]}]) for board in boards]
    return (
        [replace(board, rows=marked(rows)) for board, rows in kept if rows],
        [replace(table, rows=tuple(row for row in table.rows if row.row.method_name in asked)) for table in tables],
    )


def _names(row: BoardRow) -> set[str]:
    """Return the names by which a page shows a row; a control stands in parentheses."""
    return {row.record.method_name, row.shown_name, *row.aliases}


def _of_measures(measures: Collection[str], table: PublishedTable) -> PublishedTable:
    """Return the table with the chosen measures only, without rows that have none of them."""
    wanted = {*measures, *(QUANTITIES[word] for word in measures if word in QUANTITIES)}

    def narrowed(row: PublishedRow) -> PublishedRow:
        return replace(row, numbers={word: number for word, number in row.numbers.items() if word in wanted})

    return replace(table, rows=tuple(row for row in map(narrowed, table.rows) if row.numbers))


def _without_intervals(row: BoardRow) -> BoardRow:
    return replace(row, values={word: replace(value, interval=None) for word, value in row.values.items()})


def _split(texts: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the names in some texts, separated by commas; a whole text may be one name."""
    return [name.strip() for text in texts for name in ([text] if text in known else COMMA.split(text))]


def _known(kind: str, name: str, known: Collection[str]) -> str:
    if name not in known:
        raise unknown_name(kind, name, known)
    return name
