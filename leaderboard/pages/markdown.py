"""The Markdown pages of the leaderboard: the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from harness.measures import heading
from harness.scoring.tables import escape, table
from leaderboard.audit.notes import NO_NOTES, Notes, table_footnotes
from leaderboard.boards import Board
from leaderboard.costs import CostSession
from leaderboard.pages.columns import leading_columns, row_notes, value_cell
from leaderboard.pages.paper_differences import NUMBERS, difference_cells
from leaderboard.pages.pictures import drawable, picture_path
from leaderboard.pages.rendering import render
from leaderboard.pages.task_pages import PUBLISHED_HEADINGS, PUBLISHED_SETTING, TaskPage
from leaderboard.published.tables import PublishedRow, PublishedTable, measures_of

SHORT = {"input", "trained on", "metric", "epochs"}
"""The settings of published rows that the main page shows too, where rows have them."""
CAPTIONS = {
    "intervals": "The first measure of each row with its interval and its range of ranks",
    "cost": "The first measure by the images that a second embeds, measured in one session on an idle machine",
    "cmc": "The share of queries answered within the first k, for the best five methods and the controls",
}


def markdown_pages(
    pages: Sequence[TaskPage],
    published: Sequence[PublishedTable],
    name: str = "LEADERBOARD.md",
    costs: CostSession | None = None,
    notes: Notes = NO_NOTES,
) -> Mapping[PurePosixPath, str]:
    """Return the text of all pages by path; Markdown or HTML in a name is shown as text.

    ``notes`` are the footnotes of published numbers, which the pages of the tasks show.
    """
    tools = {
        "board_table": board_table,
        "captions": CAPTIONS,
        "drawable": partial(drawable, costs=costs),
        "notes": _notes,
        "papers_table": _papers_table,
        "picture_path": picture_path,
        "published_table": partial(published_table, notes=notes),
    }
    main = render("leaderboard.md", pages=pages, **tools)
    tasks = {page.path: render("task.md", page=page, published=published, name=name, **tools) for page in pages}
    return {PurePosixPath(name): main, **tasks}


def board_table(board: Board, *, full: bool) -> str:
    """Return the table of a board, with intervals for all measures or only for the first."""
    shown = leading_columns(board, full=full)
    rows = [
        {name: f"`{column.text(row)}`" if name == "run" else escape(column.text(row)) for name, column in shown.items()}
        | {
            heading(measure): value_cell(row.values[measure], with_interval=full or measure == board.measures[0])
            for measure in board.measures
        }
        for row in board.rows
    ]
    return table(rows, right=[name for name in rows[0] if name not in shown or not shown[name].words])


def _notes(board: Board) -> list[str]:
    """Return the notes on a board, a line each: those on all rows once, others with the names of their rows."""
    said: dict[str, list[str]] = {}
    for row in board.rows:
        for note in dict.fromkeys(row_notes(row)):
            said.setdefault(note, []).append(row.record.method_name)
    return [
        f"- {escape(note if len(names) == len(board.rows) else f'{_joined(names)}: {note}')}"
        for note, names in said.items()
    ]


def _joined(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _papers_table(board: Board, published: Sequence[PublishedTable]) -> str:
    """Return the published numbers of the board's methods next to the measured ones; empty if there are none."""
    rows = [{name: escape(cell) for name, cell in row.items()} for row in difference_cells(board, published)]
    return table(rows, right=NUMBERS) if rows else ""


def published_table(rows: Sequence[PublishedRow], *, full: bool, notes: Notes = NO_NOTES) -> str:
    """Return a table of published numbers: short, or with all their details and with footnotes below it."""
    footnotes = table_footnotes(rows, notes if full else NO_NOTES)
    measures = measures_of(rows)
    differing = {
        name: cell
        for name, cell in PUBLISHED_SETTING.items()
        if (full or name in SHORT) and any(cell(row) for row in rows)
    }
    found = []
    for place, row in enumerate(rows):
        cells = {"method": escape(row.row.method_name)}
        if full:
            cells["printed as"] = escape(" / ".join(row.names))
        for one in measures:
            marks = ", ".join(map(str, footnotes.marks.get((place, one), ()))) if full else ""
            number = row.numbers[one].shown if one in row.numbers else ""
            cells[PUBLISHED_HEADINGS[one]] = f"{number} <sup>{marks}</sup>" if marks else number
        cells |= {name: escape(cell(row)) for name, cell in differing.items()}
        found.append({**cells, "printed in": escape("; ".join(row.sources))})
    shown = table(found, right=[*map(PUBLISHED_HEADINGS.__getitem__, measures), "input", "width"])
    below = [f"{number}. {escape(note.text)}" for number, note in enumerate(footnotes.notes, 1) if full]
    return "\n".join([shown, "", *below]) if below else shown
