"""RAM: the region-aware deep model of X. Liu, S. Zhang, Q. Huang and W. Gao (ICME 2018), and its three ablations.

The branches and the four steps of training are the poster's; sizes and hyper-parameters are those of the authors'
released recipe, marked R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from harness.methods.batches import PK, Shuffled
from harness.methods.network import Stage
from plugins.layers.grouped import Grouped
from plugins.layers.labels import KIND, kind_among, require_labels
from plugins.layers.losses import cross_entropy
from plugins.layers.pretrained import PretrainedMethod
from plugins.layers.schedules import Schedule
from plugins.ram.network import RAMNetwork
from plugins.ram.options import QUICK, VEHICLEID, RAMOptions
from plugins.ram.rates import parameter_groups

WEIGHTS = {"top": 0.5, "middle": 0.5, "bottom": 0.5}
"""Weights of the parts' cross-entropies; those of all others are 1 (R)."""


class RAM(PretrainedMethod):
    """A Conv, a BN, a Region and an Attribute branch on one trunk, trained step by step.

    Each step adds a branch, trains everything, and then finetunes everything with the branch's features at a length of
    10 before their classifiers. Nothing is ever frozen (R). A choice of this harness (open): every loss of step 4 is
    over all images of its mixed batches. ``plugins/ram/rates.py`` holds the rates of the layers.
    """

    about = "VGG-M with global, regional and attribute branches, trained in four steps (Liu et al., 2018)"
    papers = (
        "X. Liu, S. Zhang, Q. Huang, W. Gao: RAM: A Region-Aware Deep Model for Vehicle Re-Identification. ICME 2018",
    )
    Options = RAMOptions
    needs = frozenset({"vehicle", "colour", KIND})
    recipes: ClassVar = {"paper": {}, "vehicleid": VEHICLEID, "quick": QUICK}
    variants: ClassVar = {"baseline": {"steps": 1}, "bn": {"steps": 2}, "bn-r": {"steps": 3}, "ram": {"steps": 4}}
    options: RAMOptions

    def __init__(self) -> None:
        """Need colours and types or models only for the Attribute branch."""
        if self.options.steps < 4:
            self.needs = frozenset({"vehicle"})

    def architecture(self, classes: Mapping[str, int]) -> RAMNetwork:
        """Return the network with random weights."""
        attributes = self._attributes(classes) if self.options.steps == 4 else {}
        return RAMNetwork(self.options, classes["vehicle"], attributes)

    def pretrained(self, model: nn.Module) -> nn.Module:
        """Return VGG-M, or the ResNet without the convolution after it."""
        return model.get_submodule("trunk" if self.options.backbone == "vgg-m" else "trunk.resnet")

    def pretrained_full(self, model: nn.Module) -> Mapping[str, nn.Linear]:
        """Return the Conv branch's two layers, which start from the ImageNet network's fc6 and fc7 (R)."""
        conv = cast(RAMNetwork, model).conv
        return {"fc6": cast(nn.Linear, conv.first[0]), "fc7": cast(nn.Linear, conv.second[0])}

    def _attributes(self, classes: Mapping[str, int]) -> dict[str, int]:
        """Return the numbers of colours and of types or models.

        Raises:
            DataError: the training images have no colours, or neither models nor types.
        """
        kind = kind_among(classes)
        require_labels(
            classes,
            ("colour", kind),
            purpose="the Attribute branch of ram",
            next_step="use ram/bn-r, which needs vehicles only, or train on a data set with these labels",
        )
        return {"colour": classes["colour"], "kind": classes[kind]}

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        """Return two stages for each step: the training, and the finetuning with features of one length."""
        if not self.options.iterations:
            return []
        return [
            self._stage(step, half, classes)
            for step in range(1, self.options.steps + 1)
            for half in ("training", "finetuning")
        ]

    def _stage(self, step: int, half: str, classes: Mapping[str, int]) -> Stage:
        length = self.options.iterations
        tenths = tuple(length * tenth / 10 for tenth in range(1, 10))  # every 6,000 of 60,000 iterations (R)
        schedule = Schedule("steps", length, milestones=tenths, decay=0.8, unit="iteration")
        batches = self._mixed(classes) if step == 4 else Shuffled(self.options.batch)
        name, finetuning = f"step {step}, {half}", half == "finetuning"
        sgd = partial(self._sgd, step=step, finetuning=finetuning)
        return schedule.stage(name, batches, sgd, step=step, finetuning=finetuning)

    def _mixed(self, classes: Mapping[str, int]) -> Grouped:
        """Return step 4's batches: 68 = 10 vehicles x 3 + 10 colours x 2 + 9 types x 2, or fewer if fewer exist."""
        options, known, kind = self.options, self._attributes(classes), kind_among(classes)
        groups = (
            PK(min(options.vehicles, classes["vehicle"]), 3),
            PK(min(options.colours, known["colour"]), 2, "colour"),
            PK(min(options.kinds, known["kind"]), 2, kind),
        )
        return Grouped(tuple(group for group in groups if group.vehicles))

    def _sgd(self, network: nn.Module, *, step: int, finetuning: bool) -> torch.optim.SGD:
        groups = parameter_groups(network, self.options, step, finetuning=finetuning)
        return torch.optim.SGD(groups, lr=self.options.learning_rate, momentum=0.9)

    def begin(self, network: nn.Module, stage: Stage) -> None:
        """Switch on the branches of the stage's step, and the scaling of the finished ones."""
        ram = cast(RAMNetwork, network)
        ram.step, ram.finetuning = stage.settings["step"], stage.settings["finetuning"]

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return the cross-entropy of every classifier, half of it for the parts (R)."""
        label_of = {"colour": "colour", "kind": kind_among(labels)}
        return {
            name: WEIGHTS.get(name, 1.0) * cross_entropy(logits, labels[label_of.get(name, "vehicle")])
            for name, logits in outputs.items()
        }
