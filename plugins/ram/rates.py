"""The learning rate and the weight decay of each of RAM's layers in each of its eight stages (R)."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from plugins.ram.network import BRANCHES, REGIONS
from plugins.ram.options import RAMOptions

NEW = 10
"""Factor of the rate of new layers."""

FIRST = {
    1: ("conv.first.",),
    2: ("bn.full.0.",),
    3: tuple(f"region.full.{part}.0." for part in REGIONS),
    4: (),
}
"""The layers of each step's branch that are no longer new in its finetuning: none in step 4, where f_a's only layer
remains new like its classifiers."""


def parameter_groups(network: nn.Module, options: RAMOptions, step: int, *, finetuning: bool) -> list[dict[str, Any]]:
    """Return the parameters of the trunk and of the branches in use, by rate and decay, for an optimiser.

    In training all layers of the step's branch are new; fc6 and fc7 of the Conv branch too, although they come from
    ImageNet. In finetuning only those behind its first fully connected layers are, classifiers included. Biases have
    twice the rate of their layer and no decay. Scales and shifts of a normalisation have the plain rate and decay.
    """
    used = ("trunk.", *(f"{branch}." for branch in BRANCHES[:step]))
    known = (f"{BRANCHES[step - 1]}.", FIRST[step] if finetuning else ())
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for path, layer in network.named_modules():
        normalises = isinstance(layer, _BatchNorm)
        for name, weight in layer.named_parameters(recurse=False):
            place = f"{path}.{name}"
            if not place.startswith(used):
                continue
            new = place.startswith(known[0]) and not place.startswith(known[1]) and not normalises
            bias = name == "bias" and not normalises
            groups.setdefault(((NEW if new else 1) * (2 if bias else 1), not bias), []).append(weight)
    return [
        {
            "params": weights,
            "lr": factor * options.learning_rate,
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for (factor, decays), weights in groups.items()
    ]
