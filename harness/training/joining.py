"""Joining the training images of several data sets into one, with vehicles, cameras and tracks kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import LABELS, NOBODY, UNKNOWN, ImageTable, IntArray
from harness.errors import DataError

APART = ("vehicle", "camera", "track")
"""Numbers of one data set that never mean the same as those of another, whatever they are called."""

KEPT = ("time",)
"""Numbers that are measured and need no others: clocks of different data sets are not compared."""


def join(datasets: Mapping[str, Dataset]) -> Dataset:
    """Return the training images of some data sets as one data set, whose only split is ``train``.

    A key is the name of its data set and the key there: ``veri776/image_train/0001_c001_00016450_0.jpg``. Vehicles,
    cameras and tracks get new numbers, so that no two data sets share one. Colours, types, models and views are one if
    their names are, whatever numbers they have; those without a name are kept apart too. What a data set does not know
    of its images stays unknown.

    Args:
        datasets: the data sets by name, in the order of the images.

    Raises:
        DataError: a data set has no training images.
    """
    tables = [training_images(name, dataset) for name, dataset in datasets.items()]
    numbers: dict[str, IntArray | None] = {"vehicle": _apart([table.vehicle for table in tables])}
    names: dict[str, Mapping[int, str]] = {}
    for label in LABELS:
        if all(table.label(label) is None for table in tables):
            numbers[label] = None
            continue
        columns = [_column(table, label) for table in tables]
        if label in KEPT:
            numbers[label] = np.concatenate(columns)
        elif label in APART:
            numbers[label] = _apart(columns)
        else:
            numbers[label], names[label] = _by_name(columns, [table.names.get(label, {}) for table in tables])
    paths = tuple(f"{name}/{path}" for name, table in zip(datasets, tables, strict=True) for path in table.paths)
    parts = list(datasets.values())
    return Dataset(
        root=Path(" + ".join(str(part.root) for part in parts)),
        splits={"train": ImageTable(paths, **numbers, names=names)},  # type: ignore[arg-type]  # no column is None that must not be
        notes=tuple(f"{name}: {note}" for name, part in datasets.items() for note in part.notes),
        formats=tuple(dict.fromkeys(word for part in parts for word in part.formats)),
        follow_links=False,
        parts=dict(datasets),
    )


def training_images(name: str, dataset: Dataset) -> ImageTable:
    """Return the training images of a data set, or raise a DataError that names its protocol if it has none."""
    table = dataset.splits.get("train")
    if table is None or not len(table):
        raise DataError(
            f"{name} has no training images",
            where=dataset.root,
            found=", ".join(dataset.splits) or "no split",
            expected="a split 'train'",
            next_step="train on other data sets, and test on this one",
        )
    return table


def _column(table: ImageTable, label: str) -> IntArray:
    column = table.label(label)
    return np.full(len(table), UNKNOWN, np.int64) if column is None else column


def _apart(columns: Sequence[IntArray]) -> IntArray:
    """Return new numbers from 0 on, those of each column behind all before; unknown ones and nobody's stay such."""
    joined, first, nobody = list[IntArray](), 0, NOBODY
    for column in columns:
        somebody = (column != UNKNOWN) & (column < NOBODY)
        known, strangers = np.unique(column[somebody]), np.unique(column[column >= NOBODY])
        new = np.full(len(column), UNKNOWN, np.int64)
        new[somebody] = first + np.searchsorted(known, column[somebody])
        new[column >= NOBODY] = nobody + np.searchsorted(strangers, column[column >= NOBODY])
        joined.append(new)
        first, nobody = first + len(known), nobody + len(strangers)
    return np.concatenate(joined)


def _by_name(columns: Sequence[IntArray], names: Sequence[Mapping[int, str]]) -> tuple[IntArray, dict[int, str]]:
    """Return new numbers from 0 on, one for each name in any case and one for each number without a name."""
    joined, number_of, shown = list[IntArray](), dict[object, int](), dict[int, str]()
    for place, (column, known) in enumerate(zip(columns, names, strict=True)):
        new = np.full(len(column), UNKNOWN, np.int64)
        for value in np.unique(column[column != UNKNOWN]).tolist():
            name = known.get(value, "")
            number = number_of.setdefault(name.casefold() or (place, value), len(number_of))
            new[column == value] = number
            if name:
                shown.setdefault(number, name)
        joined.append(new)
    return np.concatenate(joined), shown
