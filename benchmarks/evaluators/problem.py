"""Problems on which float32 is exact, so that evaluators that agree on the definitions agree on the digits.

    python -m benchmarks.evaluators.problem SIZE FOLDER

The features are those of ``benchmarks/shapes.py``, moved to a grid: whole numbers whose squares sum to 2 ** 24. Each
norm is then 2 ** 12, and a cosine, its every partial sum and (if the cosine is not negative) the squared distance of
two directions are exact in float32, in any order of summation. Queries of which a positive ties with a negative are
drawn again, since evaluators rank ties differently. There are no junk images, which few evaluators know.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

if TYPE_CHECKING:
    from benchmarks.shapes import Shape

SQUARES = 2**24
"""The sum of the squares of a feature: no partial sum of a product of two features is larger, so all are exact."""

ROOM = 20_000
"""What is left of it to the last four numbers; eight standard deviations of the error of rounding the others."""

SCALE = 2.0**-8

APART = 3
"""Cosines of 0 and less, in units of 2 ** -24, must differ by so much: 1 minus them is rounded to two such units."""

PROTOCOL = """\
name = "peers-{name}"
table = "images.csv"

[tasks.main]
query = "query"
gallery = "gallery"
measures = ["ap", "cmc@1"]
"""


@dataclass(frozen=True)
class Problem:
    """Features of queries (q, d) and gallery (g, d), float32, and the vehicles that they show, (q,) and (g,) int64."""

    asked: np.ndarray
    table: np.ndarray
    query: np.ndarray
    gallery: np.ndarray

    def first(self, queries: int) -> Problem:
        """Return the problem of the first queries."""
        return Problem(self.asked[:queries], self.table, self.query[:queries], self.gallery)

    def little(self, queries: int = 16) -> Problem:
        """Return a problem of a few queries and the images of their vehicles alone, for warming up."""
        rows = np.isin(self.gallery, self.query[:queries])
        return Problem(self.asked[:queries], self.table[rows], self.query[:queries], self.gallery[rows])


def shape_of(size: str) -> Shape:
    """Return a shape of ``benchmarks/shapes.py`` by its name, or one of VEHICLESxIMAGESxQUERIES.

    Raises:
        ValueError: neither, or a shape that is drawn or streamed.
    """
    from benchmarks.shapes import SHAPES, Shape

    if numbers := re.fullmatch(r"(\d+)x(\d+)x(\d+)", size):
        vehicles, images, queries = map(int, numbers.groups())
        return Shape(vehicles, images, queries, 512, scatter=1.0)
    usable = sorted(name for name, shape in SHAPES.items() if not shape.draws and not shape.streamed)
    if size not in usable:
        raise ValueError(f"unknown size '{size}': expected VEHICLESxIMAGESxQUERIES or one of {', '.join(usable)}")
    return SHAPES[size]


def four_squares(numbers: np.ndarray) -> np.ndarray:
    """Return (n, 4) whole numbers whose squares sum to (n,) numbers; Lagrange's theorem says that there are some."""
    limit = int(numbers.max(initial=0)) + 1
    roots = np.arange(int(np.sqrt(limit)) + 1)
    pair = np.full((limit, 2), -1)
    for root in roots:
        others = roots[root**2 + roots**2 < limit]
        pair[root**2 + others**2] = np.stack([np.full_like(others, root), others], axis=1)
    answer = np.full((limit, 4), -1)
    missing = np.unique(numbers)
    for two in np.flatnonzero(pair[:, 0] >= 0):
        found = missing[(missing >= two) & (pair[np.maximum(missing - two, 0), 0] >= 0)]
        answer[found] = np.concatenate([np.broadcast_to(pair[two], (len(found), 2)), pair[found - two]], axis=1)
        missing = np.setdiff1d(missing, found, assume_unique=True)
        if not len(missing):
            break
    return answer[numbers]


def on_grid(features: np.ndarray, rng: np.random.Generator, block: int = 16_384) -> np.ndarray:
    """Return (n, d) float32 whole numbers of nearly the directions of (n, d) features; the squares sum to SQUARES."""
    answer = np.empty_like(features)
    for first in range(0, len(features), block):
        rows = features[first : first + block, :-4].astype(np.float64)
        rows *= np.sqrt(SQUARES - ROOM) / np.linalg.norm(rows, axis=1, keepdims=True)
        rows = np.rint(rows)
        rest = four_squares(SQUARES - (rows**2).sum(axis=1).astype(np.int64))
        answer[first : first + block, :-4] = rows
        answer[first : first + block, -4:] = rest * rng.choice([-1, 1], rest.shape)
    return answer


