"""RAM: the region-aware deep model of X. Liu, S. Zhang, Q. Huang and W. Gao (ICME 2018), and its three ablations.

The poster gives the branches and the four steps of training; sizes and hyper-parameters are those of the authors'
released recipe, marked R below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.methods.attention import Attention
from harness.methods.batches import PK, Shuffled
from harness.methods.method import Options
from harness.methods.network import NetworkMethod, Stage
from plugins.grouped import Grouped
from plugins.kinds import KIND, kind_among, require_labels
from plugins.losses import cross_entropy
from plugins.ram_branches import RAMNetwork
from plugins.schedules import Schedule
from plugins.vgg_m import load_vgg_m
from plugins.weights import load_trunk

WEIGHTS = {"top": 0.5, "middle": 0.5, "bottom": 0.5}
"""Weights of the parts' own cross-entropies; all others weigh 1 (R)."""

BRANCHES = ("conv", "bn", "region", "attribute")
"""The branch that each of the four steps of training adds."""


class RAMOptions(Options):
    """The paper's numbers are the defaults."""

    backbone: Literal["vgg-m", "resnet18", "resnet50"] = Field("vgg-m", description="its trunk (poster)")
    weights: str = Field("imagenet", description="the trunk's first weights: a file, none, or imagenet for ResNets (R)")
    steps: int = Field(4, ge=1, le=4, description="1 Conv branch, 2 and BN, 3 and Region, 4 and Attribute (poster)")
    fc_width: int = Field(4096, ge=8, description="numbers in f_c and f_b; parts have a quarter, f_a an eighth (R)")
    dropout: float = Field(0.5, ge=0, lt=1, description="behind every fully connected layer (R)")
    scale: float = Field(10.0, gt=0, description="length of a feature before its classifier in finetuning (R)")
    input_size: int = Field(224, ge=32, description="height and width of the input in pixels (R)")
    epochs: int = Field(102, ge=0, description="of each half of a step: 60,000 iterations of 64 on VeRi (R)")
    batch: int = Field(64, ge=2, description="images in a batch of steps 1 to 3 (R)")
    vehicles: int = Field(10, ge=1, description="vehicles in a batch of step 4, 3 images each (R)")
    colours: int = Field(10, ge=0, description="colours in a batch of step 4, 2 images each (R)")
    kinds: int = Field(9, ge=0, description="types or models in a batch of step 4, 2 images each (R)")
    learning_rate: float = Field(1e-3, gt=0, description="of SGD; ten times that for the branch a step adds (R)")
    weight_decay: float = Field(5e-4, ge=0, description="of SGD (R)")


QUICK = {
    "weights": "none",
    "fc_width": 256,
    "dropout": 0.0,
    "input_size": 64,
    "epochs": 2,
    "batch": 32,
    "vehicles": 8,
    "colours": 4,
    "kinds": 4,
    "learning_rate": 2e-3,
}
"""From scratch on the synthetic set. conv5 is 3 x 3, and pool5 has each of its cells four times."""


