"""RNN-HAs, whole and small."""

import torch

from harness.methods.method import create, resolve_options
from plugins.rnn_ha.method import RNNHA

TINY = {"weights": "none", "hidden": "32", "input_size": "64"}
IMAGES = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def rnn_ha(variant="", recipe="paper", **changes):
    return create(RNNHA, resolve_options("rnn-ha", RNNHA, variant=variant, recipe=recipe, changes=changes))
