"""Rank 10,000 queries against ten million distractors: ``python benchmarks/distractors.py --folder DIR``.

    python benchmarks/distractors.py --folder DIR [--images 1000000] [--types float16 int8 float32] [--checked 20]

For each type it makes features of the size of VERI-Wild large and those of the distractors (10.5 GB as float16, 5.5 as
int8, 21 as float32), runs ``bench eval`` on them in a fresh process, and prints its seconds by the clock and of the
processors, its peak of memory, and its ratio to a bare product of the same rows. Some queries are ranked again in
float64 by NumPy; their AP must be the same. A disk that is too small is told before anything is written, and
everything is deleted at the end.

Features are seeded: vehicles are points of a 48-dimensional space, and images scatter around them.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.fresh import Spent, spent
from harness.errors import RunError
from harness.features import FeatureFile, FeatureWriter, Provenance
from harness.features.storage import DTYPES, Storage

VEHICLES, QUERIES, GALLERY, CAMERAS = 10_000, 10_000, 128_517, 174
"""Of VERI-Wild large; each vehicle is asked once."""

WIDTH, RANK = 512, 48
SEEN = 10
"""Images of a vehicle among the distractors."""

SCALE = 8 / 127
"""Of int8: no number of these features is far beyond 8."""

BLOCK = 8192
SAMPLED = 16
"""Blocks of a bare product that are timed, twice each; all take the same."""

TIE = 1e-13
"""Similarities that differ by less are equal, which rounding may hide."""

PROTOCOL = """\
table = "images.csv"

