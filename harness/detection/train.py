"""Training of a detector on the labelled images of a data set, and its precision on held-out ones."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric

from harness.basics.digests import digest
from harness.basics.files import removed_unless
from harness.basics.leftovers import sweep
from harness.basics.locks import locked
from harness.basics.seeds import derive
from harness.boxes import Boxes, digests, find_boxes, keep, with_kept
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.compute.machine import Machine
from harness.compute.team import team_of
from harness.compute.threads import fitting_threads
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.part_classes import NO_CLASS
from harness.detection.detect import detect
from harness.detection.precision import Precision, average_precision
from harness.errors import DataError, RunError, UsageError
from harness.methods.checkpoint import CheckpointInfo, save_checkpoint
from harness.methods.code import code_digest
from harness.methods.detector import Detector
from harness.methods.files import named_files, portable
from harness.tasks.fingerprint import contents_digest, dataset_digest
from harness.tasks.protocol import Protocol
from harness.training.prepare import TrainingRequest, prepare
from harness.training.state import NAME as STATE

log = logging.getLogger("bench")


@dataclass(frozen=True)
class DetectorRequest:
    """What to train a detector on, and how; the ``train`` split of the data set has the labelled images."""

    name: str
    protocol: Protocol
    dataset: Dataset
    boxes: Path | None = None
    hold_out: float = 0.2
    seed: int = 0
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False


def train_detector(detector: Detector, request: DetectorRequest, out: Path) -> Precision | None:
    """Train a detector, write its checkpoint, and return its average precision on held-out images, or None.

    An interrupted call resumes after its last epoch, from a hidden folder next to ``out`` that is removed at the end.

    Raises:
        DataError: boxes are missing or wrong, or no training image has any.
        UsageError: too few images, or processes that do not train the same detector on the same images.
        RunError: the training diverged, or a file cannot be written.
    """
    boxes = find_boxes(request.dataset, detector.needs, request.boxes)
    truth = boxes[detector.options.kind]
    table = labelled_images(request.dataset, truth)
    rows, held = hold_out_images(len(table), request.hold_out, request.seed)
    log.info("%s: %d labelled images, %d of them held out", request.name, len(table), len(held))
    dataset = replace(request.dataset, splits={"train": table.take(rows)})
    info = CheckpointInfo(
        method=request.name,
        options=portable(detector.options),
        files=named_files(detector.options),
        code=code_digest(type(detector)),
        seed=request.seed,
        train_on=request.protocol.name,
        train_data=dataset_digest(dataset, ("train",)),
        boxes=digests(boxes),
    )
    facts = {**info.model_dump(mode="json"), "images": contents_digest(dataset, ("train",))}
    folder = out.with_name(f".{out.name}-{digest(facts)[:12]}")
    fabric = open_fabric(request.compute)
    team_of(fabric).agree({**facts, "the share held out": request.hold_out})
    with _working_in(folder, out, boxes, fabric):
        session = prepare(
            with_kept(dataset, boxes, folder),
            TrainingRequest(
                seed=request.seed,
                folder=folder,
                compute=request.compute,
                skip_broken=request.skip_broken,
                validate="none",
            ),
            needs=detector.needs,
            input_size=detector.input_size,
        )
        with fitting_threads(fabric) as threads:
            detector.fit(session)
        precision = None
        if len(held):
            keys = [table.paths[row] for row in held]
            found = detect(detector, request.dataset, keys, compute=request.compute, skip_broken=request.skip_broken)
            precision = average_precision(found, truth, list(found.of_image))
        if fabric.is_global_zero:
            save_checkpoint(out, detector.state(), info.model_copy(update={"threads": threads}))
            shutil.rmtree(folder)
    fabric.barrier()
    return precision


@contextmanager
def _working_in(folder: Path, out: Path, boxes: Mapping[str, Boxes], fabric: Fabric) -> Iterator[None]:
    """Lock the folder of a training, whose boxes are put there; the first process does it for all."""
    team = Machine.of(fabric).team
    with ExitStack() as stack:
        with team.together():
            if team.index == 0:
                taken = RunError(
                    "another bench is training this detector", where=out, next_step="wait until it has ended"
                )
                stack.enter_context(locked(folder, taken))
                stack.enter_context(removed_unless(folder, (STATE,)))
                sweep(folder)
                keep(boxes, folder)
        yield


def labelled_images(dataset: Dataset, boxes: Boxes) -> ImageTable:
    """Return the labelled training images: those in the file of boxes, with or without a box.

    Raises:
        DataError: no training image has a box, or the boxes have no classes.
    """
    if NO_CLASS in boxes.names.values():
        raise DataError(
            "a detector learns classes, and these boxes have none",
            where=boxes.path,
            found=f"boxes of the class '{NO_CLASS}'",
            expected="boxes with classes, see docs/parts.md",
        )
    table = dataset.split("train")
    rows = np.array([path in boxes.of_image for path in table.paths], np.bool_)
    if not any(len(boxes.of_image[path]) for path in table.take(rows).paths):
        raise DataError(
            "no training image has a box",
            where=boxes.path,
            found=f"{int(rows.sum())} of {len(table)} training images are in the file, none with a box",
            expected="boxes of images of the training split; those of test images are never trained on",
        )
    return table.take(rows)


def hold_out_images(images: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted rows to train on and those held out, or raise a UsageError if none is left to train on."""
    count = max(1, round(images * share)) if share > 0 else 0
    if count >= images:
        raise UsageError(
            "too few images are labelled to hold some out",
            found=images,
            expected="two or more",
            next_step="label more images, or hold none out with --hold-out 0",
        )
    order = np.random.default_rng(derive(seed, "held-out images")).permutation(images)
    return np.sort(order[count:]), np.sort(order[:count])


def image_keys(dataset: Dataset, splits: Sequence[str]) -> list[str]:
    """Return the keys of the images of some splits, or of all splits if none is named; each key once, sorted.

    Raises:
        DataError: no such split.
    """
    tables = [dataset.split(name) for name in splits] or list(dataset.splits.values())
    return sorted({path for table in tables for path in table.paths})
