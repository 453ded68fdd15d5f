"""Khoa's pairs: 567 vehicles photographed once by each of two cameras, with one right answer for each query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.lists import Problems, Row, release_folder
from harness.errors import DataError
from harness.tasks.protocol import Protocol
from harness.tasks.task import Rule, Task
from protocols.released import boxes_in, check_training, read_rows

LINE = re.compile(r"((car|motorcycle|truck|bus)_([0-9]{1,4})_cam([12])\.(?:jpg|jpeg|png))")
EXAMPLE = "car_0001_cam1.jpg"
TYPES = {1: "car", 2: "motorcycle", 3: "truck", 4: "bus"}
LISTS = {"train": ("train.txt", "train"), "validation": ("val.txt", "train"), "test": ("test.txt", "test")}
"""The list of each side, and the folder below ``images`` that holds its images."""

SOURCE = "Khoa Nguyen Truong, Vehicle-Re-ID-Dataset, 2024, whose lists name one image a vehicle and camera"
CAMERAS = {"query": 1, "gallery": 2}


def _task(name: str, prefix: str, vehicles: int) -> Task:
    return Task(
        name,
        Rule(),
        ("cmc@1", "cmc@5", "ap"),
        query=f"{prefix}query",
        gallery=f"{prefix}gallery",
        released={
            **dict.fromkeys(("queries", "gallery images", "gallery units", "vehicles", "positives"), vehicles),
            "ignored": 0,
        },
        about=f"camera 1 asks camera 2 for {vehicles} vehicles, with one right answer each",
        source=SOURCE,
    )


class Khoa(Protocol):
    """Khoa's pairs as released: three lists of names that say type, number and camera."""

    name: ClassVar[str] = "khoa"
    title: ClassVar[str] = "Khoa pairs"
    tasks: ClassVar[tuple[Task, ...]] = (_task("test", "", 60), _task("validation", "validation-", 102))
    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"images": 810, "vehicles": 405},
        "query": {"images": 60, "vehicles": 60},
        "gallery": {"images": 60, "vehicles": 60},
        "validation-query": {"images": 102, "vehicles": 102},
        "validation-gallery": {"images": 102, "vehicles": 102},
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        root = release_folder(root, [file for file, _ in LISTS.values()])
        problems = Problems(root)
        rows = {
            side: read_rows(root / file, LINE, EXAMPLE, problems)
            for side, (file, _) in LISTS.items()
            if (root / file).exists()
        }
        problems.check()
        splits: dict[str, ImageTable] = {}
        for side, found in rows.items():
            table = _table(found, LISTS[side][1])
            if side == "train":
                splits["train"] = table
                continue
            for split, camera in CAMERAS.items():
                prefix = "validation-" if side == "validation" else ""
                splits[prefix + split] = table.take(_cameras(found) == camera)
        unavailable = {
            side: DataError(
                f"the list of '{side}' is missing",
                where=root / LISTS[side][0],
                next_step="copy it from the data set's release",
            )
            for side in ("validation", "test")
            if side not in rows
        }
        notes = check_training(root, splits, LISTS["train"][0])
        return Dataset(root, splits, unavailable, tuple(notes), boxes_in(root), formats=("JPEG", "PNG"))


def _cameras(rows: list[Row]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([int(fields[3]) for _, fields in rows], dtype=np.int64)


def _table(rows: list[Row], folder: str) -> ImageTable:
    """Return the images of a list; numbers begin again in each folder, so a vehicle is folder, type and number."""
    number_of = {word: number for number, word in TYPES.items()}
    place = ("train", "test").index(folder) + 1
    kinds = [number_of[fields[1]] for _, fields in rows]
    vehicles = [place * 100_000 + kind * 10_000 + int(fields[2]) for kind, (_, fields) in zip(kinds, rows, strict=True)]
    called = {vehicle: f"{folder}/{fields[1]}_{fields[2]}" for vehicle, (_, fields) in zip(vehicles, rows, strict=True)}
    return ImageTable(
        tuple(f"images/{folder}/{fields[0]}" for _, fields in rows),
        vehicle=np.array(vehicles, dtype=np.int64),
        camera=_cameras(rows),
        type=np.array(kinds, dtype=np.int64),
        names={"vehicle": called, "type": TYPES},
    )