[tasks.main]
"""


@dataclass(frozen=True)
class Problem:
    """Who is on which image: (n,) the vehicle of each."""

    query: np.ndarray
    gallery: np.ndarray
    distractors: np.ndarray
    cameras: np.ndarray

    @classmethod
    def of(cls, images: int) -> Problem:
        """Draw the images of a test, and distractors of other vehicles."""
        rng = np.random.default_rng(1)
        gallery = np.concatenate([np.arange(VEHICLES), rng.integers(0, VEHICLES, GALLERY - VEHICLES)])
        others = VEHICLES + np.arange(images) // SEEN
        return cls(np.arange(QUERIES), gallery, others, rng.integers(0, CAMERAS, QUERIES + GALLERY))


def features(labels: np.ndarray, drawn: int) -> Iterator[np.ndarray]:
    """Yield the float32 features of images with these vehicles, a block at a time; the same for the same ``drawn``."""
    basis = np.random.default_rng(20).standard_normal((RANK, WIDTH)).astype(np.float32) / np.float32(RANK**0.5)
    for first in range(0, len(labels), BLOCK):
        own = labels[first : first + BLOCK]
        rng = np.random.default_rng([drawn, first])
        centres = np.stack([np.random.default_rng([21, vehicle]).standard_normal(RANK) for vehicle in np.unique(own)])
        scatter = 0.7 * rng.gamma(4, 0.25, (len(own), 1)) * rng.standard_normal((len(own), RANK))
        points = (centres[np.unique(own, return_inverse=True)[1]] + scatter).astype(np.float32)
        yield points @ basis + np.float32(0.05) * rng.standard_normal((len(own), WIDTH), dtype=np.float32)


def keys(folder: str, count: int) -> np.ndarray:
    """Return (n,) keys in bytes: ``folder/00000001.jpg``; ten million texts would take a gigabyte."""
    digits = np.arange(count)[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    ends = [np.frombuffer(word.encode(), np.uint8) for word in (f"{folder}/", ".jpg")]
    parts = [np.broadcast_to(word, (count, len(word))) for word in ends]
    table = np.concatenate([parts[0], digits.astype(np.uint8), parts[1]], axis=1)
    return table.view(f"S{table.shape[1]}").ravel()


def storage_of(word: str) -> Storage:
    """Return how features of a type are stored."""
    return Storage(word, WIDTH, SCALE if word == "int8" else 1.0)


def needed(word: str, images: int) -> int:
    """Return the bytes that the files of a type take, with a hundredth to spare."""
    row = WIDTH * DTYPES[word].itemsize + 40
    return int(1.01 * (QUERIES + GALLERY + images) * row) + (64 << 20)


def refuse_small(folder: Path, words: list[str], images: int) -> None:
    """Raise a RunError unless the disk has room for the largest of the types; nothing is written before."""
    if not folder.is_dir():
        raise RunError("the folder is missing", where=folder, next_step="make it, or name another with --folder")
    free = shutil.disk_usage(folder).free
    most = max(words, key=lambda word: needed(word, images))
    if free < needed(most, images):
        raise RunError(
            "the disk is too small for this benchmark",
            where=folder,
            found=f"{free / 1e9:,.1f} GB are free",
            expected=f"{needed(most, images) / 1e9:,.1f} GB, for {images:,} distractors of {most}",
            next_step="name a folder on another disk with --folder, ask for fewer with --images, or for --types int8",
        )


def write(path: Path, names: np.ndarray, parts: list[tuple[np.ndarray, int]], storage: Storage) -> None:
    """Write a feature file block by block."""
    about = Provenance(dataset="big", method="seeded")
    with FeatureWriter(path, names, WIDTH, about, storage, resumable=False) as writer:
        for labels, drawn in parts:
            for rows in features(labels, drawn):
                writer.write(rows)


def describe(folder: Path, problem: Problem) -> np.ndarray:
    """Write the protocol and its table, and return the keys of the test."""
    names = np.concatenate([keys("query", QUERIES).astype("S21"), keys("gallery", GALLERY)])
    splits = ["query"] * QUERIES + ["gallery"] * GALLERY
    vehicles = np.concatenate([problem.query, problem.gallery]).tolist()
    with (folder / "images.csv").open("w", newline="") as file:
        rows = zip([name.decode() for name in names.tolist()], vehicles, problem.cameras.tolist(), splits, strict=True)
        csv.writer(file).writerows([("path", "vehicle", "camera", "split"), *rows])
    (folder / "big.toml").write_text(PROTOCOL)
    return names


def evaluate(folder: Path) -> tuple[Spent, str]:
    """Run ``bench eval`` in a fresh process; return what it took and what it prints."""
    words = ["eval", "test.h5", "--protocol", "big.toml", "--data", ".", "--distractors", "others.h5"]
    paths = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
    try:
        took, done = spent(
            ["-m", "harness", *words, "--record", "records"], cwd=folder, env={**os.environ, "PYTHONPATH": paths}
        )
    except subprocess.CalledProcessError as problem:
        raise RunError("bench eval failed", where=folder, found=f"exit status {problem.returncode}") from None
    return took, done.stdout


def bare(folder: Path) -> tuple[float, int]:
    """Return the seconds of torch.mm in float32 of all queries and all images, from some blocks, and their number."""
    with FeatureFile.open(folder / "test.h5") as test, FeatureFile.open(folder / "others.h5") as others:
        asked = torch.from_numpy(test.between(0, QUERIES).astype(np.float32))
        starts = np.linspace(0, max(len(others) - BLOCK, 0), SAMPLED).astype(int).tolist()
        rows = [torch.from_numpy(others.between(start, start + BLOCK).astype(np.float32)) for start in starts]
        images = GALLERY + len(others)
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        for block in rows:
            torch.mm(asked, block.T)
        spent.append(time.perf_counter() - began)
    done = sum(len(block) for block in rows)
    return min(spent[1:]) * images / done, done


def check(folder: Path, problem: Problem, count: int) -> float:
    """Return the greatest difference of AP between the record and float64 arithmetic in NumPy, for some queries."""
    asked = np.linspace(0, QUERIES - 1, count).astype(int)
    cameras = problem.cameras[QUERIES:]
    with FeatureFile.open(folder / "test.h5") as test, FeatureFile.open(folder / "others.h5") as others:
        own = unit(test.read([f"query/{number:08d}.jpg" for number in asked]))
        mates = [np.flatnonzero(problem.gallery == vehicle) for vehicle in problem.query[asked]]
        right = [rows[cameras[rows] != problem.cameras[query]] for rows, query in zip(mates, asked, strict=True)]
        gallery = unit(test.between(QUERIES, QUERIES + GALLERY)) @ own.T
        limits = [np.sort(gallery[rows, place]) for place, rows in enumerate(right)]
        counts = []
        for place, rows in enumerate(mates):
            counts.append(at_least(np.delete(gallery[:, place], rows), limits[place]))
        for first in range(0, len(others), BLOCK):
            found = unit(others.between(first, min(first + BLOCK, len(others)))) @ own.T
            for place, limit in enumerate(limits):
                counts[place] += at_least(found[:, place], limit)
    stated = recorded(folder)
    differences = [0.0]
    for query, before in zip(asked, counts, strict=True):
        if len(before):
            order = np.arange(1, len(before) + 1)
            differences.append(abs(float((order / (before[::-1] + order)).mean()) - stated[f"query/{query:08d}.jpg"]))
    return max(differences)


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of length 1 in float64."""
    wide = rows.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def at_least(found: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return how many of (n,) similarities reach each of (m,) limits, which stand in ascending order."""
    return len(found) - np.searchsorted(np.sort(found), limits - TIE)


def recorded(folder: Path) -> dict[str, float]:
    """Return the AP of each query from the record's values."""
    (path,) = (folder / "records").glob("per-query-*.csv.gz")
    with gzip.open(path, "rt") as file:
        return {row["key"]: float(row["ap"]) for row in csv.DictReader(file)}


def run(folder: Path, word: str, problem: Problem, checked: int) -> None:
    """Make the files of one type, evaluate, print the figures, and delete what was made."""
    storage, began = storage_of(word), time.perf_counter()
    names = describe(folder, problem)
    write(folder / "test.h5", names, [(problem.query, 2), (problem.gallery, 3)], storage)
    write(folder / "others.h5", keys("others", len(problem.distractors)), [(problem.distractors, 4)], storage)
    size = sum((folder / name).stat().st_size for name in ("test.h5", "others.h5")) / 1e9
    print(f"{word}: {size:.1f} GB, made in {time.perf_counter() - began:.0f} s", flush=True)
    took, printed = evaluate(folder)
    print(printed)
    about = f"{took.clock:.1f} s, {took.processor:.1f} s of the processors, {took.memory / 1e9:.2f} GB at its peak"
    print(f"{word}: bench eval took {about}")
    seconds, timed = bare(folder)
    print(
        f"{word}: {took.clock / seconds:.3f} of the bare product, torch.mm in float32 by blocks of {BLOCK:,} images: "
        f"{seconds:.1f} s, from {timed:,} images",
        flush=True,
    )
    if checked:
        difference = check(folder, problem, checked)
        print(f"{word}: AP of {checked} queries differs from float64's in NumPy by at most {difference:.1e}")


def main() -> None:
    """Measure the types one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--images", type=int, default=10_000_000)
    parser.add_argument("--types", nargs="+", choices=["float32", "float16", "int8"], default=["float16", "int8"])
    parser.add_argument("--checked", type=int, default=20, help="queries that are ranked again in float64")
    words = parser.parse_args()
    if words.images < 1 or not 0 <= words.checked <= QUERIES:
        parser.error(f"--images must be at least 1, and --checked from 0 to {QUERIES:,}")
    try:
        refuse_small(words.folder, words.types, words.images)
        problem = Problem.of(words.images)
        print(f"{QUERIES:,} queries, {GALLERY:,} + {words.images:,} images, {torch.get_num_threads()} threads")
        for word in words.types:
            with tempfile.TemporaryDirectory(dir=words.folder, prefix="distractors-") as folder:
                run(Path(folder), word, problem, words.checked)
    except RunError as problem_found:
        sys.exit(str(problem_found))


if __name__ == "__main__":
    main()
