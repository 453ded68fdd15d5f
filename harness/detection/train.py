"""Training a detector on labelled images of a data set, and measuring it on those that are held out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from harness.basics.digests import digest
from harness.basics.files import gone_unless
from harness.basics.seeds import derive
from harness.boxes import Boxes, digests, find_boxes, keep, with_kept
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.detection.detect import detect
from harness.detection.precision import Precision, precision
from harness.errors import DataError, UsageError
from harness.methods.checkpoint import CheckpointInfo, save_checkpoint
from harness.methods.code import code_digest
from harness.methods.detector import Detector
from harness.tasks.fingerprint import contents_digest, dataset_digest
from harness.tasks.protocol import Protocol
from harness.training.prepare import TrainingRequest, prepare
from harness.training.state import NAME as STATE

log = logging.getLogger("bench")


@dataclass(frozen=True)
class Asked:
    """What to train a detector on, and how.

    Attributes:
        name: of the detector.
        protocol: of the data set.
        dataset: whose ``train`` split holds the labelled images.
        boxes: the labels; None for the data set's own.
        hold_out: the share of the labelled images that is measured on and never trained on.
        seed: everything random follows from it.
        compute: the machine.
        skip_broken: go on without images that cannot be read.
    """

    name: str
    protocol: Protocol
    dataset: Dataset
    boxes: Path | None = None
    hold_out: float = 0.2
    seed: int = 0
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False


def train(detector: Detector, asked: Asked, output: Path) -> Precision | None:
    """Train a detector, write its checkpoint, and return its average precision on the images held out.

    An interrupted call goes on from its last epoch. The folder in which it works lies beside ``output`` and goes when
    the checkpoint stands.

    Args:
        detector: with its options, untrained.
        asked: the data and the seed.
        output: the checkpoint; one that stands there is replaced in one step.

    Returns:
        The average precision; None where no image is held out.

    Raises:
        DataError: boxes are missing or wrong, or no training image has any.
        UsageError: too few images.
        RunError: the training diverged, or the disk refuses.
    """
    kind = detector.options.kind
    found = find_boxes(asked.dataset, detector.needs, asked.boxes)
    table = labelled(asked.dataset, found[kind])
    rows, held = hold_out(len(table), asked.hold_out, asked.seed)
    log.info("%s: %d labelled images, %d of them held out", asked.name, len(table), len(held))
    dataset = replace(asked.dataset, splits={"train": table.take(rows)})
    folder = output.with_name(f".{output.name}-{_identity(detector, asked, found, dataset)}")
    fabric = open_fabric(asked.compute)
    with gone_unless(folder, (STATE,)) if fabric.is_global_zero else nullcontext():
        if fabric.is_global_zero:
            keep(found, folder)
        fabric.barrier()
        session = prepare(
            with_kept(dataset, found, folder),
            TrainingRequest(
                seed=asked.seed,
                folder=folder,
                compute=asked.compute,
                skip_broken=asked.skip_broken,
                validate="none",
            ),
            needs=detector.needs,
            input_size=detector.input_size,
        )
        detector.fit(session)
    keys = [table.paths[row] for row in held]
    measured = None
    if keys:
        shown = detect(detector, asked.dataset, keys, compute=asked.compute, skip_broken=asked.skip_broken)
        measured = precision(shown, found[kind], list(shown.of_image))
    if fabric.is_global_zero:
        save_checkpoint(output, detector.state(), _about(detector, asked, found, dataset))
        shutil.rmtree(folder)
    fabric.barrier()
    return measured


def labelled(dataset: Dataset, boxes: Boxes) -> ImageTable:
    """Return the training images that somebody looked at: those that the boxes name, with or without a part in them.

    Raises:
        DataError: there is none.
    """
    table = dataset.split("train")
    rows = np.array([path in boxes.of_image for path in table.paths], np.bool_)
    if not any(len(boxes.of_image[path]) for path in table.take(rows).paths):
        raise DataError(
            "no training image has a box",
            where=boxes.path,
            found=f"{int(rows.sum())} of {len(table)} training images are named, none with a box",
            expected="boxes of images of the training split; those of test images are never trained on",
        )
    return table.take(rows)


def hold_out(images: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and those held out, in their order.

    Raises:
        UsageError: nothing would be left to train on.
    """
    count = max(1, round(images * share)) if share > 0 else 0
    if count >= images:
        raise UsageError(
            "too few images are labelled to hold some out",
            found=images,
            expected="two or more",
            next_step="label more, or measure nothing with --hold-out 0",
        )
    order = np.random.default_rng(derive(seed, "held-out images")).permutation(images)
    return np.sort(order[count:]), np.sort(order[:count])


def _identity(detector: Detector, asked: Asked, boxes: dict[str, Boxes], dataset: Dataset) -> str:
    """Return a word for all that an interrupted training must share with the one that goes on."""
    about = _about(detector, asked, boxes, dataset).model_dump(mode="json")
    return digest({**about, "images": contents_digest(dataset, ("train",))})[:12]


def _about(detector: Detector, asked: Asked, boxes: dict[str, Boxes], dataset: Dataset) -> CheckpointInfo:
    return CheckpointInfo(
        method=asked.name,
        options=detector.options.model_dump(mode="json"),
        code=code_digest(type(detector)),
        seed=asked.seed,
        train_on=asked.protocol.name,
        train_data=dataset_digest(dataset, ("train",)),
        boxes=digests(boxes),
    )


def of_splits(dataset: Dataset, splits: Sequence[str]) -> list[str]:
    """Return the keys of the images of some splits, or of all; each once.

    Raises:
        DataError: no such split.
    """
    tables = [dataset.split(name) for name in splits] or list(dataset.splits.values())
    return sorted({path for table in tables for path in table.paths})
