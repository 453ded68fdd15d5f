"""The leaderboard for other programs: rows as JSON and CSV, tables as LaTeX."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

from harness.measures import heading
from leaderboard.boards import Board, Row, Value
from leaderboard.page import PUBLISHED_HEADINGS, TaskPage
from leaderboard.published.merged import PublishedTable
from leaderboard.statistics.intervals import Interval

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # at the start of a row it would be an argument of the row before, as would a star
    "*": "{*}",
}


def measured_rows(boards: Sequence[Board]) -> list[dict[str, object]]:
    """Return the measured rows, every digit of them."""
    return [_measured(board, row) for board in boards for row in board.rows]


def _measured(board: Board, row: Row) -> dict[str, object]:
    record = row.record
    return {
        "task": board.task,
        "fingerprint": board.fingerprint,
        "official": board.official,
        "method": record.method,
        "variant": record.variant,
        "recipe": record.recipe,
        "rerank": None if record.rerank is None else record.rerank.values,
        "train_on": record.train_on,
        "control": record.control,
        "rank": row.rank,
        "runs": [one.run for one in row.records],
        "seeds": [one.seed for one in row.records],
        "width": record.width,
        "input_size": record.input_size,
        "parameters": record.parameters,
        "queries": record.queries,
        "ignored_queries": record.ignored_queries,
        "ties": record.ties,
        "measures": {measure: row.values[measure].mean for measure in board.measures},
        "intervals": {measure: _intervals(row.values[measure]) for measure in board.measures},
        "marks": {measure: row.values[measure].mark for measure in board.measures if row.values[measure].mark},
    }


def _intervals(value: Value) -> dict[str, list[float]]:
    named: dict[str, Interval | None] = {"vehicles": value.vehicles, "draws": value.draws, "seeds": value.seeds}
    return {name: [found.low, found.high] for name, found in named.items() if found is not None}


def published_rows(tables: Sequence[PublishedTable]) -> list[dict[str, object]]:
    """Return the published rows; values in percent with the printed digits."""
    return [
        {
            "task": table.name,
            "method": row.row.method,
            "variant": row.row.variant,
            "printed": row.row.printed,
            "input_size": row.row.input_size,
            "width": row.row.width,
            "supervision": list(row.supervision),
            "values": {measure: row.numbers[measure].shown for measure in table.measures if measure in row.numbers},
            "sources": row.sources,
            "notes": row.notes,
        }
        for table in tables
        for row in table.rows
    ]


def as_json(boards: Sequence[Board], tables: Sequence[PublishedTable]) -> str:
    """Return all rows as one JSON object."""
    content = {"measured": measured_rows(boards), "published": published_rows(tables)}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def as_csv(boards: Sequence[Board], tables: Sequence[PublishedTable]) -> str:
    """Return all numbers as CSV, one line a number, in percent; published ones have a source and no interval."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["kind", "task", "method", "variant", "rerank", "measure", "value", "low", "high", "rank", "control", "source"]
    )
    for board in boards:
        for row in board.rows:
            for measure in board.measures:
                value = row.values[measure]
                ends = [repr(100 * value.vehicles.low), repr(100 * value.vehicles.high)] if value.vehicles else ["", ""]
                about = [row.record.method, row.record.variant, str(row.record.rerank or ""), measure]
                about += [repr(100 * value.mean), *ends]
                tail = [
                    "" if row.rank is None else row.rank,
                    int(row.record.control),
                    " ".join(r.run for r in row.records),
                ]
                writer.writerow([_inert(cell) for cell in ("measured", board.task, *about, *tail)])
    for table in tables:
        for printed in table.rows:
            for measure, number in printed.numbers.items():
                about = [printed.row.method, printed.row.variant, "", measure, number.shown, "", "", "", "0"]
                writer.writerow([_inert(c) for c in ("published", table.name, *about, "; ".join(printed.sources))])
    return text.getvalue()


def _inert(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def latex_escape(text: object) -> str:
    """Return a text as LaTeX in which nothing is a command."""
    line = "".join(character if character.isprintable() else "?" for character in " ".join(str(text).split()))
    return re.sub("|".join(map(re.escape, LATEX)), lambda match: LATEX[match[0]], line)


def as_latex(pages: Sequence[TaskPage]) -> str:
    """Return all tables as LaTeX for the package booktabs; bold is the best, underlined the second best."""
    parts = [r"% Written by bench leaderboard. Needs \usepackage{booktabs}."]
    for page in pages:
        parts += [_latex_board(board) for board in page.boards]
        if page.published:
            parts.append(_latex_published(page.published))
    return "\n\n".join(parts) + "\n"


def _latex_board(board: Board) -> str:
    rows = [
        [
            "" if row.rank is None else str(row.rank),
            latex_escape(f"({row.record.method_name})" if row.record.control else row.record.method_name),
            *(_latex_value(row.values[measure]) for measure in board.measures),
        ]
        for row in board.rows
    ]
    headings = ["rank", "method", *(latex_escape(heading(measure)) for measure in board.measures)]
    return _latex_table(
        "rl" + "r" * len(board.measures),
        headings,
        rows,
        f"{board.task}, measured" + ("" if board.official else ", not official"),
    )


def _latex_value(value: Value) -> str:
    text = f"{100 * value.mean:.2f}"
    if value.vehicles:
        text += rf" {{\scriptsize [{100 * value.vehicles.low:.1f}, {100 * value.vehicles.high:.1f}]}}"
    return {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}"}.get(value.mark, text)


def _latex_published(table: PublishedTable) -> str:
    rows = [
        [
            latex_escape(row.row.method_name),
            *(row.numbers[measure].shown if measure in row.numbers else "" for measure in table.measures),
            latex_escape("; ".join(row.sources)),
        ]
        for row in table.rows
    ]
    headings = ["method", *(PUBLISHED_HEADINGS[measure] for measure in table.measures), "printed in"]
    return _latex_table("l" + "r" * len(table.measures) + "l", headings, rows, f"{table.name}, published")


def _latex_table(layout: str, headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    lines = [" & ".join(row) + r" \\" for row in (headings, *rows)]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{latex_escape(caption)}}}",
            rf"\begin{{tabular}}{{{layout}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
