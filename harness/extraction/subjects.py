"""The images to embed, with the labels and boxes that a method may need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.boxes import Boxes, needed_boxes
from harness.data.dataset import Dataset
from harness.data.images import ImageTable, IntArray
from harness.data.pictures import Pictures, log_broken, refuse_broken
from harness.methods.method import Method


@dataclass(frozen=True, eq=False)
class Subjects:
    """Images to embed, with their (n,) vehicles and, by keyword of ``embed``, the boxes that the method needs."""

    pictures: Pictures
    vehicle: IntArray
    boxes: Mapping[str, Boxes] = field(default_factory=dict)

    def take(self, rows: IntArray) -> Subjects:
        """Return the subjects in the given rows."""
        return Subjects(self.pictures.take(rows), self.vehicle[rows], self.boxes)


def subjects_of(dataset: Dataset, tables: Sequence[ImageTable], size: tuple[int, int], method: Method) -> Subjects:
    """Return the images of some tables without duplicates, in the order of their first occurrence.

    Raises:
        DataError: the data set has no boxes of a kind that the method needs.
    """
    vehicles: dict[str, int] = {}
    for table in tables:
        for key, vehicle in zip(table.paths, table.vehicle.tolist(), strict=True):
            vehicles.setdefault(key, vehicle)
    return Subjects(
        Pictures(dataset.root, list(vehicles), size, dataset.formats, resizing=method.resizing),
        np.fromiter(vehicles.values(), np.int64, len(vehicles)),
        method.arrange_boxes(
            {word: found.take(vehicles) for word, found in needed_boxes(dataset, method.test_needs).items()}, None
        ),
    )


def readable(subjects: Subjects, *, skip_broken: bool, rows: IntArray | None = None) -> IntArray:
    """Decode every image, and return the (n,) int64 rows of the readable ones.

    With ``rows``, only these images are decoded, and the others count as readable.

    Raises:
        DataError: some images cannot be read and ``skip_broken`` is not set; the message names and counts them.
    """
    pictures = subjects.pictures
    broken = pictures.check(rows=rows)
    if broken and not skip_broken:
        images = len(pictures) if rows is None else len(rows)
        raise refuse_broken(broken.values(), images=images, root=pictures.root)
    log_broken(broken.values(), pictures.root)
    return np.setdiff1d(np.arange(len(pictures)), np.fromiter(broken, np.int64, len(broken)))
