"""The inputs of a run, opened when they are first needed: its data sets and its devices."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.runs.plan import RunPlan
from harness.scoring.evaluation import find_root

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from harness.data.dataset import Dataset
    from harness.tasks.protocol import Protocol

log = logging.getLogger("bench")


class RunInputs:
    """The data sets and the devices of a run."""

    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan

    @cached_property
    def dataset(self) -> Dataset:
        """The data set that is evaluated."""
        return self._read(self.plan.protocol, self.plan.request.data, "--data")

    @cached_property
    def training(self) -> Dataset:
        """The data set that is trained on."""
        if self.plan.trains_on_the_same_data:
            return self.dataset
        return self._read(self.plan.train_protocol, self.plan.request.train_data, "--train-data")

    def _read(self, protocol: Protocol, root: Path | None, option: str) -> Dataset:
        dataset = protocol.load(find_root(protocol, root, option=option))
        for note in dataset.notes:
            log.info("%s: %s", protocol.name, note)
        return dataset

    @cached_property
    def fabric(self) -> Fabric:
        """The devices and processes."""
        from harness.compute.devices import open_fabric

        return open_fabric(self.plan.request.compute)

    @cached_property
    def devices(self) -> dict[str, Any]:
        """The properties of the devices that features may depend on."""
        return {
            "device": self.fabric.device.type,
            "processes": self.fabric.world_size,
            "precision": self.plan.request.compute.precision,
        }
