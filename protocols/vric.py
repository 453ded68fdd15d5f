"""VRIC: 60,430 images from traffic cameras, evaluated as one fixed single shot (GCPR 2018)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.lists import Problems, Row, numbers, quote, release_folder
from harness.tasks.protocol import Protocol
from harness.tasks.task import Rule, Task
from protocols.released import boxes_in, check_training, read_rows

LINE = re.compile(r"([A-Za-z0-9_-]{1,100}\.jpg)[ \t]+([0-9]{1,9})[ \t]+([0-9]{1,9})")
EXAMPLE = "MVI_20011_016_img00105.jpg 15 1"
LISTS = {
    "train": ("vric_train.txt", "train_images"),
    "query": ("vric_probe.txt", "probe_images"),
    "gallery": ("vric_gallery.txt", "gallery_images"),
}

SINGLE_SHOT = Task(
    "single-shot",
    Rule(),
    ("cmc@1", "cmc@5", "ap"),
    released={
        **dict.fromkeys(("queries", "gallery images", "gallery units", "vehicles", "positives"), 2_811),
        "ignored": 0,
    },
    about="each probe against one image of every test vehicle; mAP is the mean reciprocal rank",
    source="Kanaci, Zhu, Gong, Vehicle Re-Identification in Context, GCPR 2018",
)


class Vric(Protocol):
    """VRIC as released: lists of file, vehicle and camera."""

    name: ClassVar[str] = "vric"
    title: ClassVar[str] = "VRIC"
    tasks: ClassVar[tuple[Task, ...]] = (SINGLE_SHOT,)

    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"images": 54_808, "vehicles": 2_811},
        "query": {"images": 2_811, "vehicles": 2_811},
        "gallery": {"images": 2_811, "vehicles": 2_811},
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        dataset = _read(root, LISTS)
        return replace(dataset, notes=tuple(check_training(dataset.root, dataset.splits, LISTS["train"][0])))

    def load_tasks(self, root: Path, tasks: Sequence[Task]) -> Dataset:  # noqa: ARG002 - there is one task
        """Read the test lists under ``root``."""
        return _read(root, ("query", "gallery"))


def _read(root: Path, wanted: Iterable[str]) -> Dataset:
    """Return the data set with some of the lists, without notes; that of training may be missing."""
    root = release_folder(root, [file for file, _ in LISTS.values()])
    problems = Problems(root)
    rows = {
        split: read_rows(root / LISTS[split][0], LINE, EXAMPLE, problems)
        for split in wanted
        if split != "train" or (root / LISTS[split][0]).exists()
    }
    _refuse_probes_in_the_gallery(root / LISTS["gallery"][0], rows, problems)
    problems.check()
    splits = {split: _table(rows[split], LISTS[split][1]) for split in rows}
    return Dataset(root, splits, boxes=boxes_in(root), departures=_departures(splits))


def _refuse_probes_in_the_gallery(path: Path, rows: dict[str, list[Row]], problems: Problems) -> None:
    """Report every gallery line whose image is also a probe as a problem."""
    probes = {fields[0] for _, fields in rows["query"]}
    for line, fields in rows["gallery"]:
        if fields[0] in probes:
            problems.add(path, line, f"{quote(fields[0])} is a probe as well")


def _departures(splits: Mapping[str, ImageTable]) -> dict[str, tuple[str, ...]]:
    """Return a sentence on the probes that share their camera with their match; in the release none does."""
    query, gallery = splits["query"], splits["gallery"]
    if query.camera is None or gallery.camera is None:
        return {}
    there = set(zip(gallery.vehicle.tolist(), gallery.camera.tolist(), strict=True))
    shared = sum(pair in there for pair in zip(query.vehicle.tolist(), query.camera.tolist(), strict=True))
    if not shared:
        return {}
    return {
        "query": (f"{LISTS['query'][0]}: {shared} probes share their camera with their match, none in the release",)
    }


def _table(rows: list[Row], folder: str) -> ImageTable:
    return ImageTable(
        tuple(f"{folder}/{fields[0]}" for _, fields in rows),
        vehicle=numbers(fields[1] for _, fields in rows),
        camera=numbers(fields[2] for _, fields in rows),
    )
