"""VRU: 172,137 images of 15,085 vehicles seen from drones, asked as VehicleID is (Lu et al., 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from harness.data.dataset import Dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task
from protocols import drawn

SOURCE = "Lu et al., Vehicle Re-Identification Based on UAV Viewpoint, Remote Sensing 14(18), 2022, whose tables fit it"


class Vru(Protocol):
    """VRU as released: a training list and three test lists."""

    name: ClassVar[str] = "vru"
    title: ClassVar[str] = "VRU"
    tasks: ClassVar[tuple[Task, ...]] = (
        drawn.task("small", 1_200, source=SOURCE),
        drawn.task("medium", 2_400, source=SOURCE),
        drawn.task("large", 8_000, source=SOURCE),
    )

    released: ClassVar[Mapping[str, Mapping[str, int]]] = {
        task.name: {"vehicles": task.released["vehicles"]} for task in tasks
    }

    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``."""
        return drawn.read(root, self._lists(), "Pic")

    def make(self, out: Path, **choices: Any) -> str:
        """Draw synthetic vehicles in VRU's layout; the choices are those of ``protocols.synthetic.make``."""
        from protocols.layouts.drawn import write_vru
        from protocols.layouts.redraw import redraw

        return redraw(out, partial(write_vru, lists=self._lists()), **choices)

    def _lists(self) -> dict[str, str]:
        """Return for each task the file of its list."""
        return {task.name: f"test_list_{task.released['vehicles']}.txt" for task in self.tasks}
