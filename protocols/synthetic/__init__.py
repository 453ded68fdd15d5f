"""The synthetic data set: vehicles drawn by the harness, in VeRi-776's layout and with VeRi-776's tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.data.lists import Problems, parse
from harness.tasks.protocol import Protocol
from harness.tasks.task import PublicCopy, Task
from protocols.synthetic.description import DRAWING, parameters
from protocols.synthetic.lists import MODEL_NAMES, MODELS
from protocols.synthetic.making import CAMERAS, IMAGE_SIZE, SEED, VEHICLES, Made as Made, make as make
from protocols.veri776 import IMAGE_TO_IMAGE, IMAGE_TO_TRACK, read

_SOURCE = "as VeRi-776's, on vehicles drawn by the harness"
_COUNTS = {"queries": 200, "gallery images": 1_034, "vehicles": 40}
"""Of the default set; a result on another one is not official."""
_COPY = "the set as the harness draws it"

_NAME = re.compile(r"([0-9]{1,4}) +(\S.*)")
_MODEL = re.compile(r"([0-9]{1,9}) +([0-9]{1,4})")


class Synthetic(Protocol):
    """Drawn vehicles; the default data set is drawn on first use."""

    name: ClassVar[str] = "synthetic"
    version: ClassVar[int] = DRAWING
    title: ClassVar[str] = "synthetic"
    recipe: ClassVar[str] = "quick"
    released: ClassVar = {
        "train": {"images": 2_022, "vehicles": 80, "cameras": 8},
        "query": {"images": 200, "vehicles": 40, "cameras": 8},
        "gallery": {"images": 1_034, "vehicles": 40, "cameras": 8, "tracks": 234},
    }
    tasks: ClassVar[tuple[Task, ...]] = (
        replace(
            IMAGE_TO_TRACK,
            released={**_COUNTS, "gallery units": 234, "positives": 936, "ignored": 234},
            copies=(PublicCopy(_COPY, "fe9ab3b48771bfd04a2b78be9c5ddc3ffe7fad005db682dc37d942eeb7742b02"),),
            source=_SOURCE,
        ),
        replace(
            IMAGE_TO_IMAGE,
            released={**_COUNTS, "gallery units": 1_034, "positives": 4_136, "ignored": 1_034},
            copies=(PublicCopy(_COPY, "0ead643c4ea93ea42cd537fd5316a1934483cb538ac2f38dad961017ee5d6109"),),
            source=_SOURCE,
        ),
    )

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``, and the body models."""
        dataset = read(root)
        missing = [name for name in (MODEL_NAMES, MODELS) if not (dataset.root / name).is_file()]
        notes = [f"{name} is missing: no vehicle has a body model" for name in missing]
        splits = dataset.splits if missing else _with_models(dataset.root, dataset.splits)
        return replace(dataset, splits=splits, notes=(*dataset.notes, *notes), release="")

    def default_root(self) -> Path:
        """Return the folder of the default set, which is drawn if it is missing or damaged."""
        from protocols.synthetic.cache import kept

        return kept(parameters(VEHICLES, CAMERAS, IMAGE_SIZE, SEED))


def _with_models(root: Path, splits: Mapping[str, ImageTable]) -> dict[str, ImageTable]:
    """Return the tables with their vehicles' body models."""
    problems = Problems(root)
    names = {int(number): name for _, (number, name) in parse(root / MODEL_NAMES, _NAME, "1 supermini", problems)}
    rows = parse(root / MODELS, _MODEL, "0001 12", problems)
    for line, (_, model) in rows:
        if int(model) not in names:
            problems.add(root / MODELS, line, f"model {model} is not in {MODEL_NAMES}")
    problems.check()
    model_of = {int(vehicle): int(model) for _, (vehicle, model) in rows}
    return {
        split: replace(
            table,
            model=np.array([model_of.get(vehicle, UNKNOWN) for vehicle in table.vehicle.tolist()], dtype=np.int64),
            names={**table.names, "model": names},
        )
        for split, table in splits.items()
    }
