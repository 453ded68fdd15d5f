"""Reading CityFlowV2-ReID's labels and tracks, and choosing the public substitute for its withheld test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.data.lists import Problems, misfit, quote, read_lines, release_folder
from harness.errors import DataError
from protocols.released import boxes_in, middles
from protocols.xml_items import read_items

LABELS = {"train": "train_label.xml", "test-query": "query_label.xml", "test-gallery": "test_label.xml"}
FOLDERS = {"train": "image_train", "test-query": "image_query", "test-gallery": "image_test"}
TRACKS = {"train": "train_track.txt", "test-gallery": "test_track.txt"}
SUBSTITUTE = "public_split.txt"
"""A list of the vehicles of the substitute, one a line, for those who have one; no release includes it."""
HELD_OUT = 0.2
"""The share of the training vehicles in the substitute: 88 of 440."""

IMAGE = re.compile(r"[A-Za-z0-9_-]{1,100}\.jpg")
VEHICLE = re.compile(r"[0-9]{1,9}")
CAMERA = re.compile(r"c([0-9]{1,6})")
TRACK = re.compile(rf"{IMAGE.pattern}(?:[ \t]+{IMAGE.pattern})*")


class Item(NamedTuple):
    """One labelled image; ``UNKNOWN`` stands for a vehicle that is withheld."""

    file: str
    vehicle: int
    camera: int


def read(root: Path) -> Dataset:
    """Return the data set in a folder or below it.

    Returns:
        The splits ``train``, ``public-query`` and ``public-gallery`` (vehicles kept from it), ``training-query`` and
        ``training-gallery`` (all of them), and ``test-query`` and ``test-gallery``, whose vehicles are unknown.

    Raises:
        DataError: the training labels are missing, or a line or an item is malformed.
    """
    root = release_folder(root, [LABELS["train"]])
    problems = Problems(root)
    items = {
        split: _items(root / file, problems, labelled=split == "train")
        for split, file in LABELS.items()
        if split == "train" or (root / file).exists()
    }
    track_of = {
        split: _tracks(root / file, problems)
        for split, file in TRACKS.items()
        if split in items and (root / file).exists()
    }
    problems.check()
    chosen = _substitute(root, items["train"])
    every = _table(items["train"], "train", track_of.get("train"))
    held_out = np.isin(every.vehicle, list(chosen))
    public = every.take(held_out)
    splits = {
        "train": every.take(~held_out),
        "public-query": middles(public),
        "public-gallery": public,
        "training-query": middles(every),
        "training-gallery": every,
        **{split: _table(items[split], split, track_of.get(split)) for split in items if split != "train"},
    }
    return Dataset(
        root, splits, {"test": _withheld(root, splits)}, tuple(_notes(root, items, track_of)), boxes_in(root)
    )


def _withheld(root: Path, splits: Mapping[str, ImageTable]) -> DataError:
    if "test-query" in splits and "test-gallery" in splits:
        return DataError(
            "the vehicles of this test are withheld, so that only the challenge's server can score it",
            where=root,
            next_step="extract features with 'bench extract --protocol cityflow/test' and write the file to hand in "
            "with 'bench track2 write'; 'cityflow/public' can be scored here",
        )
    return DataError(
        "the lists of the challenge's test are missing",
        where=root,
        expected=f"{LABELS['test-query']} and {LABELS['test-gallery']}",
        next_step="copy them from the data set's release",
    )


def _items(path: Path, problems: Problems, *, labelled: bool) -> list[Item]:
    """Return the items of a label file in its order; malformed ones become problems."""
    found: dict[str, Item] = {}
    for line, item in read_items(path):
        name, vehicle, camera = (item.get(word, "") for word in ("imageName", "vehicleID", "cameraID"))
        seen = CAMERA.fullmatch(camera)
        if not IMAGE.fullmatch(name) or seen is None or not (VEHICLE.fullmatch(vehicle) or not (labelled or vehicle)):
            wanted = "imageName, vehicleID and cameraID" if labelled else "imageName and cameraID"
            problems.add(path, line, f"{quote(str(dict(item)))} lacks {wanted} like 000001.jpg, 0001 and c001")
        elif name in found:
            problems.add(path, line, f"{quote(name)} is already in an earlier item")
        else:
            found[name] = Item(name, int(vehicle) if labelled else UNKNOWN, int(seen[1]))
    if not found and not problems.found:
        raise DataError("the label file names no image", where=path, next_step="copy it from the data set's release")
    return list(found.values())


def _tracks(path: Path, problems: Problems) -> dict[str, int]:
    """Return the track of each image, from 0 in the order of the list."""
    found: dict[str, int] = {}
    tracks = 0
    for number, text in enumerate(read_lines(path), 1):
        if not text:
            continue
        if not TRACK.fullmatch(text):
            problems.add(path, number, misfit(text, "000001.jpg 000002.jpg"))
            continue
        for file in text.split():
            if found.setdefault(file, tracks) != tracks:
                problems.add(path, number, f"{quote(file)} is already in an earlier track")
        tracks += 1
    return found


def _substitute(root: Path, items: Sequence[Item]) -> set[int]:
    """Return the vehicles of the public substitute: those of the user's list, or the last fifth by number."""
    problems = Problems(root, f"your {SUBSTITUTE}", "correct them, or remove the file: the last fifth is taken then")
    vehicles = sorted({item.vehicle for item in items})
    path = root / SUBSTITUTE
    if not path.exists():
        return set(vehicles[len(vehicles) - round(HELD_OUT * len(vehicles)) :])
    chosen = set()
    for number, text in enumerate(read_lines(path, "list of the substitute's vehicles"), 1):
        if VEHICLE.fullmatch(text) and int(text) in vehicles:
            chosen.add(int(text))
        elif text:
            problems.add(path, number, f"{quote(text)} is not a vehicle of {LABELS['train']}")
    if len(chosen) == len(vehicles):
        problems.add(path, 1, "the list names every vehicle, so that none is left to train on")
    problems.check()
    return chosen


def _table(items: Sequence[Item], split: str, track_of: Mapping[str, int] | None) -> ImageTable:
    def column(values: list[int]) -> IntArray:
        return np.array(values, dtype=np.int64)

    return ImageTable(
        tuple(f"{FOLDERS[split]}/{item.file}" for item in items),
        vehicle=column([item.vehicle for item in items]),
        camera=column([item.camera for item in items]),
        track=None if track_of is None else column([track_of.get(item.file, UNKNOWN) for item in items]),
    )


def _notes(root: Path, items: Mapping[str, Sequence[Item]], track_of: Mapping[str, Mapping[str, int]]) -> list[str]:
    notes = [
        f"{file} is missing: the challenge's test cannot be answered"
        for split, file in LABELS.items()
        if split not in items
    ]
    for split, tracks in track_of.items():
        named = {item.file for item in items[split]}
        if missing := len(named - tracks.keys()):
            notes.append(f"{TRACKS[split]} names {missing} images of {LABELS[split]} in no track")
        if extra := len(tracks.keys() - named):
            notes.append(f"{TRACKS[split]} names {extra} images that are not in {LABELS[split]}")
    if (root / SUBSTITUTE).exists():
        notes.append(f"the vehicles of the substitute are those of {SUBSTITUTE}")
    return notes
