"""Preparing a training run: labels, class numbers and the vehicles held out for validation."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from harness.boxes import needed_boxes
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.errors import DataError
from harness.methods.method import used_needs
from harness.methods.session import CLASS_LABELS, Held, Session, Validate


def prepare(
    dataset: Dataset,
    *,
    needs: Collection[str],
    input_size: tuple[int, int],
    seed: int,
    folder: Path,
    compute: Compute | None = None,
    skip_broken: bool = False,
    validate: Validate = "train",
    hold_out: float = 0.1,
) -> Session:
    """Return the session that trains on the ``train`` split of a data set.

    Args:
        dataset: as its protocol read it.
        needs: the labels and boxes that the method trains with (``Method.needs``).
        input_size: height and width in pixels.
        seed: of the run.
        folder: of the run; made where it is missing.
        compute: the machine; None for one process on whatever is there.
        skip_broken: go on without the images that cannot be read.
        validate: on vehicles held out of the training images, on the test split, or not at all.
        hold_out: the share of the training vehicles that is held out, at least two of them.

    Raises:
        DataError: no training split, no test split to validate on, or a label or boxes that the method needs are
            missing.
    """
    table = dataset.splits.get("train")
    if table is None or not len(table):
        raise DataError(
            "the data set has no training images",
            where=dataset.root,
            next_step="train on another data set with --train-on, or give a checkpoint with --checkpoint",
        )
    needed_boxes(dataset, needs)
    check_labels(dataset, table, needs)
    held: Held | None = None
    if validate == "test":
        held = Held(dataset.split("query"), dataset.split("gallery"))
    elif validate == "train":
        table, held = hold_out_vehicles(table, hold_out, seed)
    labels = class_numbers(table)
    classes = {name: int(column.max()) + 1 for name, column in labels.items()}
    folder.mkdir(parents=True, exist_ok=True)
    return Session(dataset, table, held, classes, labels, input_size, seed, folder, compute or Compute(), skip_broken)


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
                next_step="choose a method or a variant without it, or a data set that has it",
            )


def hold_out_vehicles(table: ImageTable, share: float, seed: int) -> tuple[ImageTable, Held | None]:
    """Return the table without a random ``share`` of its vehicles, and those vehicles' images.

    Nothing is held out for a share of 0, or of fewer than four vehicles: two must stay, and two make the smallest
    validation.
    """
    vehicles = np.unique(table.vehicle[table.vehicle != UNKNOWN])
    if share <= 0 or len(vehicles) < 4:
        return table, None
    count = min(max(2, round(len(vehicles) * share)), len(vehicles) - 2)
    chosen = np.random.default_rng([seed, _HOLD_OUT]).choice(vehicles, count, replace=False)
    out = np.isin(table.vehicle, chosen)
    images = table.take(out)
    return table.take(~out), Held(images, images)


_HOLD_OUT = 0x40D
"""Keeps the held-out vehicles' stream of random numbers apart from the others of one seed."""


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
    """Return a label's column, or None where no image has a value."""
    column = table.label(name)
    return None if column is None or not (column != UNKNOWN).any() else column
