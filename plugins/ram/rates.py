"""The learning rate and the weight decay of each of RAM's layers in each of its eight stages (R), with two choices.

Those of this harness (open): the shift of the BN branch's normalisation has the plain rate and decay, as its scale has,
and the layers that start from fc6 and fc7 are as new as any other in the training of step 1.
"""

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

    In training, all layers of the step's branch are new. In finetuning, its first fully connected layers no longer
    are, but the layers after them and the classifiers still are. Biases have twice the rate of their layer and no
    decay. Scales and shifts of a normalisation have the plain rate and decay.
    """
    used = ("trunk.", *(f"{branch}." for branch in BRANCHES[:step]))
    branch = f"{BRANCHES[step - 1]}."
    known = FIRST[step] if finetuning else ()
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for path, layer in network.named_modules():
        normalises = isinstance(layer, _BatchNorm)
        for name, weight in layer.named_parameters(recurse=False):
            place = f"{path}.{name}"
            if not place.startswith(used):
                continue
            new = place.startswith(branch) and not place.startswith(known) and not normalises
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
