"""What a report says about images: the labels of ranked units, near-duplicate vehicles and the sizes of images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.data.lists import Problems, parse
from harness.data.pictures import size_on_disk
from harness.errors import DataError
from harness.tasks.relevance import Relevance, RowLists, matching

NEAR_DUPLICATES = "near_duplicates.txt"
"""Pairs of vehicles that differ in little, a pair a line; a data set may have such a list."""

PAIR = re.compile(r"([0-9]{1,12}) +([0-9]{1,12})")

Twins = Mapping[int, frozenset[int]]
"""For each vehicle that has near-duplicates their numbers."""


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a gallery: images, or tracks.

    Attributes:
        first: (u,) int64, the row of each unit's first image in the gallery's table.
        images: (u,) int64, the number of its images.
        vehicle: (u,) int64.
        camera: (u,) int64, ``UNKNOWN`` for a track of several cameras; None if the data set has no cameras.
    """

    first: IntArray
    images: IntArray
    vehicle: IntArray
    camera: IntArray | None

    @classmethod
    def of(cls, gallery: ImageTable, relevance: Relevance) -> Units:
        """Return the units of a gallery."""
        if relevance.unit_of is None:
            rows = np.arange(len(gallery))
            return cls(rows, np.ones_like(rows), gallery.vehicle, gallery.camera)
        unit_of = relevance.unit_of
        _, first, images = np.unique(unit_of, return_index=True, return_counts=True)
        camera = None
        if gallery.camera is not None:
            camera = gallery.camera[first].copy()
            camera[unit_of[gallery.camera != camera[unit_of]]] = UNKNOWN
        return cls(first, images, gallery.vehicle[first], camera)


def read_near_duplicates(root: Path) -> Twins:
    """Return the near-duplicates of each vehicle, or nothing if the data set has no list of them.

    Raises:
        DataError: the list cannot be read.
    """
    path = root / NEAR_DUPLICATES
    if not path.is_file() or not path.stat().st_size:
        return {}
    problems = Problems(root, "the list of near-duplicates")
    rows = parse(path, PAIR, "0001 0002", problems)
    problems.check()
    twins: dict[int, set[int]] = {}
    for _, (one, other) in rows:
        twins.setdefault(int(one), set()).add(int(other))
        twins.setdefault(int(other), set()).add(int(one))
    return {vehicle: frozenset(others - {vehicle}) for vehicle, others in twins.items()}


def units_of_twins(query: ImageTable, units: Units, twins: Twins) -> RowLists:
    """Return for each query the units that show a near-duplicate of its vehicle."""
    vehicles = query.vehicle.tolist()
    others = {vehicle: sorted(twins.get(vehicle, ())) for vehicle in set(vehicles)}
    nobody = int(min(units.vehicle.min(), 0)) - 1
    count = len(units.vehicle)
    found: RowLists | None = None
    for place in range(max((len(one) for one in others.values()), default=0)):
        wanted = np.array([others[v][place] if place < len(others[v]) else nobody for v in vehicles], dtype=np.int64)
        listed = matching(wanted, units.vehicle)
        found = listed if found is None else found.union(listed, count)
    return found or RowLists.empty(len(query))


def image_sides(dataset: Dataset, keys: tuple[str, ...]) -> IntArray:
    """Return the side of a square of each image's area, rounded to pixels; ``UNKNOWN`` if the size cannot be read."""
    sides = np.full(len(keys), UNKNOWN)
    for row, key in enumerate(keys):
        try:
            width, height = size_on_disk(dataset.file(key), dataset.formats)
        except DataError:
            continue
        sides[row] = round((width * height) ** 0.5)
    return sides
