"""RAMs, whole and without memory for their weights."""

import torch

from harness.methods.method import create, resolve_options
from plugins.ram.method import RAM

VERI = {"vehicle": 576, "colour": 10, "type": 9}
TINY = {"weights": "none", "fc_width": "128", "input_size": "64"}


def ram(variant="", recipe="", **changes):
    return create(RAM, resolve_options("ram", RAM, variant=variant, recipe=recipe, changes=changes))


def bare(method, classes=None):
    with torch.device("meta"):
        return method.architecture(classes or VERI)
