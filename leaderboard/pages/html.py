"""The leaderboard as one HTML page, which asks no host for anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.measures import heading
from harness.scoring.record import Record
from harness.scoring.tables import GROUPS, group_of, percent
from leaderboard.audit.notes import NO_NOTES, Notes, TableFootnotes, table_footnotes
from leaderboard.boards import Board, BoardRow, BoardValue
from leaderboard.costs import CostSession
from leaderboard.pages.columns import elsewhere, interval_text, leading_columns, row_notes
from leaderboard.pages.paper_differences import NUMBERS, SUPERVISION, difference_cells
from leaderboard.pages.pictures import draw_picture, drawable
from leaderboard.pages.rendering import render
from leaderboard.pages.task_pages import PUBLISHED_HEADINGS, PUBLISHED_SETTING, TaskPage
from leaderboard.published.tables import PublishedRow, measures_of

NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'
"""What a picture needs in a file of its own and not within a page."""
PICTURES = {"cmc": "Curves of the best", "cost": "Accuracy and cost"}
"""The pictures of a table by their names, with their captions."""
CONTROLS = len(GROUPS)
"""The group of controls, below those of the methods."""
FIGURE_SPACE, POINT_SPACE = "\u2007", "\u2008"
"""Spaces as wide as a digit and as a point."""


@dataclass(frozen=True)
class Head:
    """The heading of a column, and which end of it a reader wants to see first."""

    text: str
    words: bool = False
    best: Literal["high", "low"] = "high"


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what it sorts by, and for a measured value its mark and its interval.

    ``bar`` has the places of the interval's ends and of the value on a scale from 0 to 100; ``noted`` says that one of
    the row's notes is about it.
    """

    text: str
    value: str = ""
    mark: str = ""
    interval: str = ""
    bar: tuple[float, float, float] | None = None
    noted: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its name, its cells after the name, its notes, and what the filters ask.

    ``group`` is a number of ``harness.scoring.tables``, or ``CONTROLS``; sorting keeps the groups apart.
    """

    name: str
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]
    kind: Literal["measured", "published"]
    labels: tuple[str, ...]
    input: str
    trained: str
    recipe: str
    group: int = 0

    @property
    def control(self) -> bool:
        """Whether it is a control."""
        return self.group == CONTROLS

    @property
    def elsewhere(self) -> bool:
        """Whether the method was trained on another data set than it is evaluated on."""
        return bool(self.trained)


@dataclass(frozen=True)
class Table:
    """A table with its caption, and with its pictures as SVG by their captions."""

    caption: str
    facts: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    pictures: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of its rows."""
        return len(self.rows)


@dataclass(frozen=True)
class Section:
    """The tables of one task, and its measured values beside what papers print, as ``difference_cells``."""

    page: TaskPage
    tables: tuple[Table, ...]
    beside: Sequence[Mapping[str, str]] = ()


def as_html(pages: Sequence[TaskPage], notes: Notes = NO_NOTES, costs: CostSession | None = None) -> str:
    """Return the leaderboard as one HTML page: filtered and sorted in the browser, readable on a phone and on paper.

    ``notes`` are the footnotes of published numbers, ``costs`` the session whose costs are drawn.
    """
    printed = [page.published for page in pages if page.published is not None]
    sections = [
        Section(
            page,
            tuple(_tables(page, notes, costs)),
            [cells for board in page.boards for cells in difference_cells(board, printed)],
        )
        for page in pages
    ]
    rows = [row for section in sections for table in section.tables for row in table.rows]
    filters = {
        "input": ("Input", _choices(row.input for row in rows)),
        "labels": ("Extra labels", ["none", *_choices(label for row in rows for label in row.labels)]),
        "trained": ("Trained on", _choices(row.trained for row in rows)),
        "recipe": ("Recipe", _choices(row.recipe for row in rows)),
    }
    return render("leaderboard.html", sections=sections, filters=filters, numbers=NUMBERS)


def _choices(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value}, key=lambda value: (len(value), value))


def _tables(page: TaskPage, notes: Notes, costs: CostSession | None) -> Iterable[Table]:
    for board in page.boards:
        yield _measured(board, costs)
    for document, rows in page.printed:
        yield _published(rows, f"Published in {document}" if document else "Published", table_footnotes(rows, notes))


