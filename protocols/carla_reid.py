"""CARLA-ReID: 55,196 rendered images under 85 cameras around each vehicle, in folders like those of VeRi-776."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.tasks.protocol import Protocol
from harness.tasks.task import Convention, Rule, Task
from protocols.named_images import folder_with, labelled
from protocols.released import boxes_in, check_training, seconds_of

NAME = re.compile(r"([0-9]{1,20})_([0-9]{1,6})_([0-9]{1,9})\.jpg")
EXAMPLE = "20220711212617_24_9.jpg"
FOLDERS = {"train": "image_train", "query": "image_query", "gallery": "image_gallery"}
IMAGES = 55_196
SOURCE = "Kumar et al., CARLA ReID, University of Tokyo, 2022, evaluated like VeRi-776 by torchreid"

ACROSS = Task(
    "image-to-image",
    Rule(ignore=("same vehicle and camera",)),
    ("ap", "cmc@1", "cmc@5", "cmc@10"),
    about="each query against the gallery images of the other cameras",
    source=SOURCE,
    conventions={
        "no-camera-rule": Convention(
            "images of the query's own vehicle and camera are positives",
            rule=Rule(),
            source="public code that ignores cameras",
        )
    },
)


class CarlaReid(Protocol):
    """CARLA-ReID as released: three folders of images named by time, camera and vehicle.

    The camera comes before the vehicle, the reverse of VeRi-776's names.
    """

    name: ClassVar[str] = "carla-reid"
    title: ClassVar[str] = "CARLA-ReID"
    tasks: ClassVar[tuple[Task, ...]] = (ACROSS,)

    def load(self, root: Path) -> Dataset:
        """Read the names of the images under ``root``."""
        below = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        root = folder_with(root, ["", *below], FOLDERS["gallery"], " and ".join(FOLDERS.values()))
        splits = {
            split: _table(root, folder)
            for split, folder in FOLDERS.items()
            if split != "train" or (root / folder).is_dir()
        }
        notes = check_training(root, splits, FOLDERS["train"])
        images = sum(map(len, splits.values()))
        if images != IMAGES:
            notes.append(f"{images} images, where the release's description says {IMAGES}")
        return Dataset(root, splits, notes=tuple(notes), boxes=boxes_in(root))


def _table(root: Path, folder: str) -> ImageTable:
    found = labelled(root, folder, NAME, EXAMPLE)
    camera, vehicle = (np.array([int(name[group]) for name in found], dtype=np.int64) for group in (2, 3))
    times = np.array([_seconds(name[1]) for name in found], dtype=np.int64)
    return ImageTable(tuple(f"{folder}/{name[0]}" for name in found), vehicle, camera, time=times)


def _seconds(moment: str) -> int:
    """Return ``20220711212617`` as seconds since 1970, without a time zone; ``UNKNOWN`` if it is not a time."""
    if len(moment) != len("20220711212617"):
        return UNKNOWN
    return seconds_of(*(moment[start:end] for start, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))))
