"""Running a detector over images, and loading one from its checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from harness.basics.progress import progress
from harness.boxes import Boxes
from harness.boxes.value import FloatArray
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric, undisturbed
from harness.data.dataset import Dataset
from harness.data.pictures import Pictures, refuse_broken
from harness.errors import CheckpointError, DataError, UsageError
from harness.extraction.embed import embed
from harness.extraction.samples import consecutive
from harness.extraction.subjects import Subjects, readable
from harness.methods.checkpoint import load_checkpoint, same_form
from harness.methods.detector import COLUMNS, Detector
from harness.methods.method import Options, create
from harness.registry.registry import Registry

VERSION = 1
"""Increased whenever ``detect`` returns other boxes for the same network."""

BATCH = 16
"""Images per batch; one of 300 x 300 pixels takes 50 MB in the first layers of SSD."""


def unpack(packed: FloatArray, size: tuple[int, int]) -> list[FloatArray]:
    """Return the boxes of a tensor made by ``pack``, as ``Boxes`` stores them, by descending score.

    Coordinates are fractions of the image's width and height, clipped to the image; empty boxes are dropped.

    Args:
        packed: (n, 6 keep) float32.
        size: height and width of the resized image.
    """
    found = []
    for rows in packed.reshape(len(packed), -1, COLUMNS):
        corners = np.clip(rows[:, 2:] / np.array([size[1], size[0]] * 2, np.float32), 0, 1)
        solid = (rows[:, 0] > 0) & (corners[:, 2:] > corners[:, :2]).all(axis=1)
        boxes = np.column_stack([rows[:, 0], np.clip(rows[:, 1], 0, 1), corners])[solid].astype(np.float32)
        found.append(boxes[np.argsort(-boxes[:, 1], kind="stable")])
    return found


def detect(
    detector: Detector, dataset: Dataset, keys: Collection[str], *, compute: Compute, skip_broken: bool = False
) -> Boxes:
    """Return the boxes that a detector finds; every process returns the same.

    Raises:
        DataError: some images cannot be read; the message names and counts them.
        RunError: a box is not finite.
    """
    fabric = open_fabric(compute)
    of_image: dict[str, FloatArray] = {}
    size, follow = detector.input_size, dataset.follow_links
    pictures = Pictures(dataset.root, sorted(keys), size, dataset.formats, follow_links=follow)
    with undisturbed(fabric), progress("detecting", shown=fabric.is_global_zero) as advance:
        subjects = Subjects(pictures, np.full(len(pictures), -1))
        if skip_broken:
            subjects = subjects.take(readable(subjects, skip_broken=True))
        names, broken = subjects.pictures.keys, list[DataError]()
        for part in embed(detector, subjects, fabric, consecutive(len(names), BATCH), workers=compute.workers):
            broken.extend(part.broken)
            if part.features is not None:
                found = unpack(part.features, detector.input_size)
                of_image.update(zip((names[row] for row in part.rows.tolist()), found, strict=True))
            advance(len(of_image), len(names))
    if broken:
        raise refuse_broken(broken, images=len(names), root=dataset.root)
    return Boxes(of_image, dict(enumerate(detector.names, 1)))


def load_detector(path: Path, registry: Registry) -> Detector:
    """Return a trained detector from its checkpoint.

    Raises:
        CheckpointError: the file is missing, damaged, a pickle, not of a known detector, or does not fit it.
    """
    state, info = load_checkpoint(path)
    try:
        kind = registry.detector(info.method)
    except UsageError as problem:
        raise CheckpointError(
            "the checkpoint is not of a known detector",
            where=path,
            found=info.method,
            expected=problem.expected,
            next_step="give a file written by 'bench parts train'",
        ) from None
    with same_form(path, f"the detector '{info.method}'"):
        detector = make(kind, kind.Options.model_validate(info.options))
        detector.restore(state, info.classes)
    return detector


def check_kind(detector: Detector, path: Path, kinds: Sequence[str]) -> str:
    """Return the kind of boxes that a detector finds, or raise a CheckpointError if the method does not need it."""
    kind: str = detector.options.kind
    if kind not in kinds:
        raise CheckpointError(
            f"the detector finds boxes of kind '{kind}', and the method needs another",
            where=path,
            expected=", ".join(kinds),
            next_step=f"train one with 'bench parts train --set kind={kinds[0]}'",
        )
    return kind


def make(kind: type[Detector], options: Options) -> Detector:
    """Return an untrained detector with these options."""
    return cast("Detector", create(kind, options))
