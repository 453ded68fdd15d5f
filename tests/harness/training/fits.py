"""Training a tiny method on a tiny data set."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.methods.network import Stage
from harness.methods.session import Session
from harness.training.prepare import TrainingRequest, prepare
from tests.tiny import Tiny

CPU = Compute(device="cpu")
STEPS = 6
"""48 images in batches of 8."""


def session(dataset: Dataset, folder: Path, method: Any, **choices: Any) -> Session:
    request = TrainingRequest(**{"seed": 0, "folder": folder, "compute": CPU, "validate": "none", **choices})
    return prepare(dataset, request, needs=method.needs, input_size=method.input_size)


def fit(dataset: Dataset, folder: Path, method: Any, **choices: Any) -> dict[str, Tensor]:
    method.fit(session(dataset, folder, method, **choices))
    return method.state()


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "validation.csv").open() as file:
        return list(csv.DictReader(file))


class Interrupted(Tiny):
    """Raises an error at one step of the run, counted over all epochs."""

    stop_at = 0

    def losses(self, *arguments: Any) -> Mapping[str, Tensor]:
        self.stop_at -= 1
        if self.stop_at == 0:
            raise KeyboardInterrupt
        return super().losses(*arguments)


class TwoOptimisers(Interrupted):
    """Trains its classifier by an optimiser of its own, with a rate that stays and a momentum."""

    def stage(self, number: int, epochs: int) -> Stage:
        return replace(super().stage(number, epochs), optimiser=self.optimisers)

    def optimisers(self, network: nn.Module) -> Sequence[torch.optim.Optimizer]:
        classifier = network.get_submodule("classifier").parameters()
        others = [weight for name, weight in network.named_parameters() if not name.startswith("classifier.")]
        self.made = torch.optim.Adam(others, 1e-2), torch.optim.SGD(classifier, 0.05, momentum=0.9)
        return self.made
