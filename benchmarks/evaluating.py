"""Time ``bench eval`` as a fresh process, at the sizes of VeRi-776 and of VERI-Wild, and say where the time goes.

    python benchmarks/evaluating.py [--shapes veri776 wild-large] [--times 3] [--keep FOLDER]

Lists and features are seeded and in the released layouts: VeRi-776 with its tracks, XML labels and training list,
VERI-Wild with vehicle_info.txt and the lists of all three sizes. The seconds of the processor do not depend on what
else the machine does; those of the clock do. The smallest of all times is printed, and the greatest peak of memory.
The second table names the modules that an evaluation imports at the greatest cost, by ``python -X importtime``, which
slows them down.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from benchmarks.fresh import spent
from harness.features import write_features

Names = list[str]

SPACE = 48
"""Dimensions in which vehicles and images differ, as in ``kernel.py``."""

WATCHED = ("torch", "numba", "numpy", "h5py", "pydantic", "scipy", "pandas", "matplotlib", "harness", "protocols")
"""Packages whose time of import is printed."""


@dataclass(frozen=True)
class Shape:
    """One evaluation.

    Attributes:
        word: the protocol, or one of its tasks.
        width: numbers of a feature.
        write: writes the lists into a folder, and returns the images of the tasks with their vehicles.
    """

    word: str
    width: int
    write: Callable[[Path, np.random.Generator], tuple[Names, npt.NDArray[np.int64]]]


def _lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def _xml(path: Path, names: Names) -> None:
    items = [
        f'<Item imageName="{name}" vehicleID="{name[:4]}" cameraID="{name[5:9]}" colorID="1" typeID="4" />'
        for name in names
    ]
    head = '<?xml version="1.0" encoding="gb2312"?>\n<TrainingImages>\n<Items number="1">\n'
    path.write_text(head + "\n".join(items) + "\n</Items>\n</TrainingImages>\n")


def _ground_truth(root: Path, query: Names, test: Names) -> None:
    """Write the files that list the positives and the ignored images of each query by their rows in the test list."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(test, 1):
        rows.setdefault(name[:4], []).append(row)
    camera = [name[5:9] for name in test]
    for file, own in (("gt_index.txt", False), ("jk_index.txt", True)):
        _lines(
            root / file,
            (
                " ".join(str(row) for row in rows[name[:4]] if (camera[row - 1] == name[5:9]) is own) + " "
                for name in query
            ),
        )


def write_veri776(root: Path, rng: np.random.Generator) -> tuple[Names, npt.NDArray[np.int64]]:
    """Write the lists of VeRi-776, with the released numbers of images and tracks."""

    def drawn(tracks: int, images: int, vehicles: Sequence[int]) -> list[Names]:
        owner = np.concatenate([vehicles, rng.choice(vehicles, tracks - len(vehicles))])
        cameras = rng.integers(1, 21, tracks)
        sizes = 1 + np.bincount(rng.integers(0, tracks, images - tracks), minlength=tracks)
        start = rng.permutation(tracks) * 100
        return [
            [f"{owner[t]:04}_c{cameras[t]:03}_{start[t] + frame:08}_0.jpg" for frame in range(sizes[t])]
            for t in range(tracks)
        ]

    train, test = drawn(6_000, 37_778, range(201, 777)), drawn(2_021, 11_579, range(1, 201))
    names = [name for track in test for name in track]
    query = [test[track][0] for track in np.sort(rng.permutation(len(test))[:1_678])]
    training = [name for track in train for name in track]
    for file, listed in (("train", training), ("query", query), ("test", names)):
        _lines(root / f"name_{file}.txt", listed)
    _lines(root / "test_track.txt", (f"{t[0][:9]}_t{number:04} {' '.join(t)} " for number, t in enumerate(test)))
    _ground_truth(root, query, names)
    _xml(root / "train_label.xml", training)
    _xml(root / "test_label.xml", names)
    paths = [f"image_query/{name}" for name in query] + [f"image_test/{name}" for name in names]
    return paths, np.array([int(name[:4]) for name in (*query, *names)])


WILD = ((1, 3_001, 41_861), (3_001, 5_001, 27_528), (5_001, 10_001, 69_128), (10_001, 40_672, 277_797))
"""The first vehicle, the one behind the last, and their images: of each test what the smaller lack, and of training."""


