"""The tables of the leaderboard as LaTeX for the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.measures import heading
from leaderboard.boards import Board, BoardValue
from leaderboard.pages.task_pages import PUBLISHED_HEADINGS, TaskPage
from leaderboard.published.tables import PublishedTable

ESCAPES = {
    **{character: rf"\{character}" for character in "{}$&%#_"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "[": "{[}", "*": "{*}",  # at the start of a row LaTeX would read it as an argument of the row before, like a star
}  # fmt: skip


def latex_escape(text: object) -> str:
    """Return a text as LaTeX without commands."""
    line = "".join(character if character.isprintable() else "?" for character in " ".join(str(text).split()))
    return re.sub("|".join(map(re.escape, ESCAPES)), lambda match: ESCAPES[match[0]], line)


def as_latex(pages: Sequence[TaskPage]) -> str:
    """Return all tables; the best value of a column is bold, the second best underlined."""
    parts = [r"% Written by bench leaderboard. Needs \usepackage{booktabs}."]
    for page in pages:
        parts += [_board(board) for board in page.boards]
        if page.published:
            parts.append(_published(page.published))
    return "\n\n".join(parts) + "\n"


def _board(board: Board) -> str:
    rows = [
        [
            "" if row.ranks is None else str(row.ranks).replace("-", "--"),
            latex_escape(f"({row.record.method_name})" if row.record.control else row.record.method_name),
            *(_value(row.values[measure]) for measure in board.measures),
        ]
        for row in board.rows
    ]
    headings = ["rank", "method", *(latex_escape(heading(measure)) for measure in board.measures)]
    caption = f"{board.task}, measured" + ("" if board.official else ", not official")
    return _table("rl" + "r" * len(board.measures), [headings, *rows], caption)


def _value(value: BoardValue) -> str:
    text = f"{100 * value.mean:.2f}"
    if value.interval:
        text += rf" {{\scriptsize [{100 * value.interval.low:.1f}, {100 * value.interval.high:.1f}]}}"
    return {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}"}.get(value.mark, text)


def _published(table: PublishedTable) -> str:
    rows = [
        [
            latex_escape(row.row.method_name),
            *(row.numbers[measure].shown if measure in row.numbers else "" for measure in table.measures),
            latex_escape("; ".join(row.sources)),
        ]
        for row in table.rows
    ]
    headings = ["method", *(PUBLISHED_HEADINGS[measure] for measure in table.measures), "printed in"]
    return _table("l" + "r" * len(table.measures) + "l", [headings, *rows], f"{table.name}, published")


def _table(layout: str, rows: Sequence[Sequence[str]], caption: str) -> str:
    headings, *lines = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{latex_escape(caption)}}}",
            rf"\begin{{tabular}}{{{layout}}}",
            r"\toprule",
            headings,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