class RAM(NetworkMethod):
    """A Conv, a BN, a Region and an Attribute branch on one trunk, trained step by step.

    Open, and chosen here: whether step 4 counts every loss on every image of its mixed batch (it does); which
    layers learn ten times faster (the branch that the step adds, in both halves of the step).
    """

    about = "VGG-M with global, regional and attribute branches, trained in four steps (Liu et al., 2018)"
    papers = (
        "X. Liu, S. Zhang, Q. Huang, W. Gao: RAM: A Region-Aware Deep Model for Vehicle Re-Identification. ICME 2018",
    )
    Options = RAMOptions
    needs = frozenset({"vehicle", "colour", KIND})
    recipes: ClassVar = {"paper": {}, "quick": QUICK}
    variants: ClassVar = {
        "baseline": {"steps": 1},
        "bn": {"steps": 2},
        "bn-r": {"steps": 3},
        "ram": {"steps": 4},
    }
    options: RAMOptions

    def __init__(self) -> None:
        """Need colours and kinds for the Attribute branch alone."""
        if self.options.steps < 4:
            self.needs = frozenset({"vehicle"})

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with the trunk's first weights, as ``weights`` asks.

        Raises:
            CheckpointError: those weights cannot be had.
        """
        model = self.architecture(classes)
        if self.options.backbone == "vgg-m":
            load_vgg_m(model.trunk, self.options.weights)
        else:
            load_trunk(model.trunk.get_submodule("resnet"), self.options.backbone, self.options.weights)
        return model

    def architecture(self, classes: Mapping[str, int]) -> RAMNetwork:
        """Return the network without weights from elsewhere."""
        attributes = self._attributes(classes) if self.options.steps == 4 else {}
        return RAMNetwork(
            self.options.backbone,
            classes["vehicle"],
            attributes,
            steps=self.options.steps,
            width=self.options.fc_width,
            dropout=self.options.dropout,
            scale=self.options.scale,
        )

    def _attributes(self, classes: Mapping[str, int]) -> dict[str, int]:
        """Return the numbers of colours and of kinds.

        Raises:
            DataError: the training images have no colours, or neither models nor types.
        """
        kind = kind_among(classes)
        require_labels(
            classes,
            ("colour", kind),
            purpose="the Attribute branch of ram",
            next_step="use ram/bn-r, which needs vehicles only, or train on a data set that has them",
        )
        return {"colour": classes["colour"], "kind": classes[kind]}

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        """Return two stages a step: the training, and the finetuning with features of one length."""
        if not self.options.epochs:
            return []
        return [
            self._stage(step, half, classes)
            for step in range(1, self.options.steps + 1)
            for half in ("training", "finetuning")
        ]

    def _stage(self, step: int, half: str, classes: Mapping[str, int]) -> Stage:
        epochs = self.options.epochs
        tenths = tuple(epochs * tenth / 10 for tenth in range(1, 10))  # every 6,000 of 60,000 iterations (R)
        schedule = Schedule("steps", epochs, milestones=tenths, decay=0.8)
        return Stage(
            name=f"step {step}, {half}",
            epochs=epochs,
            batches=self._mixed(classes) if step == 4 else Shuffled(self.options.batch),
            optimiser=lambda network: self._sgd(network, step),
            schedule=schedule.attach,
            advance=schedule.advance,
            settings={"step": step, "finetuning": half == "finetuning"},
        )

    def _mixed(self, classes: Mapping[str, int]) -> Grouped:
        """Return step 4's batches: 68 = 10 vehicles x 3 + 10 colours x 2 + 9 types x 2, or fewer where fewer exist."""
        options, known, kind = self.options, self._attributes(classes), kind_among(classes)
        groups = (
            PK(min(options.vehicles, classes["vehicle"]), 3),
            PK(min(options.colours, known["colour"]), 2, "colour"),
            PK(min(options.kinds, known["kind"]), 2, kind),
        )
        return Grouped(tuple(group for group in groups if group.vehicles))

    def _sgd(self, network: nn.Module, step: int) -> torch.optim.SGD:
        added = list(network.get_submodule(BRANCHES[step - 1]).parameters())
        known = {id(weight) for weight in added}
        others = [weight for weight in network.parameters() if id(weight) not in known]
        rate = self.options.learning_rate
        groups = [{"params": others, "lr": rate}, {"params": added, "lr": 10 * rate}]
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=self.options.weight_decay)

    def begin(self, network: nn.Module, stage: Stage) -> None:
        """Switch on the branches of the stage's step, and the scaling where it finetunes."""
        ram = cast(RAMNetwork, network)
        ram.step, ram.scaled = stage.settings["step"], stage.settings["finetuning"]

    def losses(
        self,
        outputs: Mapping[str, Tensor],
        labels: Mapping[str, Tensor],
        stage: Stage,  # noqa: ARG002 - the outputs are those of the stage's branches
    ) -> Mapping[str, Tensor]:
        """Return the cross-entropy of every classifier, the parts' halved (R)."""
        asked = {"colour": "colour", "kind": kind_among(labels)}
        return {
            name: WEIGHTS.get(name, 1.0) * cross_entropy(logits, labels[asked.get(name, "vehicle")])
            for name, logits in outputs.items()
        }

    def attend(self, images: Tensor, **needed: Any) -> Attention:  # noqa: ARG002 - it needs none
        """Return the share of each cell of conv5 in the descriptor."""
        return cast(RAMNetwork, self.model).attend(images)
