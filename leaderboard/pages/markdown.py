"""The Markdown pages of the leaderboard: the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from harness.measures import heading
from harness.scoring.tables import escape, remarks, table
from leaderboard.boards import Board
from leaderboard.pages.columns import LEFT_ALIGNED, leading_columns, value_cell
from leaderboard.pages.paper_differences import published_differences
from leaderboard.pages.pictures import drawable, picture_path
from leaderboard.pages.rendering import render
from leaderboard.pages.task_pages import PUBLISHED_HEADINGS, TaskPage
from leaderboard.published.tables import PublishedTable

CAPTIONS = {
    "cmc": "The share of queries answered within the first k, with bands",
    "intervals": "The first measure with its intervals",
    "speed": "The first measure against the speed of extraction",
}


def markdown_pages(
    pages: Sequence[TaskPage], published: Sequence[PublishedTable], name: str = "LEADERBOARD.md"
) -> Mapping[PurePosixPath, str]:
    """Return the text of all pages by path; Markdown or HTML in a name is shown as text."""
    tools = {
        "board_table": board_table,
        "captions": CAPTIONS,
        "drawable": drawable,
        "notes": _notes,
        "papers_table": _papers_table,
        "picture_path": picture_path,
        "published_table": published_table,
    }
    main = render("leaderboard.md", pages=pages, **tools)
    tasks = {page.path: render("task.md", page=page, published=published, name=name, **tools) for page in pages}
    return {PurePosixPath(name): main, **tasks}


def board_table(board: Board, *, full: bool) -> str:
    """Return the table of a board, with intervals for all measures or only for the first."""
    shown = leading_columns(board, full=full)
    rows = [
        {name: cell(row) for name, cell in shown.items()}
        | {
            heading(measure): value_cell(row.values[measure], with_interval=full or measure == board.measures[0])
            for measure in board.measures
        }
        for row in board.rows
    ]
    return table(rows, right=[name for name in rows[0] if name not in LEFT_ALIGNED])


def _notes(board: Board) -> list[str]:
    notes = [note for record in board.records for note in remarks(record)]
    for row in board.rows:
        name = escape(row.record.method_name)
        if row.aliases:
            notes.append(f"- Other names of {name}, with the same options: {', '.join(map(escape, row.aliases))}.")
        if not row.weighed:
            notes.append(
                f"- The interval of {name} weighs each query once: its record, of an older version, does not say how "
                "many draws asked it. Score the features again for one that weighs it by them."
            )
    return list(dict.fromkeys(notes))


def _papers_table(board: Board, published: Sequence[PublishedTable]) -> str:
    """Return the published numbers of the board's methods next to the measured ones; empty if there are none."""
    rows = [
        {
            "method": escape(row.record.method_name),
            "measure": heading(found.measure),
            "measured": f"{found.measured:.2f}",
            "published": found.number.shown,
            "difference": f"{found.difference:+.2f}",
            "why they may differ": escape("; ".join(found.reasons)),
            "printed in": escape(found.source),
        }
        for row in board.rows
        for found in published_differences(row, published)
    ]
    return table(rows, right=["measured", "published", "difference"]) if rows else ""


def published_table(printed: PublishedTable, *, full: bool) -> str:
    """Return the table of a task's published numbers, with all their details or short."""
    headings = {measure: PUBLISHED_HEADINGS[measure] for measure in printed.measures}
    rows = []
    for row in printed.rows:
        cells = {"method": escape(row.row.method_name)}
        if full:
            cells["printed as"] = escape(row.row.printed)
        cells |= {name: row.numbers[m].shown if m in row.numbers else "" for m, name in headings.items()}
        cells["input"] = escape(row.row.input_size or "")
        if full:
            cells |= {
                "width": escape(row.row.width or ""),
                "extra labels": escape(", ".join(row.row.supervision)),
                "notes": escape(row.notes),
            }
        rows.append({**cells, "printed in": escape("; ".join(row.sources))})
    return table(rows, right=[*headings.values(), "input", "width"])
