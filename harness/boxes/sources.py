"""Selecting the boxes of a run, given by the user or part of the data set, and storing them in its folder."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from harness.boxes.reading import kinds_of, missing_boxes, read_boxes, refuse_unknown_images
from harness.boxes.store import write_boxes
from harness.boxes.value import Boxes
from harness.data.dataset import Dataset
from harness.errors import DataError, UsageError, first_of

log = logging.getLogger("bench")


def find_boxes(dataset: Dataset, needs: Collection[str], given: Path | None) -> dict[str, Boxes]:
    """Return the boxes of each needed kind: the file or folder that the user gives, or the data set's own.

    Of joined data sets each has its own.

    Raises:
        UsageError: one file or folder is given, but several kinds are needed.
        DataError: the boxes are missing, invalid, or belong to another data set.
    """
    kinds = kinds_of(needs)
    if given is not None and len(kinds) > 1:
        raise UsageError(
            "the method needs boxes of several kinds, but one file or folder is given",
            found=given,
            expected=", ".join(kinds),
            next_step="put them into the data set's folder as boxes/KIND.json",
        )
    found = {}
    for kind in kinds:
        path = given if given is not None else dataset.boxes.get(kind)
        if path is None and dataset.parts:
            found[kind] = _of_parts(dataset, kind)
            continue
        if path is None:
            raise missing_boxes(dataset, kind)
        boxes = read_boxes(path, kind=kind, dataset=dataset)
        refuse_unknown_images(boxes, dataset)
        count = sum(map(len, boxes.of_image.values()))
        log.info("boxes of kind '%s': %d in %d images, from %s", kind, count, len(boxes.of_image), path)
        found[kind] = boxes
    return found


def _of_parts(dataset: Dataset, kind: str) -> Boxes:
    """Return the boxes of all joined data sets, or raise a DataError if one has none or other classes."""
    parts = {name: find_boxes(part, {f"boxes.{kind}"}, None)[kind] for name, part in dataset.parts.items()}
    classes = {name: dict(boxes.names) for name, boxes in parts.items()}
    first, *others = classes
    for other in others:
        if classes[other] != classes[first]:
            raise DataError(
                f"the boxes of kind '{kind}' have other classes in {other} than in {first}",
                where=parts[other].path,
                found=first_of(classes[other].values()),
                expected=first_of(classes[first].values()),
            )
    return Boxes(
        {f"{name}/{key}": rows for name, boxes in parts.items() for key, rows in boxes.of_image.items()}, classes[first]
    )


def digests(boxes: Mapping[str, Boxes]) -> dict[str, str]:
    """Return the digest of each kind's content."""
    return {kind: found.digest for kind, found in sorted(boxes.items())}


def keep(boxes: Mapping[str, Boxes], folder: Path) -> None:
    """Write the boxes of each kind to a folder as ``boxes-KIND.h5``, or raise a RunError."""
    for kind, found in sorted(boxes.items()):
        write_boxes(_kept(folder, kind), found)


def with_kept(dataset: Dataset, boxes: Mapping[str, Boxes], folder: Path) -> Dataset:
    """Return the data set with the boxes that ``keep`` wrote to a folder."""
    return replace(dataset, boxes={**dataset.boxes, **{kind: _kept(folder, kind) for kind in boxes}})


def _kept(folder: Path, kind: str) -> Path:
    return folder / f"boxes-{kind}.h5"
