"""RoundaboutHD: 65,522 images of 512 vehicles under four cameras of one roundabout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.tasks.protocol import Protocol
from harness.tasks.task import Convention, Rule, Task
from protocols.named_images import folder_with, labelled
from protocols.released import boxes_in, check_training, middles

FOLDER = "RoundaboutHD_Reid_subset"
NAME = re.compile(r"([0-9]{1,9})_cam([0-9]{1,6})_([0-9]{1,12})\.jpg")
EXAMPLE = "12_cam01_001234.jpg"
IMAGES, VEHICLES = 65_522, 512

SOURCE = "this harness, since the release has no list of queries; its names say vehicle, camera and frame"
ACROSS = Task(
    "across-cameras",
    Rule(ignore=("same vehicle and camera",)),
    ("ap", "cmc@1", "cmc@5", "minp"),
    about="the middle image of each test vehicle and camera against the test images of the other cameras",
    source=SOURCE,
    conventions={
        "no-camera-rule": Convention(
            "images of the query's own vehicle and camera are positives, the query itself among them",
            rule=Rule(),
            source="public code that ignores cameras",
        ),
        "same-camera": Convention(
            "every image of the query's camera is ignored",
            rule=Rule(ignore=("same camera",)),
            source="public code that ranks across cameras only",
        ),
    },
)


class RoundaboutHd(Protocol):
    """RoundaboutHD's subset for re-identification as released: two folders of named images."""

    name: ClassVar[str] = "roundabouthd"
    title: ClassVar[str] = "RoundaboutHD"
    tasks: ClassVar[tuple[Task, ...]] = (ACROSS,)

    def load(self, root: Path) -> Dataset:
        """Read the names of the images under ``root``, which is the subset's folder or holds it."""
        root = folder_with(
            root, ["", FOLDER, f"RoundaboutHD/{FOLDER}"], "test", f"the folder {FOLDER} with train and test"
        )
        test = _table(root, "test")
        splits = {"query": middles(test), "gallery": test}
        if (root / "train").is_dir():
            splits["train"] = _table(root, "train")
        notes = check_training(root, splits, "the folder train")
        images = sum(len(splits[split]) for split in ("train", "gallery") if split in splits)
        if images != IMAGES:
            notes.append(f"{images} images, where the release's description says {IMAGES} of {VEHICLES} vehicles")
        return Dataset(root, splits, notes=tuple(notes), boxes=boxes_in(root))


def _table(root: Path, folder: str) -> ImageTable:
    found = labelled(root, folder, NAME, EXAMPLE)
    vehicle, camera, frame = (np.array([int(name[group]) for name in found], dtype=np.int64) for group in (1, 2, 3))
    return ImageTable(tuple(f"{folder}/{name[0]}" for name in found), vehicle, camera, time=frame)
