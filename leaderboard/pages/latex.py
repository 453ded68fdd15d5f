"""The tables of the leaderboard as LaTeX for the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.measures import heading
from harness.scoring.tables import group_of, plain
from leaderboard.boards import Board, BoardValue
from leaderboard.pages.columns import COLUMNS, grouping_columns
from leaderboard.pages.paper_differences import QUANTITIES
from leaderboard.pages.task_pages import PUBLISHED_HEADINGS, PUBLISHED_SETTING, TaskPage
from leaderboard.published.tables import PublishedRow, PublishedTable

ESCAPES = {
    **{character: rf"\{character}" for character in "{}$&%#_"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "[": "{[}", "*": "{*}",  # at the start of a row LaTeX would read it as an argument of the row before, like a star
}  # fmt: skip


MARKS = {"best": r"\textbf", "second": r"\underline"}

PRINTED: Mapping[str, Callable[[PublishedRow], object]] = {
    "method": lambda row: row.row.method_name,
    **PUBLISHED_SETTING,
    "input": lambda row: row.row.input_size or "",
    "notes": lambda row: row.notes,  # with the corrections, since there are no footnotes
    "printed in": lambda row: "; ".join(row.sources),
}
"""The columns of published rows besides the measures, as plain text."""

CHOICES = tuple(dict.fromkeys((*COLUMNS, *PRINTED)))
"""The columns besides the measures that can be chosen."""
RIGHT = {"epochs", *(name for name, column in COLUMNS.items() if not column.words)}


@dataclass(frozen=True)
class LatexColumn:
    """A column of a LaTeX table.

    Attributes:
        heading: its heading, escaped.
        layout: its letters in the head of ``tabular``; a number takes two columns, which meet at the decimal point, and
            its interval a third.
        cells: the escaped cells of each row, as many as the layout has columns.
    """

    heading: str
    layout: str
    cells: tuple[tuple[str, ...], ...]

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return not any(cell for cells in self.cells for cell in cells)


def latex_escape(text: object) -> str:
    """Return a text as LaTeX without commands."""
    return re.sub("|".join(map(re.escape, ESCAPES)), lambda match: ESCAPES[match[0]], plain(text))


def as_latex(pages: Sequence[TaskPage], columns: Sequence[str] = (), *, part: bool = False) -> str:
    """Return all tables; the best value of a column is bold, the second best underlined.

    Args:
        pages: the tasks with their measured and published rows.
        columns: words of ``CHOICES`` and of measures, in order; a table leaves out those of which it has no value.
            Without any, these are rank, method and measures, and for published rows also where they are printed.
        part: whether the rows are a part of the measured ones; the captions then say so of the ranks.
    """
    named = columns if not columns or "method" in columns else ("method", *columns)
    parts = [r"% Written by bench leaderboard. Needs \usepackage{booktabs}."]
    for page in pages:
        parts += [_board(board, named, part=part) for board in page.boards]
        if page.published:
            parts.append(_published(page.published, named))
    return "\n\n".join(parts) + "\n"


def _board(board: Board, columns: Sequence[str], *, part: bool) -> str:
    rows, shown = board.rows, columns or ("rank", "method", *grouping_columns(board), *board.measures)
    found = [
        _numbers(heading(word), [_value(row.values[word]) for row in rows])
        if word in board.measures
        else _words(word, [COLUMNS[word].text(row) for row in rows])
        for word in shown
        if word in board.measures or word in COLUMNS
    ]
    main = board.measures[0]
    says = ["" if board.official else ", not official"]
    if part and "rank" in shown:
        says.append("; ranks are among all measured methods")
    if main not in shown:
        says.append(f"; ordered{' and ranked' if 'rank' in shown else ''} by {heading(main)}")
    groups = [(row.record.control, group_of(row.record)) for row in rows] if grouping_columns(board) else []
    return _table(found, f"{board.task}, measured{''.join(says)}", groups)


def _published(table: PublishedTable, columns: Sequence[str]) -> str:
    rows = table.rows
    chosen = dict.fromkeys(QUANTITIES.get(word, word) for word in columns)
    found = [
        _numbers(PUBLISHED_HEADINGS[word], [_printed(row, word) for row in rows])
        if word in table.measures
        else _words(word, [PRINTED[word](row) for row in rows])
        for word in chosen or ("method", *table.measures, "printed in")
        if word in table.measures or word in PRINTED
    ]
    return _table(found, f"{table.name}, published")


def _words(name: str, texts: Sequence[object]) -> LatexColumn:
    return LatexColumn(
        latex_escape(name), "r" if name in RIGHT else "l", tuple((_ranged(name, text),) for text in texts)
    )


def _ranged(name: str, text: object) -> str:
    """Return an escaped cell; a range of ranks has a dash of its own."""
    return latex_escape(text).replace("-", "--") if name == "rank" else latex_escape(text)


def _numbers(name: str, cells: Sequence[tuple[str, str, str]]) -> LatexColumn:
    """Return a column of numbers with their decimal points below each other, with their intervals if there are any."""
    if any(interval for _, _, interval in cells):
        return LatexColumn(latex_escape(name), "r@{}l@{~}l", tuple(cells))
    return LatexColumn(latex_escape(name), "r@{}l", tuple((whole, decimals) for whole, decimals, _ in cells))


def _value(value: BoardValue) -> tuple[str, str, str]:
    """Return what stands before the decimal point, the rest, and the interval."""
    whole, decimals = (_marked(part, value.mark) for part in _at_the_point(f"{100 * value.mean:.2f}"))
    found = value.interval
    return whole, decimals, rf"{{\scriptsize [{100 * found.low:.1f}, {100 * found.high:.1f}]}}" if found else ""


def _printed(row: PublishedRow, measure: str) -> tuple[str, str, str]:
    return (*_at_the_point(row.numbers[measure].shown), "") if measure in row.numbers else ("", "", "")


def _at_the_point(number: str) -> tuple[str, str]:
    whole, point, decimals = number.partition(".")
    return whole, point + decimals


def _marked(text: str, mark: str) -> str:
    return f"{MARKS[mark]}{{{text}}}" if mark in MARKS and text else text


def _table(columns: Sequence[LatexColumn], caption: str, groups: Sequence[object] = ()) -> str:
    """Return a table, with a rule before each row whose group is another than that of the row above."""
    shown = [column for column in columns if not column.empty]
    headings = [_heading(column) for column in shown]
    lines = [_line([cell for cells in row for cell in cells]) for row in zip(*(c.cells for c in shown), strict=True)]
    for place in range(len(groups) - 1, 0, -1):
        if groups[place] != groups[place - 1]:
            lines.insert(place, r"\midrule")
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{latex_escape(caption)}}}",
            rf"\begin{{tabular}}{{{''.join(column.layout for column in shown)}}}",
            r"\toprule",
            _line(headings),
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _heading(column: LatexColumn) -> str:
    span = len(column.cells[0])
    return column.heading if span == 1 else rf"\multicolumn{{{span}}}{{c}}{{{column.heading}}}"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
