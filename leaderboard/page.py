"""The Markdown pages of the leaderboard: the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.measures import heading
from harness.scoring.tables import escape, remarks, table
from leaderboard.beside import beside
from leaderboard.boards import Board
from leaderboard.cells import LEFT, columns, interval_text, value_cell
from leaderboard.filing import slug
from leaderboard.pictures import drawable, picture_path
from leaderboard.published.merged import PublishedTable

INTRODUCTION = """\
# Leaderboard

Written by `bench leaderboard` from the records and from what papers print; a change by hand is found by
`bench leaderboard --check`.

**Measured.** One table holds the results of one task under one fingerprint: the same queries, the same gallery, the
same rule. Numbers of two tables cannot be compared. In each column **bold** is the best and _italics_ the second best
method; equal values share the mark. In brackets stands the 95 % interval over vehicles (bootstrap; the queries of one
vehicle are not independent). The rank is one plus the number of methods that are better beyond chance (paired
permutation test by vehicle, Holm's correction over the table, 5 %): methods that cannot be told apart share a rank.
Controls (in parentheses, below the methods) show what chance, or a rule that needs no learning, reaches; they have
neither mark nor rank. Nor have results with `+ re-ranking (k1, k2, lambda)`, which stand in rows of their own, below
the methods: re-ranking uses the neighbours within the gallery, and any method could be re-ranked.

**Published.** Numbers as papers print them, in percent, collected by the task that the paper states. A number whose
task is not stated stands in a table of its own. `bench audit` lists what does not agree among them."""

PICTURES = {
    "cmc": "The share of queries answered within the first k, with bands",
    "intervals": "The first measure with its intervals",
    "speed": "The first measure against the speed of extraction",
}
PUBLISHED_HEADINGS = {"ap": "mAP", "rank@1": "rank 1", "rank@5": "rank 5"}


@dataclass(frozen=True)
class TaskPage:
    """All that is known of one task.

    Attributes:
        name: of the task, or of the data set with what is not stated.
        boards: measured.
        published: numbers of papers; None for none.
    """

    name: str
    boards: tuple[Board, ...]
    published: PublishedTable | None

    @property
    def path(self) -> PurePosixPath:
        """Of its page, beside the leaderboard's."""
        return PurePosixPath("tasks") / f"{slug(self.name)}.md"


def task_pages(boards: Sequence[Board], published: Sequence[PublishedTable]) -> tuple[TaskPage, ...]:
    """Return a page for each task: those with measured results first, then by name."""
    printed = {table.name: table for table in published}
    names = sorted({*printed, *(board.task for board in boards)})
    pages = [
        TaskPage(name, tuple(board for board in boards if board.task == name), printed.get(name)) for name in names
    ]
    return tuple(sorted(pages, key=lambda page: not page.boards))


def markdown(
    pages: Sequence[TaskPage], published: Sequence[PublishedTable], name: str = "LEADERBOARD.md"
) -> Mapping[PurePosixPath, str]:
    """Return the text of all pages; names that hold Markdown or HTML are shown as they are and never obeyed.

    Args:
        pages: of all tasks.
        published: all published numbers, to stand beside the measured ones.
        name: of the leaderboard's own file.

    Returns:
        By path from the leaderboard's folder.
    """
    texts = {page.path: _task_page(page, published, name) for page in pages}
    return {PurePosixPath(name): _main_page(pages), **texts}


def _main_page(pages: Sequence[TaskPage]) -> str:
    measured = [page for page in pages if page.boards]
    parts = [INTRODUCTION, "# Measured"]
    if not measured:
        parts.append("There is no record yet.")
    for page in measured:
        for board in page.boards:
            parts += [f"## [{_title(board)}]({page.path})", _facts(board), board_table(board, full=False)]
    printed = [page for page in pages if page.published]
    if printed:
        parts.append("# Published")
    for page in printed:
        if page.published:
            parts += [f"## [{escape(page.name)}]({page.path})", published_table(page.published, full=False)]
    return "\n\n".join(parts) + "\n"


def _task_page(page: TaskPage, published: Sequence[PublishedTable], name: str) -> str:
    parts = [f"# {escape(page.name)}", f"Part of the [leaderboard](../{name}), which says how to read it."]
    for board in page.boards:
        notes = dict.fromkeys(note for record in board.records for note in remarks(record))
        parts += [f"## Measured{'' if board.official else ' (not official)'}", _facts(board)]
        parts += [board_table(board, full=True), *(["\n".join(notes)] if notes else [])]
        parts += [*_spread(board), *_beside(board, published)]
        paths = {word: picture_path(board, word).relative_to("tasks") for word in drawable(board)}
        parts += [f"![{PICTURES[word]}]({path})" for word, path in paths.items()]
    if page.published:
        parts += ["## Published", published_table(page.published, full=True)]
    return "\n\n".join(parts) + "\n"


def _title(board: Board) -> str:
    return escape(board.task) + ("" if board.official else " (not official)")


def _facts(board: Board) -> str:
    """Return what all rows of a board share, as one sentence."""
    first = board.rows[0].record
    facts = [f"fingerprint `{board.fingerprint[:16]}`", f"protocol version {first.version}", f"{first.queries} queries"]
    if first.ignored_queries:
        facts.append(f"{first.ignored_queries} of them without a positive")
    if first.draws:
        facts.append(f"{first.draws} draws")
    return ", ".join(facts) + "."


def board_table(board: Board, *, full: bool) -> str:
    """Return the table of a board; with intervals for all measures, or for the first one alone."""
    shown = columns(board, full=full)
    rows = [
        {name: cell(row) for name, cell in shown.items()}
        | {
            heading(measure): value_cell(row.values[measure], with_interval=full or measure == board.measures[0])
            for measure in board.measures
        }
        for row in board.rows
    ]
    return table(rows, right=[name for name in rows[0] if name not in LEFT])


def _spread(board: Board) -> list[str]:
    """Return the intervals over draws and over runs, where there are several."""
    rows = [
        {
            "method": escape(row.record.method_name),
            "measure": heading(measure),
            "over": f"{row.record.draws} draws" if value.draws else f"{len(row.records)} runs",
            "95 % interval": interval_text(value.draws or value.seeds),
        }
        for row in board.rows
        for measure, value in ((measure, row.values[measure]) for measure in board.measures)
        if value.draws or value.seeds
    ]
    return ["Intervals of the mean over draws and over runs (Student's t):", table(rows)] if rows else []


def _beside(board: Board, published: Sequence[PublishedTable]) -> list[str]:
    """Return the published numbers of the board's methods beside the measured ones."""
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
        for found in beside(row, published)
    ]
    right = ["measured", "published", "difference"]
    return ["### Beside the published numbers", table(rows, right=right)] if rows else []


def published_table(printed: PublishedTable, *, full: bool) -> str:
    """Return the table of a task's published numbers; with all that is said of them, or short."""
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
                "extra labels": escape(", ".join(row.supervision)),
                "notes": escape(row.notes),
            }
        rows.append({**cells, "printed in": escape("; ".join(row.sources))})
    return table(rows, right=[*headings.values(), "input", "width"])
