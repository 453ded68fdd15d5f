"""Reading a data set in VeRi-776's layout: lists and labels only; the images need not exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import ImageTable, IntArray
from harness.data.lists import Problems, release_folder
from protocols.released import boxes_in, check_training, odd_names
from protocols.veri776.indices import cross_check
from protocols.veri776.labels import VALUES, read_labels
from protocols.veri776.names import EXAMPLE, WHOLE, Name, read_names
from protocols.veri776.tracks import LIST, TASK, Tracks, read_tracks

LISTS = {"train": "name_train.txt", "query": "name_query.txt", "gallery": "name_test.txt"}
WITHOUT_QUERIES = "gallery-without-queries"
"""The split of the test images that are not queries, for a convention."""

RENAMED = (40, 41, 44, 479, 755)
"""Vehicles of which a few images have another vehicle's number in another release."""

FOLDERS = {"train": "image_train", "query": "image_query", "gallery": "image_test"}


def read(root: Path) -> Dataset:
    """Return a data set of any number of images in VeRi-776's layout, from the folder of the lists or its parent.

    Returns:
        The splits ``train`` (if its list exists), ``query``, ``gallery`` and ``gallery-without-queries``, with paths
        like ``image_test/0002_c002_00030600_0.jpg``; the gallery has tracks if their list exists.

    Raises:
        DataError: a test list is missing, a line is malformed, or a vehicle is in training and test.
    """
    root = release_folder(root, LISTS.values())
    problems = Problems(root)
    names = {split: read_names(root / LISTS[split], problems) for split in LISTS if split != "train" or _trains(root)}
    tracks = _tracks(root, names, problems)
    labels, notes_on_labels = read_labels(root, names, problems)
    notes = [*tracks.notes, *notes_on_labels, *_foreign_queries(names)]
    notes += cross_check(root, names["query"], names["gallery"], problems)
    problems.check()
    dataset = _dataset(root, names, tracks, labels)
    notes = [*check_training(root, dataset.splits, LISTS["train"]), *notes]
    return replace(dataset, notes=tuple(notes), release=_release(names))


def read_test(root: Path) -> Dataset:
    """Return the data set as ``read`` does, without the training list, colours, types, notes and what nothing ranks by.

    Raises:
        DataError: a test list is missing, or a line of one or of the track list is malformed.
    """
    root = release_folder(root, LISTS.values())
    problems = Problems(root)
    names = {split: read_names(root / LISTS[split], problems) for split in LISTS if split != "train"}
    tracks = _tracks(root, names, problems)
    problems.check()
    return _dataset(root, names, tracks, {})


def _trains(root: Path) -> bool:
    return (root / LISTS["train"]).exists()


def _tracks(root: Path, names: Mapping[str, Sequence[Name]], problems: Problems) -> Tracks:
    return read_tracks(root / LIST, [name.file for name in names["gallery"]], problems)


def _dataset(
    root: Path,
    names: Mapping[str, Sequence[Name]],
    tracks: Tracks,
    labels: Mapping[str, Mapping[str, IntArray]],
) -> Dataset:
    """Return the data set of lists that were read, without notes."""
    splits = {
        split: _table(split, found, tracks.number if split == "gallery" else None, labels.get(split, {}))
        for split, found in names.items()
    }
    asked = {name.file for name in names["query"]}
    others = np.array([name.file not in asked for name in names["gallery"]], dtype=np.bool_)
    splits[WITHOUT_QUERIES] = splits["gallery"].take(others)
    unavailable = {} if tracks.unavailable is None else {TASK: tracks.unavailable}
    departures = {
        split: odd_names((name.file for name in found), WHOLE, EXAMPLE, LISTS[split]) for split, found in names.items()
    }
    return Dataset(root, splits, unavailable, boxes=boxes_in(root), departures=departures)


def _release(names: Mapping[str, Sequence[Name]]) -> str:
    """Return the number of images of each vehicle that releases name differently."""
    every = Counter(name.vehicle for split in names for name in names[split])
    found = ", ".join(f"{every[vehicle]} of {vehicle:04}" for vehicle in RENAMED if every[vehicle])
    return f"images by the vehicles that releases name differently: {found}" if found else ""


def _table(split: str, names: Sequence[Name], track: IntArray | None, labels: Mapping[str, IntArray]) -> ImageTable:
    return ImageTable(
        tuple(f"{FOLDERS[split]}/{name.file}" for name in names),
        vehicle=np.array([name.vehicle for name in names], dtype=np.int64),
        camera=np.array([name.camera for name in names], dtype=np.int64),
        time=np.array([name.frame for name in names], dtype=np.int64),
        track=track,
        names={label: VALUES[label] for label in labels},
        **labels,
    )


def _foreign_queries(names: Mapping[str, Sequence[Name]]) -> list[str]:
    """Return a note on queries that are not test images; in the release all are."""
    test = {name.file for name in names["gallery"]}
    foreign = sum(name.file not in test for name in names["query"])
    return [f"{foreign} queries are not in {LISTS['gallery']}, but all of them are in the release"] if foreign else []
