"""Running a detector over images, and loading one from its checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from lightning_fabric import Fabric

from harness.basics.progress import progress
from harness.boxes import Boxes
from harness.boxes.value import FloatArray
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric, undisturbed
from harness.data.dataset import Dataset
from harness.data.pictures import Pictures, refuse_broken
from harness.detection.precision import overlaps
from harness.errors import CheckpointError, DataError, PluginError, UsageError
from harness.extraction.agreement import agree_to_embed
from harness.extraction.embed import embed
from harness.extraction.samples import consecutive
from harness.extraction.subjects import Subjects, readable
from harness.methods.checkpoint import check_known, load_checkpoint, same_form
from harness.methods.detector import COLUMNS, Detector
from harness.methods.method import Options, create
from harness.registry.registry import Registry

VERSION = 1
"""Increased whenever ``detect`` returns other boxes for the same network."""

BATCH = 16
"""Images per batch; one of 300 x 300 pixels takes 50 MB in the first layers of SSD."""

TRIED = 4
"""Images whose boxes are found together, and then one image at a time."""

SURE, APART = 0.5, 0.1
"""The least score of a box that has to be found again, and how far score and overlap may be from the same box's."""


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


def check_alone(detector: Detector, subjects: Subjects, fabric: Fabric) -> None:
    """Check that the boxes of a few images do not depend on the other images of their batch.

    Boxes that the detector is sure of must be found again, of the same class and about as sure, among fewer images.

    Raises:
        PluginError: they are not.
    """
    rows = np.unique(np.linspace(0, len(subjects.pictures) - 1, TRIED).astype(np.int64))
    found = []
    for batches in ([rows], [rows[place : place + 1] for place in range(len(rows))]):
        parts = list(embed(detector, subjects, fabric, batches, workers=0))
        if any(part.features is None for part in parts):
            return  # an image that cannot be read is named later, with all the others
        packed = np.concatenate([part.features for part in parts if part.features is not None])
        found.append(unpack(packed, detector.input_size))
    for row, together, alone in zip(rows.tolist(), *found, strict=True):
        for some, others in ((together, alone), (alone, together)):
            lost = [box for box in some if box[1] >= SURE and not _is_among(box, others)]
            if lost:
                raise PluginError(
                    "the boxes of an image depend on the other images of its batch",
                    where=f"{type(detector).__name__}, {subjects.pictures.keys[row]}",
                    found=f"a box of class {int(lost[0][0])} with a score of {lost[0][1]:.2f} that is not found "
                    f"{'alone' if some is together else f'among {len(rows)} images'}",
                    next_step="compute each image's boxes from that image alone: no statistics of the batch, no "
                    "dropout, and networks in evaluation mode",
                )


def _is_among(box: FloatArray, others: FloatArray) -> bool:
    like = (others[:, 0] == box[0]) & (np.abs(others[:, 1] - box[1]) <= APART)
    return bool((overlaps(box[None, 2:].astype(np.float64), others[like, 2:].astype(np.float64)) >= 1 - APART).any())


def detect(
    detector: Detector, dataset: Dataset, keys: Collection[str], *, compute: Compute, skip_broken: bool = False
) -> Boxes:
    """Return the boxes that a detector finds; every process returns the same.

    Raises:
        UsageError: the processes do not see the same images, or hold other weights.
        DataError: some images cannot be read; the message names and counts them.
        RunError: a box is not finite.
    """
    fabric = open_fabric(compute)
    of_image: dict[str, FloatArray] = {}
    pictures = Pictures.of(dataset, sorted(keys), detector.input_size)
    with undisturbed(fabric), progress("detecting", shown=fabric.is_global_zero) as advance:
        subjects = Subjects(pictures, np.full(len(pictures), -1))
        if skip_broken:
            subjects = subjects.take(readable(subjects, skip_broken=True))
        agree_to_embed(detector, subjects, fabric)
        check_alone(detector, subjects, fabric)
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
    check_known(path, info, kind)
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
