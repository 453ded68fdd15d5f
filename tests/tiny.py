"""A data set of a few small pictures and a method with a network of a few weights, for the tests that train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.methods.batches import PK, Batches
from harness.methods.method import Method, Options, create
from harness.methods.network import NetworkMethod, Stage


def write_jpeg(path: Path, colour: Sequence[int], seed: int, side: int = 24) -> None:
    """Write a noisy picture of one colour."""
    noise = np.random.default_rng(seed).integers(-40, 41, (side, side, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path, quality=90)


def tiny_table(folder: Path, split: str, vehicles: Sequence[int], images: int = 6) -> ImageTable:
    """Write the pictures of some vehicles, each of its own colour, seen by three cameras."""
    paths, vehicle, camera = [], [], []
    for number in vehicles:
        colour = np.random.default_rng(number).integers(40, 216, 3)
        for image in range(images):
            key = f"{split}/{number:04d}_c{image % 3}_{image}.jpg"
            write_jpeg(folder / key, colour.tolist(), seed=1000 * number + image)
            paths.append(key)
            vehicle.append(number)
            camera.append(image % 3)
    return ImageTable(
        tuple(paths),
        np.array(vehicle),
        camera=np.array(camera),
        colour=np.array(vehicle) % 3,
        type=np.full(len(paths), -1),
    )


def tiny_dataset(folder: Path, vehicles: int = 8, images: int = 6) -> Dataset:
    """Write training vehicles 1 to ``vehicles``, and two more that are both query and gallery."""
    train = tiny_table(folder, "train", range(1, vehicles + 1), images)
    test = tiny_table(folder, "test", [vehicles + 1, vehicles + 2], images)
    return Dataset(folder, {"train": train, "query": test.take(np.arange(0, len(test), 3)), "gallery": test})


class TinyOptions(Options):
    epochs: tuple[int, ...] = (2, 2)
    learning_rate: float = 1e-2
    dropout: float = 0.2
    norm: bool = True
    input_size: int = 16
    schedule: str = "steps"


class TinyNetwork(nn.Module):
    def __init__(self, options: TinyOptions, vehicles: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8) if options.norm else nn.Identity()
        self.drop = nn.Dropout(options.dropout)
        self.classifier = nn.Linear(8, vehicles)

    def forward(self, images: Tensor, **boxes: Any) -> Tensor | dict[str, Tensor]:
        features = torch.relu(self.norm(self.conv(images - 0.5))).mean((2, 3))
        return {"logits": self.classifier(self.drop(features))} if self.training else features


class Tiny(NetworkMethod):
    """Stages of cross-entropy over the vehicles."""

    Options = TinyOptions
    needs = frozenset({"vehicle"})
    batches: Batches = PK(4, 2)

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        return TinyNetwork(self.options, classes["vehicle"])

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        return [self.stage(number, epochs) for number, epochs in enumerate(self.options.epochs, 1)]

    def stage(self, number: int, epochs: int) -> Stage:
        by_step = self.options.schedule == "one-cycle"
        return Stage(
            f"stage {number}",
            epochs,
            self.batches,
            optimiser=lambda network: torch.optim.Adam(network.parameters(), self.options.learning_rate),
            augment=v2.Compose([v2.RandomHorizontalFlip(), v2.RandomCrop(16, padding=2)]),
            schedule=self.one_cycle if by_step else self.steps,
            advance="step" if by_step else "epoch",
        )

    def steps(self, optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        scheduler = torch.optim.lr_scheduler
        warm_up = scheduler.LinearLR(optimiser, 0.1, total_iters=1)
        return scheduler.SequentialLR(optimiser, [warm_up, scheduler.MultiStepLR(optimiser, [1, 2])], [1])

    def one_cycle(self, optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=10 * steps)

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:
        return {"cross-entropy": nn.functional.cross_entropy(outputs["logits"], labels["vehicle"])}


def tiny(method: type[Method] = Tiny, **options: Any) -> Any:
    """Return a method with its options."""
    return create(method, method.Options(**options))
