"""VeRi-776's XML labels: a colour and a type for each image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.data.images import UNKNOWN, IntArray
from harness.data.lists import Problems, quote
from protocols.veri776.names import Name
from protocols.xml_items import read_items

FILES = {"train_label.xml": ("train",), "test_label.xml": ("gallery", "query")}
COLOURS = dict(enumerate(("yellow", "orange", "green", "gray", "red", "blue", "white", "golden", "brown", "black"), 1))
TYPES = dict(enumerate(("sedan", "suv", "van", "hatchback", "mpv", "pickup", "bus", "truck", "estate"), 1))
VALUES = {"colour": COLOURS, "type": TYPES}
ATTRIBUTES = {"colour": "colorID", "type": "typeID"}

MISTYPED = {3: 2, 7: 2, 41: 2}
"""Vehicles whose type is 0 in early copies of the release, and their type in later ones."""

NUMBER = re.compile(r"[0-9]{1,9}")


def read_labels(
    root: Path, names: Mapping[str, Sequence[Name]], problems: Problems
) -> tuple[dict[str, dict[str, IntArray]], list[str]]:
    """Return colour and type of each split's images, and notes on differences from the release.

    Queries are test images and get the labels of these. A split whose file is missing has no labels.

    Returns:
        For each split ``colour`` and ``type``, (n,) int64, ``UNKNOWN`` if no item names the image.

    Raises:
        DataError: a file is not XML, or declares entities.
    """
    columns: dict[str, dict[str, IntArray]] = {}
    notes: list[str] = []
    for file, splits in FILES.items():
        asking = [split for split in splits if split in names]
        if not (root / file).exists():
            notes.append(f"{file} is missing: its images have no colour and no type")
            continue
        found, said = _read_file(root / file, problems)
        notes += said
        listed = {name.file for asked in asking for name in names[asked]}
        if extra := len(found.keys() - listed):
            notes.append(f"{file} labels {extra} images that are in no list")
        for asked in asking:
            columns[asked] = {
                label: np.array([found.get(name.file, _NOTHING)[label] for name in names[asked]], dtype=np.int64)
                for label in ATTRIBUTES
            }
            if missing := sum(name.file not in found for name in names[asked]):
                notes.append(f"{file} does not label {missing} of the {asked} images")
    return columns, notes


_NOTHING = dict.fromkeys(ATTRIBUTES, UNKNOWN)


def _read_file(path: Path, problems: Problems) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Return the labels by image name, and notes on values that were corrected."""
    found: dict[str, dict[str, int]] = {}
    odd: Counter[str] = Counter()
    for line, item in read_items(path):
        name, vehicle = item.get("imageName", ""), item.get("vehicleID", "")
        values = {label: item.get(attribute, "") for label, attribute in ATTRIBUTES.items()}
        if not name or not all(map(NUMBER.fullmatch, (vehicle, *values.values()))):
            problems.add(
                path, line, f"{quote(str(dict(item)))} lacks imageName, or vehicleID, colorID, typeID in digits"
            )
            continue
        if name in found:
            odd["an image is labelled again; its first label was kept"] += 1
            continue
        found[name] = {label: _value(label, int(values[label]), int(vehicle), odd) for label in ATTRIBUTES}
    return found, [f"{path.name}: {count} times {what}" for what, count in sorted(odd.items())]


def _value(label: str, value: int, vehicle: int, odd: Counter[str]) -> int:
    """Return a label's value, corrected if necessary; corrections are counted."""
    if value in VALUES[label]:
        return value
    if label == "type" and value == 0 and vehicle in MISTYPED:
        odd[f"type 0 of vehicle {vehicle} was read as {MISTYPED[vehicle]} ({TYPES[MISTYPED[vehicle]]})"] += 1
        return MISTYPED[vehicle]
    odd[f"{label} {value}, which has no name, was read as unknown"] += 1
    return UNKNOWN
