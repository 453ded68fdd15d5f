"""Tasks under their conventions, and which of them a data set can serve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.data.dataset import Dataset
from harness.errors import BenchError, DataError, unknown_name
from harness.tasks.reranking import Reranking, undefined
from harness.tasks.rules import refuse_unknown_labels
from harness.tasks.task import Task

WITHOUT_CAMERAS = "no-camera-rule"
"""The convention that takes a task's place on a copy of the data set that knows no cameras."""

ALL = "all"


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
