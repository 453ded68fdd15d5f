"""VehicleID (PKU): lists without cameras, with one gallery image a vehicle drawn at random (Liu et al., 2016)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.data.lists import Problems, parse, read_lines
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task
from protocols import random_draws

SOURCE = "Liu et al., Deep Relative Distance Learning: Tell the Difference Between Similar Vehicles, CVPR 2016"
LISTS = {
    "small": "test_list_800.txt",
    "medium": "test_list_1600.txt",
    "large": "test_list_2400.txt",
    "3200": "test_list_3200.txt",
    "6000": "test_list_6000.txt",
    "13164": "test_list_13164.txt",
}
LABELS = {"model": ("model_attr.txt", "model_names.txt"), "colour": ("color_attr.txt", "color_names.txt")}
ATTRIBUTES = "attribute"
VEHICLES = "img2vid.txt"
"""The vehicle of each image, in the folder of the attributes."""
NAME = re.compile(r"image/[0-9]{7}\.jpg")
LAYOUT = random_draws.Layout(LISTS, "image", NAME, "image/0279029.jpg")
VEHICLE = re.compile(r"([0-9]{1,12})[ \t]+([0-9]{1,9})")
LABEL = re.compile(r"([0-9]{1,9})[ \t]+([0-9]{1,6})")


class VehicleId(Protocol):
    """VehicleID as released: a training list, six test lists, models and colours of some training vehicles."""

    name: ClassVar[str] = "vehicleid"
    title: ClassVar[str] = "VehicleID"
    tasks: ClassVar[tuple[Task, ...]] = (
        random_draws.task("small", 800, images=6_493, source=SOURCE),
        random_draws.task("medium", 1_600, images=13_377, source=SOURCE),
        random_draws.task("large", 2_400, images=19_777, source=SOURCE),
        random_draws.task("3200", 3_200, source=SOURCE),
        random_draws.task("6000", 6_000, source=SOURCE),
        random_draws.task("13164", 13_164, source=SOURCE),
    )

    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"images": 113_346, "vehicles": 13_164},
        "small": {"images": 6_493, "vehicles": 800},
        "medium": {"images": 13_377, "vehicles": 1_600},
        "large": {"images": 19_777, "vehicles": 2_400},
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        dataset = random_draws.read(root, LAYOUT)
        problems = Problems(dataset.root)
        splits, notes = dict(dataset.splits), list(dataset.notes)
        for label, (file, names) in LABELS.items():
            path = dataset.root / ATTRIBUTES / file
            if not path.exists():
                notes.append(f"{ATTRIBUTES}/{file} is missing: no image has a {label}")
                continue
            of_vehicle = _read_labels(path, problems)
            words = _read_names(path.with_name(names))
            splits = {split: _labelled(table, label, of_vehicle, words) for split, table in splits.items()}
        problems.check()
        return _compared(replace(dataset, splits=splits, notes=tuple(notes)))

    def load_tasks(self, root: Path, tasks: Sequence[Task]) -> Dataset:
        """Read the lists of some tasks under ``root``."""
        return _compared(random_draws.read(root, LAYOUT, tasks))


def _compared(dataset: Dataset) -> Dataset:
    """Return a data set with a departure for each list that contradicts the release's own file of vehicles."""
    notes, departures = list(dataset.notes), dict(dataset.departures)
    of_image = _read_vehicles(dataset.root / ATTRIBUTES / VEHICLES, notes)
    for split, table in dataset.splits.items() if of_image else ():
        departures[split] = (*departures.get(split, ()), *_other_vehicles(split, table, of_image))
    return replace(dataset, notes=tuple(notes), departures=departures)


def _read_vehicles(path: Path, notes: list[str]) -> dict[int, int]:
    """Return the vehicle of each image as the release's own file states it; empty if there is none of its form."""
    if not path.exists():
        return {}
    matches = [VEHICLE.fullmatch(line) for line in read_lines(path) if line]
    if not matches or None in matches:
        notes.append(f"{ATTRIBUTES}/{VEHICLES} is not of the form '0279029 23781', and is not compared with the lists")
        return {}
    return {int(match[1]): int(match[2]) for match in matches if match}


def _other_vehicles(split: str, table: ImageTable, of_image: Mapping[int, int]) -> tuple[str, ...]:
    """Return a sentence on the images of a list that have another vehicle in the release's own file."""
    numbers = (int(Path(path).stem) for path in table.paths)
    pairs = zip(numbers, table.vehicle.tolist(), strict=True)
    wrong = [image for image, vehicle in pairs if of_image.get(image, vehicle) != vehicle]
    if not wrong:
        return ()
    file = {"train": random_draws.TRAIN, **LISTS}[split]
    return (f"{file}: {len(wrong)} images, the first {wrong[0]:07}, have another vehicle than in {VEHICLES}",)


def _read_labels(path: Path, problems: Problems) -> dict[int, int]:
    found: dict[int, int] = {}
    for line, fields in parse(path, LABEL, "1 237", problems):
        vehicle, label = int(fields[0]), int(fields[1])
        if found.setdefault(vehicle, label) != label:
            problems.add(path, line, f"vehicle {vehicle} has label {found[vehicle]} already")
    return found


def _read_names(path: Path) -> dict[int, str]:
    """Return the labels' names; the number precedes or follows the name, or is that of the line, from 0."""
    if not path.exists():
        return {}
    lines = [line.split() for line in read_lines(path) if line]
    if all(len(words) > 1 and words[0].isdecimal() for words in lines):
        return {int(words[0]): " ".join(words[1:]) for words in lines}
    if all(len(words) > 1 and words[-1].isdecimal() for words in lines):
        return {int(words[-1]): " ".join(words[:-1]) for words in lines}
    return {number: " ".join(words) for number, words in enumerate(lines)}


def _labelled(table: ImageTable, label: str, of_vehicle: Mapping[int, int], names: Mapping[int, str]) -> ImageTable:
    """Return the table with one more label, ``UNKNOWN`` for the images of a vehicle without it."""
    column: dict[str, Any] = {
        label: np.array([of_vehicle.get(vehicle, UNKNOWN) for vehicle in table.vehicle.tolist()], dtype=np.int64)
    }
    return replace(table, names={**table.names, label: names}, **column)