def _measured(board: Board, costs: CostSession | None) -> Table:
    main, *others = board.measures
    columns = {name: column for name, column in leading_columns(board, full=True).items() if name != "method"}
    rank = {name: columns.pop(name) for name in ("rank",) if name in columns}
    ends = [end for row in board.rows if not row.record.control for end in row.values[main].extent]
    low = min(ends, default=0.0)
    high = max([*ends, low + 0.01])

    def place(share: float) -> float:
        return float(round(100 * (share - low) / (high - low), 2))

    def row_of(row: BoardRow) -> Row:
        value = row.values[main]
        bar = None
        if value.interval and not row.record.control:  # the oracle's 100 % would leave no room for the methods
            bar = place(value.interval.low), place(value.mean), place(value.interval.high)
        return Row(
            name=row.shown_name,
            cells=(
                _value(value),
                Cell("", repr(value.mean), bar=bar),
                *(Cell(column.text(row), column.key(row)) for column in rank.values()),
                *(_value(row.values[measure]) for measure in others),
                *(Cell(column.text(row), column.key(row)) for column in columns.values()),
            ),
            notes=tuple(dict.fromkeys(row_notes(row))),
            kind="measured",
            labels=row.record.extra_labels,
            input=row.record.size_text,
            trained=elsewhere(row.record),
            recipe=row.record.recipe,
            group=CONTROLS if row.record.control else group_of(row.record),
        )

    first = board.rows[0].record
    return Table(
        caption="Measured" if board.official else "Measured, not official",
        facts=_facts(board, first),
        heads=(
            Head(heading(main)),
            Head("95 % interval"),
            *(Head(name, column.words, column.best) for name, column in rank.items()),
            *(Head(heading(measure)) for measure in others),
            *(Head(name, column.words, column.best) for name, column in columns.items()),
        ),
        rows=tuple(map(row_of, board.rows)),
        pictures={
            PICTURES[name]: draw_picture(board, name, costs).decode().replace(NAMESPACE, "")
            for name in drawable(board, costs)
            if name in PICTURES  # intervals are in the rows
        },
    )


def _facts(board: Board, first: Record) -> str:
    parts = [f"Fingerprint {board.fingerprint[:16]}", f"version {first.version}", f"{first.queries} queries"]
    if first.ignored_queries:
        parts.append(f"{first.ignored_queries} of them without a positive")
    if first.draws:
        parts.append(f"{first.draws} draws")
    return ", ".join(parts)


def _value(value: BoardValue) -> Cell:
    return Cell(percent(value.mean, value.deviation), repr(value.mean), value.mark, interval_text(value.interval))


def _published(rows: Sequence[PublishedRow], caption: str, footnotes: TableFootnotes) -> Table:
    measures = measures_of(rows)
    settings = {name: cell for name, cell in PUBLISHED_SETTING.items() if any(cell(row) for row in rows)}
    digits = {
        measure: max(len(row.numbers[measure].shown.partition(".")[2]) for row in rows if measure in row.numbers)
        for measure in measures
    }
    return Table(
        caption=caption,
        facts="",
        heads=(
            *(Head(PUBLISHED_HEADINGS[measure]) for measure in measures),
            *(Head(name, name not in ("input", "width"), "low") for name in settings),
            Head("printed as", words=True),
            Head("printed in", words=True),
        ),
        rows=tuple(
            Row(
                name=row.row.method_name,
                cells=(
                    *(
                        Cell(aligned(shown, digits[measure]), shown, noted=(place, measure) in footnotes.marks)
                        for measure in measures
                        for shown in [row.numbers[measure].shown if measure in row.numbers else ""]
                    ),
                    *(Cell(cell(row)) for cell in settings.values()),
                    Cell(" / ".join(row.names)),
                    Cell("; ".join(row.sources)),
                ),
                notes=tuple(
                    f"{PUBLISHED_HEADINGS[measure]} {row.numbers[measure].shown}: {footnotes.notes[mark - 1].text}"
                    for measure in measures
                    for mark in footnotes.marks.get((place, measure), ())
                ),
                kind="published",
                labels=tuple(sorted(SUPERVISION.get(word, word) for word in row.row.supervision)),
                input=PUBLISHED_SETTING["input"](row),
                trained=row.row.train_on,
                recipe="",
            )
            for place, row in enumerate(rows)
        ),
    )


def aligned(number: str, decimals: int) -> str:
    """Return a number followed by spaces for the decimals that it lacks, so that points stand below each other."""
    whole, point, after = number.partition(".")
    if not number or not decimals:
        return number
    return f"{whole}{point or POINT_SPACE}{after}{FIGURE_SPACE * (decimals - len(after))}"
