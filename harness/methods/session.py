"""The session that a method's ``fit`` receives: images, labels, the seed, the folder and the devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.data.images import ImageTable, IntArray

Validate = Literal["train", "test", "none"]

CLASS_LABELS = ("vehicle", "camera", "colour", "type", "model")
"""The labels whose values are classes; a track or a time is none."""


@dataclass(frozen=True)
class Held:
    """Images that validate after every epoch, as a small task of their own.

    Attributes:
        query: the images that ask.
        gallery: the images that answer; it may hold the queries themselves, which never answer themselves.
    """

    query: ImageTable
    gallery: ImageTable


@dataclass(frozen=True, eq=False)
class Session:
    """Everything that a training run is made of.

    Attributes:
        dataset: where the images lie, with their boxes.
        train: the images to train on, without those held out for validation.
        validation: the images to validate on, or None.
        classes: for each label that the data set has (``vehicle``, ``colour``, ...) its number of classes.
        labels: for each of them (n,) int64 class numbers from 0 of ``train``, ``UNKNOWN`` where an image
            has none.
        input_size: height and width in pixels that images are resized to.
        seed: everything random follows from it.
        folder: where the state, ``validation.csv`` and ``validation.png`` are written.
        compute: devices, precision and workers.
        skip_broken: leave unreadable images out, and name them, where the run would be refused.
    """

    dataset: Dataset
    train: ImageTable
    validation: Held | None
    classes: Mapping[str, int]
    labels: Mapping[str, IntArray]
    input_size: tuple[int, int]
    seed: int
    folder: Path
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False
