"""The lists of a protocol: which images a role has, in which order, and whether a file's labels agree with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.errors import FeatureError, UsageError, unknown_name
from harness.tasks.conventions import serve_some
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
    return list(dict.fromkeys(path for table in tables_of(tasks, dataset) for path in table.paths))


def tables_of(tasks: Iterable[Task], dataset: Dataset) -> list[ImageTable]:
    """Return the lists of all images that the tasks compare, each once.

    Raises:
        DataError: as ``wanted``.
    """
    served, _ = serve_some(tasks, dataset)
    names = dict.fromkeys(name for task in served for name in (task.query, task.gallery))
    return [dataset.split(name) for name in names]


class Column(NamedTuple):
    """Labels as a file has them.

    Attributes:
        label: what they are: ``vehicle`` or ``camera``.
        name: of the array or list in the file.
        texts: (n,) one a row.
    """

    label: str
    name: str
    texts: tuple[str, ...]


def check_labels(
    columns: Iterable[Column], table: ImageTable, *, where: str, rows: IntArray | None = None
) -> list[str]:
    """Compare the labels of a file's rows with those of a list, and return notes.

    Cameras may be numbered from 0 where the list numbers them from 1, or the reverse; that is a note.

    Args:
        columns: all labels of the file.
        table: the list, of n images.
        where: the file, for messages.
        rows: (n,) the row of each image, -1 if it has none; None if the rows are in the order of the list.

    Raises:
        FeatureError: a label differs; the first row is named.
    """
    agreed = []
    for label, name, texts in columns:
        expected = _texts(table, label)
        if expected is None:
            continue
        placed = range(len(table)) if rows is None else rows.tolist()
        if len(texts) <= max(placed, default=-1) or (rows is None and len(texts) > len(table)):
            raise FeatureError(
                f"the file has another number of {label}s ('{name}') than images",
                where=where,
                found=len(texts),
                expected=len(placed),
            )
        compared = [(image, row) for image, row in enumerate(placed) if row >= 0 and expected[image] is not None]
        pairs = [(texts[row], str(expected[image])) for image, row in compared]
        wrong = [number for number, pair in enumerate(pairs) if not _equal(*pair)]
        words = f"{label}s ('{name}')"
        if not wrong:
            agreed += [words] if pairs else []
            continue
        moved = _moved(pairs) if label == "camera" and not table.names.get(label) else 0
        if moved:
            agreed.append(f"{words[:-1]}; the list's numbers are {abs(moved)} {_direction(moved)})")
            continue
        image, row = compared[wrong[0]]
        keyed = rows is not None
        raise FeatureError(
            f"the {label}s are not those of the list: "
            + ("the keys are of other rows" if keyed else "the rows are in another order, or of other images"),
            where=f"{where}, row {row + 1}",
            found=f"{label} {texts[row][:80]} in '{name}', and {len(wrong)} of {len(pairs)} rows differ",
            expected=f"{label} {expected[image]}, that of {table.paths[image]}",
            next_step=f"check that keys and rows go together; rename '{name}' if it does not hold the {label}s"
            if keyed
            else "put the rows in the order that 'bench protocols keys' prints, or give their keys",
        )
    how = "row by row" if rows is None else "image by image"
    return [f"{' and '.join(agreed)} of {where} agree with the list, {how}"] if agreed else []


def _texts(table: ImageTable, label: str) -> list[str | None] | None:
    """Return the labels of a list as texts, None where one is unknown; None if the list has none."""
    column = table.label(label)
    if column is None:
        return None
    names = table.names.get(label, {})
    return [None if number == UNKNOWN else names.get(number, str(number)) for number in column.tolist()]


def _equal(given: str, expected: str) -> bool:
    return given == expected or (given.isdecimal() and expected.isdecimal() and int(given) == int(expected))


def _moved(pairs: Iterable[tuple[str, str]]) -> int:
    """Return 1 or -1 if every number of the list is greater or less by one than the one given, else 0."""
    steps = {int(known) - int(given) if given.isdecimal() else 0 for given, known in pairs}
    return steps.pop() if steps in ({1}, {-1}) else 0


def _direction(moved: int) -> str:
    return "greater" if moved > 0 else "less"
