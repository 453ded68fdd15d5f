"""A matrix in words: one table for the terminal, the same as a Markdown page, and all numbers as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.measures import heading
from harness.scoring.tables import escape, plain, table
from leaderboard.across.plan import ALL_OTHERS, MatrixPlan, TestedSet
from leaderboard.across.results import CellResult, ResultRow
from leaderboard.pages.columns import interval_text

SCHEMA = 1
"""The schema of the JSON; increased when a field changes its meaning."""

SEEN, UNSAID = "*", "?"
"""Behind a number: its weights have seen training images of this data set; nobody says what they have seen."""


def matrix_text(plan: MatrixPlan, rows: Sequence[ResultRow]) -> str:
    """Return a matrix for a terminal: the table, and a line for everything that a reader must know."""
    return _text(plan, rows, plain)


def matrix_markdown(plan: MatrixPlan, rows: Sequence[ResultRow]) -> str:
    """Return a matrix as a Markdown page; whatever is in a name is shown as text."""
    return f"# Across data sets\n\n{_text(plan, rows, escape)}\n"


def _text(plan: MatrixPlan, rows: Sequence[ResultRow], shown: Callable[[object], str]) -> str:
    several = any(len(cell.seeds) > 1 for row in rows for cell in row.cells)
    headings = [_heading(tested, rows, number) for number, tested in enumerate(plan.sets)]
    problems: dict[str, int] = {}
    lines = []
    for row in rows:
        line = {"method": shown(row.name)}
        if any(one.recipe for one in rows):
            line["recipe"] = shown(row.recipe)
        line["trained on"] = shown(row.training)
        if any(cell.weights for one in rows for cell in one.cells):
            line["weights from"] = shown(next((_apart(cell.weights) for cell in row.cells if cell.weights), ""))
        if several:
            line["seeds"] = str(max(len(cell.seeds) for cell in row.cells))
        for title, tested, cell in zip(headings, plan.sets, row.cells, strict=True):
            line[title] = shown(_cell(cell, tested, problems))
        lines.append(line)
    notes = [f"- {shown(note)}" for note in (*_legend(rows), *_of_sets(plan, rows))]
    notes += [f"- ({number}) {shown(note)}" for note, number in problems.items()]
    return "\n".join([table(lines, right=headings, shown=shown), "", *notes])


def _apart(weights: str) -> str:
    """Return what given weights have seen, without the mark that depends on the column."""
    return weights.partition(" (")[0]


def _heading(tested: TestedSet, rows: Sequence[ResultRow], number: int) -> str:
    words = [record.ranked_by for row in rows for record in row.cells[number].records]
    words += tested.task.measures[:1] if tested.task else ()
    return f"{tested.word} {heading(words[0])}" if words else tested.word


def _cell(cell: CellResult, tested: TestedSet, problems: dict[str, int]) -> str:
    """Return the text of a cell; why it is not done is added to ``problems``, which are numbered."""
    number = ""
    if cell.state in ("failed", "impossible", "partly") and cell.note:
        number = f" ({problems.setdefault(f'{tested.word}: {cell.note}', len(problems) + 1)})"
    if not cell.values:
        return ("-" if cell.state == "impossible" else cell.state) + number
    value = cell.values[cell.records[0].ranked_by]
    mark = {"this data set": SEEN, "not said": UNSAID, "others": ""}[cell.seen]
    return f"{100 * value.mean:.2f}{mark} {interval_text(value.interval)}{number}"


def _legend(rows: Sequence[ResultRow]) -> Iterator[str]:
    cells = [cell for row in rows for cell in row.cells if cell.values]
    if cells:
        yield "In brackets: the 95 % interval over vehicles, and over seeds and draws where there are several."
    if any(cell.seen == "this data set" for cell in cells):
        yield f"{SEEN} The weights have seen training images of this data set."
    if any(cell.seen == "not said" for cell in cells):
        yield f"{UNSAID} Nobody says what the given weights have seen (say it with trained-on)."
    if any(row.training == ALL_OTHERS for row in rows):
        yield f"{ALL_OTHERS}: trained on all training sets together but the one that is tested."


def _of_sets(plan: MatrixPlan, rows: Sequence[ResultRow]) -> Iterator[str]:
    """Yield what is to be known of each data set: the task, its queries, and why a number is not official."""
    for number, tested in enumerate(plan.sets):
        records = [record for row in rows for record in row.cells[number].records]
        if not records:
            continue
        every = [reason for reason in records[0].differences if all(reason in one.differences for one in records)]
        some = dict.fromkeys(reason for one in records for reason in one.differences if reason not in every)
        reasons = [*every, *(f"in some rows {reason}" for reason in some)]
        official = f"not official: {'; '.join(reasons)}" if reasons else "official"
        yield f"{tested.word}: {records[0].name}, {records[0].queries} queries, {official}."


def matrix_json(plan: MatrixPlan, rows: Sequence[ResultRow]) -> dict[str, Any]:
    """Return a matrix as JSON values: its data sets, and of each cell all measures, seeds and records."""
    return {
        "schema": SCHEMA,
        "kind": "matrix",
        "on": [_set_json(tested, rows, number) for number, tested in enumerate(plan.sets)],
        "rows": [
            {
                "method": row.name,
                "recipe": row.recipe,
                "training": row.training,
                "cells": [_cell_json(cell, tested) for cell, tested in zip(row.cells, plan.sets, strict=True)],
            }
            for row in rows
        ],
    }


def _set_json(tested: TestedSet, rows: Sequence[ResultRow], number: int) -> dict[str, Any]:
    records = [record for row in rows for record in row.cells[number].records]
    first = records[0] if records else None
    return {
        "word": tested.protocol.word if tested.word.endswith(".toml") else tested.word,
        "protocol": tested.protocol.name,
        "task": tested.task.name if tested.task else None,
        "ranked_by": first.ranked_by if first else None,
        "fingerprint": first.fingerprint if first else None,
        "queries": first.queries if first else None,
    }


def _cell_json(cell: CellResult, tested: TestedSet) -> dict[str, Any]:
    return {
        "on": tested.protocol.name,
        "train_on": list(cell.train_on),
        "state": cell.state,
        "note": cell.note,
        "seen": cell.seen,
        "weights": cell.weights,
        "seeds": list(cell.seeds),
        "official": bool(cell.records) and all(record.official for record in cell.records),
        "measures": {
            word: {"mean": value.mean, "low": value.interval.low, "high": value.interval.high}
            for word, value in cell.values.items()
        },
        "records": [record.digest for record in cell.records],
    }
