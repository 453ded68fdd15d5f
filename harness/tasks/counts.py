"""The counts by which a data set at hand is known to be the released one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.data.dataset import Dataset
from harness.tasks.relevance import RowLists
from harness.tasks.rules import relevance
from harness.tasks.task import Task


def counts(task: Task, dataset: Dataset) -> dict[str, int]:
    """Return the task's counts on the data set at hand; where the rule draws, those of the first draw.

    Returns:
        ``queries``, ``gallery images``, ``gallery units``, ``vehicles`` (of the queries), ``positives`` and
        ``ignored`` (pairs of a query and a unit).

    Raises:
        DataError: as ``harness.tasks.rules.relevance``.
    """
    draws = task.rule.draws
    if draws is not None:
        task = replace(task, rule=replace(task.rule, draws=replace(draws, count=1)))
    found = relevance(task, dataset)
    asked, answering = np.ones(found.queries, dtype=bool), np.ones(found.units, dtype=bool)
    if found.draws:
        asked[:], answering[:] = False, False
        asked[found.draws[0].queries] = True
        answering[found.draws[0].units] = True
    images = answering if found.unit_of is None else answering[found.unit_of]
    return {
        "queries": int(asked.sum()),
        "gallery images": int(images.sum()),
        "gallery units": int(answering.sum()),
        "vehicles": len(np.unique(dataset.split(task.query).vehicle[asked])),
        "positives": _pairs(found.positives, asked, answering),
        "ignored": _pairs(found.ignored, asked, answering),
    }


def differences(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """Return what keeps a result of the task on this data set from being official; empty where nothing does.

    Raises:
        DataError: as ``harness.tasks.rules.relevance``.
    """
    if task.convention:
        return (f"the task is asked under the convention '{task.convention}', not its official rule",)
    if not task.released:
        return ("the task has no released counts to compare with",)
    found = counts(task, dataset)
    return tuple(
        f"{word}: {found.get(word, 'unknown')} instead of {expected}"
        for word, expected in task.released.items()
        if found.get(word) != expected
    )


def _pairs(lists: RowLists, asked: npt.NDArray[np.bool_], answering: npt.NDArray[np.bool_]) -> int:
    """Return the number of entries of asked queries that may answer."""
    return int((np.repeat(asked, lists.sizes) & answering[lists.units]).sum())
