"""VeRi-776: 776 vehicles under 20 cameras, evaluated image-to-track and image-to-image (Liu et al., 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Convention, Draws, Rule, Task
from protocols.veri776.reading import WITHOUT_QUERIES, read as read, read_test

_REPORT = "Sanfilippo, Vehicle Re-Identification using CNN-based models (the strong-baseline report)"

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
    about="each query against the tracks of the other cameras; a track counts by its nearest image",
    source="Liu et al., PROVID, IEEE Transactions on Multimedia 20(3), 2018",
    conventions={
        "mean-feature": Convention(
            "a track counts by the mean of its images' features",
            rule=Rule(unit="track", reduce="mean feature", ignore=("same vehicle and camera",)),
            source="public code for video-based re-identification",
        ),
        "no-camera-rule": Convention(
            "tracks of the query's own vehicle and camera are positives; one of them contains the query itself",
            rule=Rule(unit="track"),
            source="public code that ignores cameras",
        ),
        "same-camera": Convention(
            "every track of the query's camera is ignored",
            rule=Rule(unit="track", ignore=("same camera",)),
            source="public code that ranks across cameras only",
        ),
    },
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
    conventions={
        "trapezoid-ap": Convention(
            "average precision by trapezoids",
            measures={"ap": "ap_trapezoid"},
            source="the MATLAB code released with the data set",
        ),
        "queries-removed": Convention(
            "the query images are removed from the gallery",
            gallery=WITHOUT_QUERIES,
            source="public code that keeps query and gallery apart",
        ),
        "no-camera-rule": Convention(
            "images of the query's own vehicle and camera are positives, the query itself among them",
            rule=Rule(),
            source="public code that ignores cameras",
        ),
        "same-camera": Convention(
            "every image of the query's camera is ignored",
            rule=Rule(ignore=("same camera",)),
            source="public code that ranks across cameras only",
        ),
        "one-query": Convention(
            "one random test image of each vehicle is a query against all others, without a camera rule",
            rule=Rule(draws=Draws("query")),
            query="gallery",
            source=_REPORT,
        ),
        "merged-lists": Convention(
            "every test image is a query against all test images, itself among them, without a camera rule",
            rule=Rule(),
            query="gallery",
            source=f"{_REPORT}, section on evaluation before the test set was split",
        ),
    },
)


class Veri776(Protocol):
    """VeRi-776 as released: name lists, track list, XML labels."""

    name: ClassVar[str] = "veri776"
    title: ClassVar[str] = "VeRi-776"
    tasks: ClassVar[tuple[Task, ...]] = (IMAGE_TO_TRACK, IMAGE_TO_IMAGE)
    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"images": 37_778, "vehicles": 576, "cameras": 20},
        "query": {"images": 1_678, "vehicles": 200},
        "gallery": {"images": 11_579, "vehicles": 200, "cameras": 19, "tracks": 2_021},
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        return read(root)

    def load_tasks(self, root: Path, tasks: Sequence[Task]) -> Dataset:  # noqa: ARG002 - one pair of lists
        """Read the test lists and the tracks under ``root``, whichever the tasks."""
        return read_test(root)