def _owners(first: int, behind: int, images: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the vehicle of each image, ascending; each vehicle has two or more."""
    each = np.repeat(np.arange(first, behind), 2)
    return np.sort(np.concatenate([each, rng.integers(first, behind, images - len(each))]))


def write_wild(root: Path, rng: np.random.Generator) -> tuple[Names, npt.NDArray[np.int64]]:
    """Write the lists of VERI-Wild of 2019 and its vehicle_info.txt, and return the images of the task ``large``."""
    owner = np.concatenate([_owners(*sizes, rng) for sizes in WILD])
    images = [f"{vehicle:05}/{number:06}" for number, vehicle in enumerate(owner.tolist(), 1)]
    folder = root / "train_test_split"
    draws = (rng.integers(low, high, len(images)).tolist() for low, high in ((1, 175), (1, 29), (0, 24), (0, 60)))
    labels = [
        f"{image};{camera};2018-03-{day:02} {hour:02}:{minute:02}:05;Audi-A6;sedan;white"
        for image, camera, day, hour, minute in zip(images, *draws, strict=True)
    ]
    _lines(folder / "vehicle_info.txt", ["id/image;Camera ID;Time;Model;Type;Color", *labels])
    tested = np.flatnonzero(owner <= 10_000)
    firsts = tested[np.searchsorted(owner[tested], np.arange(1, 10_001))]
    others = np.setdiff1d(tested, firsts)
    listed = [images[row] for row in others.tolist()]
    _lines(
        root / "train_test_split" / "train_list.txt", (image for row, image in enumerate(images) if owner[row] > 10_000)
    )
    for size, most in (("3000", 3_000), ("5000", 5_000), ("10000", 10_000)):
        _lines(folder / f"test_{size}_query.txt", (images[row] for row in firsts[:most].tolist()))
        _lines(folder / f"test_{size}.txt", (image for image in listed if int(image[:5]) <= most))
    rows = np.concatenate([firsts, others])
    return [f"images/{images[row]}.jpg" for row in rows.tolist()], owner[rows]


SHAPES = {
    "veri776": Shape("veri776", 2048, write_veri776),
    "veri776-image": Shape("veri776/image-to-image", 2048, write_veri776),
    "wild-large": Shape("veriwild/large", 512, write_wild),
}


def write(shape: Shape, folder: Path) -> Path:
    """Write a shape's lists and feature file into a folder, unless they are there, and return the feature file."""
    features = folder / "features.h5"
    if features.exists():
        return features
    rng = np.random.default_rng(16)
    paths, vehicles = shape.write(folder, rng)
    basis = rng.standard_normal((SPACE, shape.width), dtype=np.float32)
    centres = rng.standard_normal((vehicles.max() + 1, SPACE), dtype=np.float32)
    points = centres[vehicles] + rng.standard_normal((len(vehicles), SPACE), dtype=np.float32)
    rows = points @ basis
    return write_features(features, paths, rows, dataset=shape.word.partition("/")[0], method="seeded")


def imports(words: Sequence[str]) -> dict[str, float]:
    """Return the seconds of the imports of each watched package, without what it imports of another watched one."""
    own = dict.fromkeys((*WATCHED, "others"), 0.0)
    for line in spent(["-X", "importtime", *words], stderr=subprocess.PIPE)[1].stderr.splitlines():
        if (match := re.match(r"import time: +(\d+) \| +\d+ \| +(\S+)", line)) is not None:
            package = match[2].partition(".")[0]
            own[package if package in own else "others"] += int(match[1]) / 1e6
    return own


def main() -> None:
    """Print what each shape takes, and where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for lists and features, which are kept there")
    words = parser.parse_args()
    rows, parts = [], {}
    with tempfile.TemporaryDirectory() as passing:
        for name in words.shapes:
            shape = SHAPES[name]
            folder = (words.keep or Path(passing)) / name
            command = [
                "-m",
                "harness",
                "eval",
                str(write(shape, folder)),
                "--protocol",
                shape.word,
                "--data",
                str(folder),
            ]
            runs = [spent(command)[0] for _ in range(words.times)]
            rows.append(
                (
                    name,
                    min(run.processor for run in runs),
                    min(run.clock for run in runs),
                    max(run.memory for run in runs) / 1e6,
                )
            )
            parts[name] = imports(command)
    print(
        tabulate(
            rows, ("shape", "s of the processor", "s of the clock", "MB at most"), floatfmt=("", ".2f", ".2f", ".0f")
        )
    )
    print()
    table = [(package, *(parts[name][package] for name in words.shapes)) for package in (*WATCHED, "others")]
    print(tabulate(table, ("s of imports", *words.shapes), floatfmt=".3f"))


if __name__ == "__main__":
    main()
