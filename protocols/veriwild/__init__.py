"""VERI-Wild: 416,314 images of 40,671 vehicles under 174 cameras, evaluated across cameras (Lou et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Convention, PublicCopy, Rule, Task
from protocols.veriwild.reading import read as read

SOURCE = "Lou et al., VERI-Wild, CVPR 2019; the camera rule as its authors stated it afterwards"
CONVENTIONS = {
    "no-camera-rule": Convention(
        "images of the query's own vehicle and camera are positives",
        rule=Rule(),
        source="the code first published by the authors of the data set, and several papers",
    ),
    "truncated-ap": Convention(
        "average precision over the positives among the 100 nearest; the other positives are left out",
        measures={"ap": "ap_truncated@100"},
        source="public code that stops ranking early",
    ),
    "all-queries": Convention(
        "the mean over all queries, where one without a right answer counts as 0",
        rule=Rule(ignore=("same vehicle and camera",), unanswered="zero"),
        source="no paper says which mean it prints; the two differ by 0.4 %",
    ),
    "same-camera": Convention(
        "every image of the query's camera is ignored",
        rule=Rule(ignore=("same camera",)),
        source="public code that ranks across cameras only",
    ),
}


PAIRS = {"small": (32_764, 6_097), "medium": (54_045, 10_344)}
"""Positives and ignored pairs by the camera rule, counted on the lists of 2019 as public code carries them."""


def _task(name: str, vehicles: int, gallery: int, unanswered: int = 0) -> Task:
    """Return the task of one pair of test lists, with one query a vehicle, some of which have no right answer."""
    pairs = dict(zip(("positives", "ignored"), PAIRS.get(name, ()), strict=False))
    return Task(
        name,
        Rule(ignore=("same vehicle and camera",)),
        ("ap", "cmc@1", "cmc@5"),
        query=f"{name}-query",
        gallery=f"{name}-gallery",
        released={"queries": vehicles, "gallery images": gallery, "gallery units": gallery, "vehicles": vehicles},
        copies=(PublicCopy("the lists of 2019", counts=pairs),) if pairs else (),
        about=f"one query of each of {vehicles:,} vehicles against {gallery:,} images of the other cameras",
        source=SOURCE,
        conventions=CONVENTIONS,
        unanswered=unanswered,
    )


class VeriWild(Protocol):
    """VERI-Wild as released: the lists of 2019 with vehicle_info.txt, or those of 2020."""

    name: ClassVar[str] = "veriwild"
    title: ClassVar[str] = "VERI-Wild"
    tasks: ClassVar[tuple[Task, ...]] = (
        _task("small", 3_000, 38_861, 12),
        _task("medium", 5_000, 64_389, 21),
        _task("large", 10_000, 128_517),
    )

    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "train": {"images": 277_797, "vehicles": 30_671},
        **{task.query: {"images": task.released["queries"], "vehicles": task.released["vehicles"]} for task in tasks},
        **{task.gallery: {"images": task.released["gallery images"]} for task in tasks},
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        return read(root)

    def load_tasks(self, root: Path, tasks: Sequence[Task]) -> Dataset:
        """Read the lists of some tasks and the cameras under ``root``."""
        return read(root, {task.official_name for task in tasks})
