"""The same features scored under several conventions, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.tasks.task import Task


@dataclass(frozen=True)
class Comparison:
    """The values of one task under one convention, compared with the official values of the same features.

    Both are given by measure word. The convention is empty for the official rule.
    """

    task: str
    convention: str
    about: str
    values: Mapping[str, float]
    differences: Mapping[str, float]


def compare(tasks: Iterable[Task], means: Mapping[str, Mapping[str, float]]) -> list[Comparison]:
    """Return one row per task that has values, in the order of the tasks.

    The means are given by task name and measure word. Without official values a row has no differences.
    """
    known = {task.name: task for task in tasks}
    rows = []
    for task in known.values():
        if task.name not in means:
            continue
        official = known.get(task.official_name)
        words = official.measures if official is not None else task.measures
        mine = dict(zip(words, (means[task.name][word] for word in task.measures), strict=True))
        base = means.get(task.official_name, {})
        rows.append(
            Comparison(
                task.official_name,
                task.convention,
                task.about,
                mine,
                {word: value - base[word] for word, value in mine.items() if word in base},
            )
        )
    return rows


def comparison_table(rows: Sequence[Comparison]) -> str:
    """Return comparisons as one table for a terminal, with values in percent and differences in points."""
    from harness.measures import heading
    from harness.scoring.tables import plain, table

    words = list(dict.fromkeys(word for row in rows for word in row.values))
    cells = [
        {
            "task": plain(row.task),
            "reported as": plain(row.convention or "official rule"),
            **{heading(word): _cell(row, word) for word in words},
            "what it changes": plain(row.about) if row.convention else "",
        }
        for row in rows
    ]
    return table(cells, right=map(heading, words), shown=plain)


def _cell(row: Comparison, word: str) -> str:
    if word not in row.values:
        return ""
    value = f"{100 * row.values[word]:.2f}"
    if not row.convention or word not in row.differences:
        return value
    return f"{value} ({100 * row.differences[word]:+.2f})"
