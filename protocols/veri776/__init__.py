"""VeRi-776: 776 vehicles under 20 cameras, asked image-to-track and image-to-image (Liu et al., 2016)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from harness.protocol import Dataset, Protocol, Rule, Task
from protocols.veri776.reading import read as read

IMAGE_TO_TRACK = Task(
    "image-to-track",
    Rule(unit="track", reduce="maximum", ignore=("same vehicle and camera",)),
    ("ap", "hit@1", "hit@5"),
    released={
        "queries": 1_678,
        "gallery images": 11_579,
        "gallery units": 2_021,
        "vehicles": 200,
        "positives": 18_719,
        "ignored": 2_023,
    },
    about="each query against the tracks of the other cameras, a track answering by its nearest image",
    source="Liu et al., PROVID, IEEE Transactions on Multimedia 20(3), 2018",
)
IMAGE_TO_IMAGE = Task(
    "image-to-image",
    Rule(unit="image", ignore=("same vehicle and camera",)),
    ("ap", "cmc@1", "cmc@5", "cmc@10", "minp"),
    released={
        "queries": 1_678,
        "gallery images": 11_579,
        "gallery units": 11_579,
        "vehicles": 200,
        "positives": 107_106,
        "ignored": 11_589,
    },
    about="each query against the test images of the other cameras",
    source="the evaluation code released with the data set, and nearly every paper since 2018",
)


class Veri776(Protocol):
    """VeRi-776 as released: name lists, track list, XML labels."""

    name: ClassVar[str] = "veri776"
    title: ClassVar[str] = "VeRi-776"
    tasks: ClassVar[tuple[Task, ...]] = (IMAGE_TO_TRACK, IMAGE_TO_IMAGE)

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        return read(root)
