"""The lists of a protocol: which images a role has, in which order, and whether a file's labels agree with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.errors import FeatureError, UsageError, unknown_name
from harness.tasks.conventions import serve
from harness.tasks.task import Task

TRAIN = "train"


def list_of(role: str, tasks: Sequence[Task], dataset: Dataset) -> ImageTable:
    """Return the images of ``query``, ``gallery``, ``train`` or any other split, in the order of the protocol's list.

    Raises:
        UsageError: no such split, or the tasks have different ones; the message names the tasks.
        DataError: the copy of the data set lacks it.
    """
    if role not in ("query", "gallery"):
        if role not in dataset.splits:
            raise unknown_name("split", role, {"query", "gallery", *dataset.splits})
        return dataset.split(role)
    names = {task.name: getattr(task, role) for task in tasks}
    if len(set(names.values())) > 1:
        raise UsageError(
            f"the protocol's tasks have different lists of '{role}'",
            found=", ".join(f"{task}: {name}" for task, name in names.items()),
            next_step="name one task with --protocol NAME/TASK",
        )
    return dataset.split(next(iter(names.values())))


def wanted(tasks: Iterable[Task], dataset: Dataset) -> list[str]:
    """Return the paths of all images that the tasks compare, each once, in the order of the lists.

    Raises:
        DataError: the copy of the data set serves none of the tasks.
    """
    served, lost = serve(tasks, dataset)
    if not served:
        raise next(iter(lost.values()))
    names = dict.fromkeys(name for task in served for name in (task.query, task.gallery))
    return list(dict.fromkeys(path for name in names for path in dataset.split(name).paths))


def check_labels(labels: Mapping[str, Sequence[str]], table: ImageTable, *, where: str) -> list[str]:
    """Compare the labels of rows with those of a list, row by row, and return notes.

    Cameras may be numbered from 0 where the list numbers them from 1, or the reverse; that is a note.

    Args:
        labels: (n,) texts by label.
        table: the list, of n images.
        where: the file, for messages.

    Raises:
        FeatureError: a label differs; the first row is named.
    """
    agreed = []
    for label, given in labels.items():
        column = table.label(label)
        if column is None:
            continue
        if len(given) != len(table):
            raise FeatureError(
                f"the file has another number of {label}s than the list",
                where=where,
                found=len(given),
                expected=len(table),
            )
        known = column != UNKNOWN
        numbers, names = column.tolist(), table.names.get(label, {})
        expected = [names.get(number, str(number)) for number in numbers]
        wrong = [row for row in np.flatnonzero(known).tolist() if not _equal(given[row], expected[row])]
        if not wrong:
            agreed.append(f"{label}s")
            continue
        moved = _moved(given, numbers, known.tolist()) if label == "camera" and not names else 0
        if moved:
            agreed.append(f"cameras (the list's numbers are {abs(moved)} {_direction(moved)})")
            continue
        row = wrong[0]
        raise FeatureError(
            f"the {label}s are not those of the list: the rows are in another order, or of other images",
            where=f"{where}, row {row + 1}",
            found=f"{label} {given[row][:80]}, and {len(wrong)} of {len(given)} rows differ",
            expected=f"{label} {expected[row]}, that of {table.paths[row]}",
            next_step="put the rows in the order that 'bench protocols keys' prints, or give their keys",
        )
    return [f"{' and '.join(agreed)} of {where} agree with the list, row by row"] if agreed else []


def _equal(given: str, expected: str) -> bool:
    return given == expected or (given.isdecimal() and expected.isdecimal() and int(given) == int(expected))


def _moved(given: Sequence[str], numbers: Sequence[int], known: Sequence[bool]) -> int:
    """Return 1 or -1 if every number of the list is greater or less by one than the one given, else 0."""
    steps = {
        number - int(text) if text.isdecimal() else 0
        for text, number, sure in zip(given, numbers, known, strict=True)
        if sure
    }
    return steps.pop() if steps in ({1}, {-1}) else 0


def _direction(moved: int) -> str:
    return "greater" if moved > 0 else "less"