def ambiguous(problem: Problem, block: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Return which queries of a gallery sorted by vehicle have ties, (q,) bool, and their positives of cosine above 0.

    Ties of the rounded values of 1 minus a cosine, and of the squared distance, count.
    """
    tied = np.zeros(len(problem.query), dtype=np.bool_)
    above_zero = np.zeros(len(problem.query), dtype=np.int64)
    starts, ends = (np.searchsorted(problem.gallery, problem.query, side) for side in ("left", "right"))
    for first in range(0, len(problem.query), block):
        products = problem.asked[first : first + block] @ problem.table.T
        for query, row in enumerate(products, first):
            positives = row[starts[query] : ends[query]].copy()
            row[starts[query] : ends[query]] = np.inf
            above_zero[query] = (positives > 0).sum()
            tied[query] = any(
                (np.abs(row - one) < APART).any() if one < APART else (row == one).any() for one in positives
            )
    return tied, above_zero


def draw(shape: Shape, seed: int = 7) -> tuple[Problem, np.ndarray]:
    """Return a problem without ties, in whole numbers, and the number of positives of cosine above 0, (q,) int64.

    Raises:
        ValueError: some queries still tie after 50 draws.
    """
    from benchmarks.shapes import features

    rng = np.random.default_rng(seed)
    gallery = rng.integers(0, shape.vehicles, shape.images)
    gallery[: shape.vehicles] = np.arange(shape.vehicles)
    gallery.sort()
    fixed = shape.queries == shape.vehicles
    query = np.arange(shape.vehicles) if fixed else rng.choice(gallery, shape.queries)
    table = on_grid(features(shape, gallery, rng), rng)
    asked = on_grid(features(shape, query, rng), rng)
    above_zero = np.zeros(len(query), dtype=np.int64)
    open_ones = np.arange(len(query))
    for _ in range(50):
        tied, above_zero[open_ones] = ambiguous(Problem(asked[open_ones], table, query[open_ones], gallery))
        open_ones = open_ones[tied]
        if not len(open_ones):
            return Problem(asked, table, query, gallery), above_zero
        asked[open_ones] = on_grid(features(shape, query[open_ones], rng), rng)
    raise ValueError(f"{len(open_ones)} queries still tie after 50 draws: the gallery is too large for such features")


def write(size: str, folder: Path) -> None:
    """Write the problem of a size as a feature file, a table of images and a protocol, unless it is there."""
    shape = shape_of(size)
    stated = {"size": size, "shape": asdict(shape), "code": 1}
    drawn = folder / "drawn.json"
    if drawn.exists() and json.loads(drawn.read_text(encoding="utf-8")) == stated:
        return
    from harness.features.writer import write_features

    folder.mkdir(parents=True, exist_ok=True)
    drawn.unlink(missing_ok=True)
    problem, above_zero = draw(shape)
    rows = [
        (f"{split}/{number:06d}.jpg", vehicle, split)
        for split, vehicles in (("query", problem.query), ("gallery", problem.gallery))
        for number, vehicle in enumerate(vehicles.tolist())
    ]
    features = np.concatenate([problem.asked, problem.table]) * np.float32(SCALE)
    write_features(folder / "features.h5", [row[0] for row in rows], features, dataset=f"peers-{size}", method="seeded")
    with (folder / "images.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "vehicle", "split"), *rows])
    (folder / "problem.toml").write_text(PROTOCOL.format(name=size), encoding="utf-8")
    (folder / "above_zero.json").write_text(json.dumps(above_zero.tolist()), encoding="utf-8")
    drawn.write_text(json.dumps(stated), encoding="utf-8")


def read(folder: Path) -> Problem:
    """Read the problem from the files of ``write``, as a script of one's own would."""
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        splits, vehicles = zip(*((row["split"], int(row["vehicle"])) for row in csv.DictReader(file)), strict=True)
    queries = splits.count("query")
    labels = np.array(vehicles)
    with h5py.File(folder / "features.h5") as file:
        rows = file["features"]
        return Problem(rows[:queries], rows[queries:], labels[:queries], labels[queries:])


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
