"""Galleries on disk, from 250,000 to 4,000,000 images: how seconds and memory grow with images and with positives.

Every further part of the gallery shows the vehicles of the first. So a query has ten times as many positives in a
gallery ten times as large, unless those of the further parts are ignored, which leaves it the same ones.
"""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from benchmarks.evaluators.memory import peak, reset_peak
from benchmarks.shapes import Shape, features, lists, relevance_of
from harness.kernel.ranking import rank
from harness.tasks.relevance import Relevance

PART = 250_000
SIZES = tuple(PART * 2**power for power in range(5))
SAME, MORE = "the same positives", "positives as many times"

BLOCK = 65_536
"""Rows written at once."""


class FirstRows:
    """The first rows of an HDF5 data set."""

    def __init__(self, rows: h5py.Dataset, count: int) -> None:
        self.rows, self.shape, self.dtype = rows, (count, rows.shape[1]), rows.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return the rows of a slice."""
        return np.asarray(self.rows[rows])


def what_of(images: int, how: str) -> str:
    """Return the name of a row of the table."""
    return f"{images:,} images, {how}"


def relevance_within(shape: Shape, query: np.ndarray, gallery: np.ndarray, how: str) -> Relevance:
    """Return the relevance of a gallery; positives behind its first part are ignored if they are to be the same."""
    whole = relevance_of(shape, query, gallery)
    if how == MORE:
        return whole
    units, starts = whole.positives.units, whole.positives.starts
    rows = [units[first:last] for first, last in pairwise(starts)]
    within, behind = [row[row < PART] for row in rows], [row[row >= PART] for row in rows]
    return Relevance(whole.queries, whole.units, lists(within), lists(behind))


def streamed(name: str, shape: Shape, folder: Path) -> list[list[object]]:
    """Time each size with the same positives and with more, once, after a warm-up, and return the rows of the table."""
    rng = np.random.default_rng(8)
    part = np.sort(np.resize(np.arange(shape.vehicles), PART))
    gallery = np.resize(part, shape.images)
    query = rng.choice(shape.vehicles, shape.queries, replace=False)
    asked = features(shape, query, rng)
    sizes = [size for size in SIZES if size <= shape.images]
    answer: list[list[object]] = []
    with h5py.File(folder / "gallery.h5", "w") as file:
        rows = file.create_dataset(
            "rows", (shape.images, shape.width), dtype="f4", chunks=(min(4096, shape.images), shape.width)
        )
        for first in range(0, shape.images, BLOCK):
            rows[first : first + BLOCK] = features(shape, gallery[first : first + BLOCK], rng)
        rank(asked, FirstRows(rows, PART), relevance_within(shape, query, gallery[:PART], SAME))
        for how in (SAME, MORE):
            for images in sizes if how == SAME else sizes[1:]:
                relevance = relevance_within(shape, query, gallery[:images], how)
                reset_peak()
                start = time.perf_counter()
                rank(asked, FirstRows(rows, images), relevance)
                seconds = time.perf_counter() - start
                answer.append([name, "", what_of(images, how), seconds, None, peak() / 1e9])
    return answer


def costs(seconds: dict[str, float], shape: Shape) -> tuple[float, float]:
    """Return the ns of a pair of a query and an image, and those that each positive of the query adds to it.

    Args:
        seconds: of the largest gallery, by the name of the row.
        shape: its queries and vehicles.
    """
    largest = max(SIZES)
    pairs = largest * shape.queries
    own = PART / shape.vehicles
    more = own * (largest / PART - 1)
    same, further = (seconds[what_of(largest, how)] for how in (SAME, MORE))
    each = max(further - same, 0.0) / pairs / more
    return (same / pairs - own * each) * 1e9, each * 1e9
