"""The inputs of a run, opened when they are first needed: its data sets and its devices."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.runs.plan import RunPlan
from harness.runs.training_sets import training_folders
from harness.tasks.fingerprint import contents_digest, dataset_digest
from harness.tasks.opening import find_root, open_dataset
from harness.training.joining import join

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from harness.data.dataset import Dataset
    from harness.tasks.protocol import Protocol

log = logging.getLogger("bench")


Opened = dict[tuple[str, Path], "Dataset"]
"""The data sets that runs share, by the protocol's name and the folder; of joined ones, by all of them."""


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
        """The data set that is trained on, or several joined into one."""
        if self.plan.trains_on_the_same_data:
            return self.dataset
        plan, protocols = self.plan, self.plan.train_protocols
        folders = training_folders(plan.request.train_data, protocols)
        if len(protocols) == 1:
            return self._read(protocols[0], folders.get(protocols[0].name), "--train-data")
        found = {}
        for one in protocols:
            own = plan.request.data if one.name == plan.protocol.name else None
            found[one.name] = self._read(one, folders.get(one.name, own), f"--train-data {one.word}=")
        place = plan.train_on, Path(" + ".join(str(part.root) for part in found.values()))
        if place not in self.opened:
            self.opened[place] = join(found)
        return self.opened[place]

    def _read(self, protocol: Protocol, root: Path | None, option: str) -> Dataset:
        folder = find_root(protocol, root, option=option)
        known = self.opened.get((protocol.name, folder))
        if known is not None:
            return known
        dataset = self.opened[protocol.name, folder] = open_dataset(protocol, folder, None)
        for note in dataset.notes if protocol.released else ():
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
