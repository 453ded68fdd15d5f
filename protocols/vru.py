"""VRU: 172,137 images of 15,085 vehicles seen from drones, evaluated like VehicleID (Lu et al., 2022)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task
from protocols import random_draws

SOURCE = "Lu et al., Vehicle Re-Identification Based on UAV Viewpoint, Remote Sensing 14(18), 2022, whose tables fit it"

NAME = re.compile(r"Pic/(?:0|[1-9][0-9]*)\.jpg")
"""The release's numbers have no zeros before them."""
LISTS = {"small": "test_list_1200.txt", "medium": "test_list_2400.txt", "large": "test_list_8000.txt"}
LAYOUT = random_draws.Layout(LISTS, "Pic", NAME, "Pic/12.jpg")


class Vru(Protocol):
    """VRU as released: a training list and three test lists."""

    name: ClassVar[str] = "vru"
    title: ClassVar[str] = "VRU"
    tasks: ClassVar[tuple[Task, ...]] = (
        random_draws.task("small", 1_200, source=SOURCE),
        random_draws.task("medium", 2_400, source=SOURCE),
        random_draws.task("large", 8_000, source=SOURCE),
    )

    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        task.name: {"vehicles": task.released["vehicles"]} for task in tasks
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        return random_draws.read(root, LAYOUT)

    def load_tasks(self, root: Path, tasks: Sequence[Task]) -> Dataset:
        """Read the lists of some tasks under ``root``."""
        return random_draws.read(root, LAYOUT, tasks)
