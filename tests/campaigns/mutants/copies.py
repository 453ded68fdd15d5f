"""Small copies of every data set, and data of a user's own: the lists, labels and tables that are changed in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.data.dataset import Dataset
from harness.errors import BenchError
from harness.registry.registry import load
from harness.tasks.conventions import serve
from harness.tasks.fingerprint import fingerprint
from harness.tasks.protocol import Protocol
from harness.tasks.rules import relevance
from harness.tasks.toml_protocol import open_protocol

LAYOUTS = {"veri776": 3.0, "vehicleid": 2.0, "veriwild": 2.0, "vric": 1.0, "vru": 1.0}
"""The layouts of the released data sets, and how many mutants their lists get."""

DRAWN = {"vehicles": 12, "cameras": 4, "image_size": 32, "seed": 5, "workers": 1}
LISTS = (".txt", ".xml", ".csv")

OWN = """# data of a user's own
table = "images.csv"
title = "Night"

[columns]
vehicle = "plate"

[tasks.main]
measures = ["ap", "cmc@1", "cmc@5"]

[tasks.drawn]
query = "gallery"
gallery = "gallery"
draws = { count = 3, seed = 1 }
"""

Found = tuple[str, Path, Callable[[Path], Any], float]
"""A name, the file, what reads it, and its weight."""


def copies(folder: Path) -> Iterator[Found]:
    """Yield the lists, labels and tables of all data sets, drawn or written below a folder."""
    registry = load()
    for name, weight in LAYOUTS.items():
        root = folder / name
        registry.layout(name).make(root, **DRAWN)
        protocol = registry.protocol(name)
        lists = [path for path in sorted(root.rglob("*")) if path.suffix in LISTS and "image" not in path.parts[-2]]
        kinds: dict[str, Path] = {path.name: path for path in lists}

        def read(_path: Path, protocol: Protocol = protocol, root: Path = root) -> Any:
            return read_copy(protocol, root)

        yield from ((f"{name}, {kind}", path, read, weight / len(kinds)) for kind, path in kinds.items())
    yield from _own(folder / "own")


def _own(folder: Path) -> Iterator[Found]:
    folder.mkdir(parents=True)
    rows = [
        f"images/{plate}_{shot}.jpg,{plate},{shot % 3},{'query' if shot == 0 else 'gallery'},2018-03-11T17:00:0{shot}"
        for plate in ("AB 123", "CD 45", "EF 6", "GH 78")
        for shot in range(4)
    ]
    (folder / "images.csv").write_text("\n".join(["path,plate,camera,split,time", *rows, ""]))
    (folder / "own.toml").write_text(OWN)

    def read(_path: Path) -> Any:
        protocol = open_protocol(folder / "own.toml")
        return read_copy(protocol, folder)

    yield "own data, images.csv", folder / "images.csv", read, 4.0
    yield "own data, TOML", folder / "own.toml", read, 4.0


def read_copy(protocol: Protocol, root: Path) -> Any:
    """Return everything that decides a number on a copy, and what keeps its other tasks from being evaluated.

    Raises:
        BenchError: the copy cannot be read, or no task can be evaluated.
    """
    dataset: Dataset = protocol.load(root)
    served, lost = serve(protocol.tasks, dataset)
    found = {}
    for task in served:
        try:
            relevance(task, dataset)
            found[task.name] = fingerprint(protocol, task, dataset)
        except BenchError as problem:
            lost[task.name] = problem
    if not found:
        raise next(iter(lost.values()))
    train = dataset.splits.get("train")
    return found, sorted(lost), () if train is None else (train.paths, train.vehicle.tobytes())
