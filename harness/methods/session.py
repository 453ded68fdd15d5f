"""The session that a method's ``fit`` receives: images, labels, the seed, the folder and the devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.data.images import ImageTable, IntArray

Validate = Literal["train", "test", "none"]

CLASS_LABELS = ("vehicle", "camera", "colour", "type", "model")
"""The labels whose values are classes; tracks and times are not."""


@dataclass(frozen=True)
class HeldOut:
    """Validation images, evaluated after every epoch as a small task of their own.

    Attributes:
        query: the query images.
        gallery: the gallery images; it may contain the queries, each of which then ignores itself.
    """

    query: ImageTable
    gallery: ImageTable


def unheard(number: int, row: Mapping[str, Any]) -> None:
    """Take a row of an epoch that no observer hears of."""


@dataclass(frozen=True, eq=False)
class Session:
    """Everything that one training run needs.

    Attributes:
        dataset: the data set, with its boxes.
        train: the images to train on, without those held out for validation.
        validation: the images to validate on, or None.
        classes: the number of classes of each label that the data set has (``vehicle``, ``colour``, ...).
        labels: for each of these labels (n,) int64 class numbers of ``train`` from 0, ``UNKNOWN`` if an image has none.
        input_size: height and width in pixels that images are resized to.
        seed: the seed of all random numbers.
        folder: the folder of the training state, ``validation.csv`` and ``validation.png``.
        engine: trains a ``NetworkMethod`` on this session.
        compute: devices, precision and workers.
        skip_broken: skip and log unreadable images instead of raising an error.
        told: called after each epoch with the number of finished epochs and a row of its losses, for observers; the
            engine does so, and a ``fit`` of a method's own may.
    """

    dataset: Dataset
    train: ImageTable
    validation: HeldOut | None
    classes: Mapping[str, int]
    labels: Mapping[str, IntArray]
    input_size: tuple[int, int]
    seed: int
    folder: Path
    engine: Callable[[Any, Session], None]
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False
    told: Callable[[int, Mapping[str, Any]], None] = unheard
