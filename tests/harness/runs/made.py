"""A plugin of tiny methods, the options of a small run, and the folders that runs leave."""

from pathlib import Path

PLUGIN = """
from pathlib import Path
import torch
from torch import nn
import harness
from harness.errors import DataError
from harness.methods.batches import PK
from harness.methods.network import NetworkMethod, Stage


class Network(nn.Module):
    def __init__(self, vehicles):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.classifier = nn.Linear(32, vehicles)

    def forward(self, images):
        feature = self.body(images)
        return {"logits": self.classifier(feature)} if self.training else feature


class Tiny(NetworkMethod):
    needs = frozenset({"vehicle"})

    class Options(harness.Options):
        epochs: int = 2
        input_size: int = 32
        vehicles: int = 4

    variants = {"longer": {"epochs": 3}}

    def network(self, classes):
        return Network(classes["vehicle"])

    def stages(self, classes):
        batches = PK(self.options.vehicles, 2)
        return [Stage("train", self.options.epochs, batches, lambda net: torch.optim.Adam(net.parameters(), 1e-3))]

    def losses(self, outputs, labels, stage):
        return {"vehicle": nn.functional.cross_entropy(outputs["logits"], labels["vehicle"])}


class NoLabel(Tiny):
    def stages(self, classes):
        raise DataError("no image has the label 'wheels'")


class StopsAfterAnEpoch(Tiny):
    def losses(self, outputs, labels, stage):
        if any(Path("runs").rglob("state.pt")):
            raise DataError("that was the first epoch")
        return super().losses(outputs, labels, stage)


class Constant:
    def embed(self, images):
        return torch.ones(len(images), 4)


class NotFinite:
    def embed(self, images):
        return torch.full((len(images), 4), torch.nan)


class Transposed:
    def embed(self, images):
        return images.mean((2, 3)).T


@harness.hookimpl
def bench_register_methods(register):
    register("tiny", Tiny)
    register("no-label", NoLabel)
    register("stops-after-an-epoch", StopsAfterAnEpoch)
    register("constant", Constant)
    register("not-finite", NotFinite)
    register("transposed", Transposed)
"""

SMALL = [word for option in ("backbone=resnet18", "input_size=32", "p=4") for word in ("--set", option)]


def only_folder() -> Path:
    (folder,) = Path("runs").iterdir()
    return folder


def files_of(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"run.log", ".lock", "config.json"}
    }
