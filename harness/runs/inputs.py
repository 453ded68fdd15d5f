"""The inputs of a run, opened when they are first needed: its data sets and its devices."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.runs.plan import RunPlan
from harness.scoring.evaluation import find_root
from harness.tasks.fingerprint import contents_digest, dataset_digest

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from harness.data.dataset import Dataset
    from harness.tasks.protocol import Protocol

log = logging.getLogger("bench")


Opened = dict[tuple[str, Path], "Dataset"]
"""The data sets that runs share, by the protocol's name and the folder."""


class RunInputs:
    """The data sets and the devices of a run.

    Attributes:
        plan: the run.
        opened: the data sets that other runs have read already; what this one reads is added.
    """

    def __init__(self, plan: RunPlan, opened: Opened | None = None) -> None:
        self.plan = plan
        self.opened = {} if opened is None else opened

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
        folder = find_root(protocol, root, option=option)
        known = self.opened.get((protocol.name, folder))
        if known is not None:
            return known
        dataset = self.opened[protocol.name, folder] = protocol.load(folder)
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


def labels_digest(dataset: Dataset, splits: Iterable[str]) -> str:
    """Return ``dataset_digest``, computed once for a data set that several runs share."""
    return _labels(dataset, tuple(sorted(splits)))


def images_digest(dataset: Dataset, splits: Iterable[str]) -> str:
    """Return ``contents_digest``, computed once for a data set that several runs share."""
    return _images(dataset, tuple(sorted(splits)))


@lru_cache(maxsize=32)
def _labels(dataset: Dataset, splits: tuple[str, ...]) -> str:
    return dataset_digest(dataset, splits)


@lru_cache(maxsize=32)
def _images(dataset: Dataset, splits: tuple[str, ...]) -> str:
    return contents_digest(dataset, splits)
