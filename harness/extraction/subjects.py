"""The images to embed, with the labels and boxes that a method may need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.boxes import Boxes, needed_boxes
from harness.data.dataset import Dataset
from harness.data.images import ImageTable, IntArray
from harness.data.pictures import Pictures, log_broken, refuse_broken
from harness.errors import DataError, UsageError
from harness.methods.method import TEST_LABELS, Method


@dataclass(frozen=True, eq=False)
class Subjects:
    """Images to embed, with what the method needs besides them.

    Attributes:
        pictures: the n images.
        vehicle: (n,) int64.
        boxes: the boxes by keyword of ``embed``.
        labels: the cameras or views, (n,) int64, by keyword of ``embed``.
        plain: how many of them, the first ones, are embedded as they are; the others are mirrored. None for all.
    """

    pictures: Pictures
    vehicle: IntArray
    boxes: Mapping[str, Boxes] = field(default_factory=dict)
    labels: Mapping[str, IntArray] = field(default_factory=dict)
    plain: int | None = None

    def take(self, rows: IntArray) -> Subjects:
        """Return the subjects in the given rows."""
        labels = {word: numbers[rows] for word, numbers in self.labels.items()}
        return Subjects(self.pictures.take(rows), self.vehicle[rows], self.boxes, labels)

    def and_mirrored(self) -> Subjects:
        """Return the images, all as they are, followed by all of them mirrored.

        Raises:
            UsageError: the method needs boxes or views, which a mirror image would need anew.
        """
        refuse_unmirrored((*self.boxes, *self.labels))
        count = len(self.vehicle)
        return replace(self.take(np.tile(np.arange(count), 2)), plain=count)


def refuse_unmirrored(needs: Iterable[str]) -> None:
    """Raise a UsageError if a method needs boxes or views, which a mirror image would need anew."""
    if kinds := sorted(need for need in needs if need.startswith("boxes") or need == "view"):
        raise UsageError(
            "the pictures of this method cannot be mirrored: it needs more than the picture",
            found=", ".join(kinds),
            expected="a method without boxes and views",
            next_step="leave out --flip and --post flip",
        )


def subjects_of(dataset: Dataset, tables: Sequence[ImageTable], size: tuple[int, int], method: Method) -> Subjects:
    """Return the images of some tables without duplicates, in the order of their first occurrence.

    Raises:
        DataError: the data set has no boxes or labels of a kind that the method needs, or numbers that it cannot use.
    """
    vehicles: dict[str, int] = {}
    for table in tables:
        for key, vehicle in zip(table.paths, table.vehicle.tolist(), strict=True):
            vehicles.setdefault(key, vehicle)
    labels = {word: _label(word, dataset, tables, method) for word in TEST_LABELS if word in method.test_needs}
    method.check_labels(tuple(vehicles), labels)
    return Subjects(
        Pictures(
            dataset.root,
            list(vehicles),
            size,
            dataset.formats,
            resizing=method.resizing,
            follow_links=dataset.follow_links,
        ),
        np.fromiter(vehicles.values(), np.int64, len(vehicles)),
        method.arrange_boxes(
            {word: found.take(vehicles) for word, found in needed_boxes(dataset, method.test_needs).items()}, None
        ),
        labels,
    )


def _label(word: str, dataset: Dataset, tables: Sequence[ImageTable], method: Method) -> IntArray:
    """Return the (n,) numbers of a label of the images without duplicates, or raise a DataError if they have none."""
    numbers: dict[str, int] = {}
    for table in tables:
        column = table.label(word)
        if column is None:
            option = method.without.get(word)
            raise DataError(
                f"the method needs the {word} of every image, and the data set has no {word}s",
                where=dataset.root,
                next_step=f"let the method do without: --set {option}" if option else "choose another method",
            )
        for key, number in zip(table.paths, column.tolist(), strict=True):
            numbers.setdefault(key, number)
    return np.fromiter(numbers.values(), np.int64, len(numbers))


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
