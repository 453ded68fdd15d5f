"""Tasks under their conventions, and which of them a data set can serve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from harness.data.dataset import Dataset
from harness.errors import BenchError, DataError, unknown_name
from harness.tasks.rules import refuse_unknown_labels
from harness.tasks.task import Task

WITHOUT_CAMERAS = "no-camera-rule"
"""The convention that replaces a task on a copy of the data set without cameras."""

ALL = "all"

Refuse = Callable[[Task, Dataset], BenchError | None]


def with_conventions(tasks: Iterable[Task], words: Sequence[str]) -> list[Task]:
    """Return each task, followed by its variants under the named conventions.

    Tasks that already follow a convention get no variants. ``all`` names every convention.

    Raises:
        UsageError: no task has a convention of this name.
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
    tasks: Iterable[Task], dataset: Dataset, refuse: Refuse | None = None
) -> tuple[list[Task], dict[str, BenchError]]:
    """Return the tasks that a data set supports, and the errors of the other tasks by name.

    If a task ignores by camera and the copy has no cameras, its convention ``no-camera-rule`` is returned instead, if
    it has one; its name says so, and its result is never official. ``refuse`` returns why a task cannot be served for
    another reason, such as a step of post-processing that has no meaning for it.
    """
    served: dict[str, Task] = {}
    lost: dict[str, BenchError] = {}
    for task in tasks:
        problem = _problem(task, dataset, refuse)
        if problem is None:
            served.setdefault(task.name, task)
            continue
        lost[task.name] = problem
        if WITHOUT_CAMERAS in task.conventions:
            instead = task.under(WITHOUT_CAMERAS)
            if _problem(instead, dataset, refuse) is None:
                served.setdefault(instead.name, instead)
    return list(served.values()), lost


def serve_some(
    tasks: Iterable[Task], dataset: Dataset, refuse: Refuse | None = None
) -> tuple[list[Task], dict[str, BenchError]]:
    """Return what ``serve`` does, or raise the error of the first task if a data set can serve none of the tasks."""
    served, lost = serve(tasks, dataset, refuse)
    if not served:
        raise next(iter(lost.values()))
    return served, lost


def _problem(task: Task, dataset: Dataset, refuse: Refuse | None) -> BenchError | None:
    return (None if refuse is None else refuse(task, dataset)) or unavailable(task, dataset)


def unavailable(task: Task, dataset: Dataset) -> DataError | None:
    """Return why a data set does not support a task, or None if it does."""
    for name in (task.name, task.official_name):
        if name in dataset.unavailable:
            return dataset.unavailable[name]
    try:
        refuse_unknown_labels(task, dataset)
    except DataError as problem:
        return problem
    return None
