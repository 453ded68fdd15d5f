"""Counts that tell whether a copy of a data set agrees with the release."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.data.dataset import Dataset
from harness.tasks.relevance import RowLists
from harness.tasks.rules import relevance
from harness.tasks.task import Task


def counts(task: Task, dataset: Dataset) -> dict[str, int]:
    """Return a task's counts on a data set; for a rule with draws, those of the first draw.

    Returns:
        ``queries``, ``gallery images``, ``gallery units``, ``vehicles`` (of the queries), ``positives`` and
        ``ignored`` (pairs of query and unit).
    """
    draws = task.rule.draws
    if draws is not None:
        task = replace(task, rule=replace(task.rule, draws=replace(draws, count=1)))
    found = relevance(task, dataset)
    queried, ranked = np.ones(found.queries, dtype=bool), np.ones(found.units, dtype=bool)
    if found.draws:
        queried[:], ranked[:] = False, False
        queried[found.draws[0].queries] = True
        ranked[found.draws[0].units] = True
    images = ranked if found.unit_of is None else ranked[found.unit_of]
    return {
        "queries": int(queried.sum()),
        "gallery images": int(images.sum()),
        "gallery units": int(ranked.sum()),
        "vehicles": len(np.unique(dataset.split(task.query).vehicle[queried])),
        "positives": _pairs(found.positives, queried, ranked),
        "ignored": _pairs(found.ignored, queried, ranked),
    }


def differences(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """Return the reasons why a result of the task on this data set is not official; empty if it is."""
    if task.convention:
        return (f"the task is asked under the convention '{task.convention}', not its official rule",)
    if not task.released:
        return ("the task has no released counts to compare with",)
    found = counts(task, dataset)
    counted = [
        f"{word}: {found.get(word, 'unknown')} instead of {expected}"
        for word, expected in task.released.items()
        if found.get(word) != expected
    ]
    departures = [sentence for split in (task.query, task.gallery) for sentence in dataset.departures.get(split, ())]
    return tuple(dict.fromkeys([*counted, *departures]))


def _pairs(lists: RowLists, queried: npt.NDArray[np.bool_], ranked: npt.NDArray[np.bool_]) -> int:
    """Return the number of listed pairs of a query and a unit that are both used."""
    return int((np.repeat(queried, lists.sizes) & ranked[lists.units]).sum())
