"""Tasks under their conventions: which of them a data set can serve, and how far each is from the official number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import BenchError, DataError, unknown_name
from harness.protocol import Dataset, Task
from harness.reranking import Reranking, undefined
from harness.rules import refuse_unknown_labels

WITHOUT_CAMERAS = "no-camera-rule"
"""The convention that takes a task's place on a copy of the data set that knows no cameras."""

ALL = "all"


@dataclass(frozen=True)
class Comparison:
    """What the same features are reported as under one convention.

    Attributes:
        task: the official task's name.
        convention: its name, empty for the official rule.
        about: what the convention changes.
        values: by the official task's measure words, the value of the measure that the convention has in its place.
        differences: likewise, from the official value.
    """

    task: str
    convention: str
    about: str
    values: Mapping[str, float]
    differences: Mapping[str, float]


def with_conventions(tasks: Iterable[Task], words: Sequence[str]) -> list[Task]:
    """Return each task, followed by itself under each of the conventions named.

    Args:
        tasks: of a protocol; those that follow a convention already stay alone.
        words: names of conventions, or ``all``; a task without a convention of that name is passed over.

    Raises:
        UsageError: none of the tasks has a convention of one of the names.
    """
    official = list(tasks)
    known = {name for task in official for name in task.conventions}
    for word in words:
        if word != ALL and word not in known:
            raise unknown_name("convention", word, known)
    expanded = []
    for task in official:
        expanded.append(task)
        expanded += [task.under(name) for name in task.conventions if ALL in words or name in words]
    return expanded


def serve(
    tasks: Iterable[Task], dataset: Dataset, rerank: Reranking | None = None
) -> tuple[list[Task], dict[str, BenchError]]:
    """Return the tasks that a data set can serve, and the reasons for the others by name.

    A task that ignores by camera, on a copy that knows no cameras, is served under its convention
    ``no-camera-rule`` where it has one; the name says so, and its result is never official. With ``rerank`` only
    tasks that re-ranking is defined for are served.
    """
    served: dict[str, Task] = {}
    lost: dict[str, BenchError] = {}
    for task in tasks:
        problem = _problem(task, dataset, rerank)
        if problem is None:
            served.setdefault(task.name, task)
            continue
        lost[task.name] = problem
        if WITHOUT_CAMERAS in task.conventions:
            instead = task.under(WITHOUT_CAMERAS)
            if _problem(instead, dataset, rerank) is None:
                served.setdefault(instead.name, instead)
    return list(served.values()), lost


def _problem(task: Task, dataset: Dataset, rerank: Reranking | None) -> BenchError | None:
    """Return why a task cannot be asked in this way, or None where it can."""
    return (undefined(task) if rerank is not None else None) or unavailable(task, dataset)


def unavailable(task: Task, dataset: Dataset) -> DataError | None:
    """Return why a data set cannot serve a task, or None where it can."""
    for name in (task.name, task.official_name):
        if name in dataset.unavailable:
            return dataset.unavailable[name]
    try:
        refuse_unknown_labels(task, dataset)
    except DataError as problem:
        return problem
    return None


def compare(tasks: Iterable[Task], means: Mapping[str, Mapping[str, float]]) -> list[Comparison]:
    """Return one row a task that has a value, in the tasks' order.

    Args:
        tasks: official ones and their conventions.
        means: by task name the mean of each measure by word.

    Returns:
        Differences are empty where the official task has no value.
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
    """Return comparisons as one Markdown table: what is reported in percent, and the difference in points."""
    from harness.tables import escape, heading, table

    words = list(dict.fromkeys(word for row in rows for word in row.values))
    cells = [
        {
            "task": escape(row.task),
            "reported as": escape(row.convention or "official rule"),
            **{heading(word): _cell(row, word) for word in words},
            "what it changes": escape(row.about) if row.convention else "",
        }
        for row in rows
    ]
    return table(cells, right=map(heading, words))


def _cell(row: Comparison, word: str) -> str:
    if word not in row.values:
        return ""
    value = f"{100 * row.values[word]:.2f}"
    if not row.convention or word not in row.differences:
        return value
    return f"{value} ({100 * row.differences[word]:+.2f})"
