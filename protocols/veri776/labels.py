"""VeRi-776's XML labels: a colour and a type for each image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.parsers import expat

import numpy as np

from harness.data.encoding import marked, to_utf8
from harness.data.images import UNKNOWN, IntArray
from harness.data.lists import Problems, quote, read_bytes
from harness.errors import DataError
from protocols.veri776.names import Name

FILES = {"train_label.xml": ("train",), "test_label.xml": ("gallery", "query")}
COLOURS = dict(enumerate(("yellow", "orange", "green", "gray", "red", "blue", "white", "golden", "brown", "black"), 1))
TYPES = dict(enumerate(("sedan", "suv", "van", "hatchback", "mpv", "pickup", "bus", "truck", "estate"), 1))
VALUES = {"colour": COLOURS, "type": TYPES}
ATTRIBUTES = {"colour": "colorID", "type": "typeID"}

MISTYPED = {3: 2, 7: 2, 41: 2}
"""Vehicles whose type is 0 in early copies of the release, and their type in later ones."""

DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*\?>""")
ENCODINGS = {
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
}
NUMBER = re.compile(r"[0-9]{1,9}")

Item = Mapping[str, str]


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


def read_items(path: Path) -> list[tuple[int, Item]]:
    """Return the line and the attributes of every ``Item`` of an XML file.

    The bytes are decoded here because the release declares gb2312, which expat does not support. A document type is
    refused, so that no entity is ever expanded or fetched.

    Raises:
        DataError: it is not XML, declares a document type or an unknown encoding, or is in another than it declares.
    """
    content = read_bytes(path, "label file")
    declared = DECLARED.match(content)
    encoding = declared.group(1).decode().lower() if declared else marked(content)
    if encoding in ("utf-16", "utf-32"):
        encoding = "utf-8"  # by its mark
    if encoding not in ENCODINGS:
        raise DataError("the label file's encoding is unknown", where=path, found=encoding, expected="gb2312 or utf-8")
    items: list[tuple[int, Item]] = []
    parser = expat.ParserCreate("utf-8")  # overrides what the document declares

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "Item":
            items.append((parser.CurrentLineNumber, attributes))

    def refuse(*_: object) -> None:
        raise DataError("the label file declares a document type, which no file of the release does", where=path)

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(to_utf8(path, content, ENCODINGS[encoding], "label file"), True)
    except expat.ExpatError as problem:
        raise DataError(
            "the label file is not XML", where=f"{path}:{problem.lineno}", found=expat.ErrorString(problem.code)
        ) from None
    return items
