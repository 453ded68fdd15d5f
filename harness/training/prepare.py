"""Preparing a training run: labels, class numbers and the vehicles held out for validation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.boxes import needed_boxes
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.errors import DataError
from harness.methods.method import used_needs
from harness.methods.session import CLASS_LABELS, HeldOut, Session, Validate, unheard


@dataclass(frozen=True)
class TrainingRequest:
    """The settings of a training run that depend on neither the method nor the data set."""

    seed: int
    folder: Path
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False
    validate: Validate = "train"
    hold_out: float = 0.1
    told: Callable[[int, Mapping[str, Any]], None] = unheard


def prepare(
    dataset: Dataset, request: TrainingRequest, *, needs: Collection[str], input_size: tuple[int, int]
) -> Session:
    """Return the session for training on the ``train`` split of a data set.

    Raises:
        DataError: the data set has no training images, no test split to validate on, or lacks a label or boxes that
            the method needs.
    """
    from harness.training.engine import train

    table = dataset.splits.get("train")
    if table is None or not len(table):
        raise DataError(
            "the data set has no training images",
            where=dataset.root,
            next_step="train on another data set with --train-on, or give a checkpoint with --checkpoint",
        )
    needed_boxes(dataset, needs)
    check_labels(dataset, table, needs)
    validation: HeldOut | None = None
    if request.validate == "test":
        validation = HeldOut(dataset.split("query"), dataset.split("gallery"))
    elif request.validate == "train":
        table, validation = hold_out_vehicles(table, request.hold_out, request.seed)
    labels = class_numbers(table)
    request.folder.mkdir(parents=True, exist_ok=True)
    return Session(
        dataset=dataset,
        train=table,
        validation=validation,
        classes={name: int(column.max()) + 1 for name, column in labels.items()},
        labels=labels,
        input_size=input_size,
        seed=request.seed,
        folder=request.folder,
        engine=train,
        compute=request.compute,
        skip_broken=request.skip_broken,
        told=request.told,
    )


def check_labels(dataset: Dataset, table: ImageTable, needs: Collection[str]) -> None:
    """Raise a DataError for the first needed label that no image of ``table`` has."""
    known = [name for name in CLASS_LABELS if _known(table, name) is not None]
    for need in sorted(need for need in used_needs(needs, known) if not need.startswith("boxes.")):
        if need not in known:
            words = "' or '".join(need.split("|"))
            raise DataError(
                f"the method trains with the label '{words}', and no training image has it",
                where=dataset.root,
                found=", ".join(known),
                next_step="choose a method or variant that does not need it, or a data set that has it",
            )


def hold_out_vehicles(table: ImageTable, share: float, seed: int) -> tuple[ImageTable, HeldOut | None]:
    """Return the table without a random ``share`` of its vehicles, and the images of those vehicles.

    Nothing is held out if the share is 0 or there are fewer than four vehicles: training and validation each need at
    least two.
    """
    vehicles = np.unique(table.vehicle[table.vehicle != UNKNOWN])
    if share <= 0 or len(vehicles) < 4:
        return table, None
    count = min(max(2, round(len(vehicles) * share)), len(vehicles) - 2)
    chosen = np.random.default_rng([seed, _HOLD_OUT]).choice(vehicles, count, replace=False)
    out = np.isin(table.vehicle, chosen)
    images = table.take(out)
    return table.take(~out), HeldOut(images, images)


_HOLD_OUT = 0x40D
"""Separates the random numbers of the held-out vehicles from the others of the same seed."""


def class_numbers(table: ImageTable) -> dict[str, IntArray]:
    """Return (n,) int64 class numbers of each known label, from 0 in the order of the released values."""
    numbers: dict[str, IntArray] = {}
    for name in CLASS_LABELS:
        column = _known(table, name)
        if column is not None:
            values = np.unique(column[column != UNKNOWN])
            numbers[name] = np.where(column == UNKNOWN, UNKNOWN, np.searchsorted(values, column)).astype(np.int64)
    return numbers


def _known(table: ImageTable, name: str) -> IntArray | None:
    """Return a label's column, or None if no image has a value."""
    column = table.label(name)
    return None if column is None or not (column != UNKNOWN).any() else column
