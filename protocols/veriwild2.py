"""VERI-Wild 2.0: a test set for VERI-Wild's training images, across viewpoints, illumination and weather."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.lists import Problems, Row, numbers, release_folder
from harness.tasks.protocol import Protocol
from harness.tasks.task import Convention, Rule, Task
from protocols.released import boxes_in, missing_lists, read_rows, refuse_shared_queries

FOLDER = "test_split"
LINE = re.compile(r"((?:[A-Za-z0-9_-]{1,100}/){0,6}[A-Za-z0-9_-]{1,100}\.jpg)[ \t]+([0-9]{1,9})[ \t]+([0-9]{1,9})")
EXAMPLE = "00001/000001.jpg 1 12"
LISTS = {"all": "All", "a": "A", "b": "B"}
PLACES = {
    side: ("", "images/", f"{side}/", f"{side}/{side}/", f"{side}/{side}/{side}_final/", f"{side}_final/")
    for side in ("query", "gallery")
}
"""Folders that the lists' paths may be relative to, as copies are unpacked."""

SOURCE = "the release of VERI-Wild 2.0 by PKU-IMRE; the camera rule is that of VERI-Wild"
ABOUT = {
    "all": "all queries of the test set",
    "a": "queries across viewpoints",
    "b": "queries across illumination and weather",
}


def _task(name: str) -> Task:
    return Task(
        name,
        Rule(ignore=("same vehicle and camera",)),
        ("ap", "cmc@1", "cmc@5"),
        query=f"{name}-query",
        gallery=f"{name}-gallery",
        about=f"{ABOUT[name]}, against the images of the other cameras",
        source=SOURCE,
        conventions={
            "no-camera-rule": Convention(
                "images of the query's own vehicle and camera are positives",
                rule=Rule(),
                source="public code that ignores cameras",
            )
        },
    )


class VeriWild2(Protocol):
    """VERI-Wild 2.0 as released: the lists A, B and All of queries and gallery, without training images."""

    name: ClassVar[str] = "veriwild2"
    title: ClassVar[str] = "VERI-Wild 2.0"
    tasks: ClassVar[tuple[Task, ...]] = tuple(map(_task, LISTS))

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``; a list that is missing makes its task unavailable."""
        files = {
            f"{task}-{side}": f"{FOLDER}/{word}_{side}.txt"
            for task, word in LISTS.items()
            for side in ("query", "gallery")
        }
        root = release_folder(root, files.values())
        problems = Problems(root)
        rows = {
            split: read_rows(root / file, LINE, EXAMPLE, problems)
            for split, file in files.items()
            if (root / file).exists()
        }
        problems.check()
        splits = {split: _table(root, found, split.partition("-")[2]) for split, found in rows.items()}
        sides = {task: (f"{task}-query", f"{task}-gallery") for task in LISTS}
        unavailable = missing_lists(root, sides, splits, files)
        refuse_shared_queries(root, sides, splits)
        return Dataset(root, splits, unavailable, boxes=boxes_in(root))


def _table(root: Path, rows: Sequence[Row], side: str) -> ImageTable:
    first = rows[0][1][0]
    place = next((place for place in PLACES[side] if (root / place / first).is_file()), "")
    return ImageTable(
        tuple(f"{place}{fields[0]}" for _, fields in rows),
        vehicle=numbers(fields[1] for _, fields in rows),
        camera=numbers(fields[2] for _, fields in rows),
    )
