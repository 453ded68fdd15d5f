"""Small PR-ReIDs and boxes for them."""

import torch

from harness.methods.method import create, resolve_options
from plugins.pr_reid.method import PRReID

TINY = {"backbone": "resnet18", "weights": "none", "width": "16", "input_size": "32", "flip": "0"}
PLACES = [[4.0, 2, 28, 11], [1, 18, 9, 32], [23, 18, 31, 32], [10, 14, 22, 24]]
"""Window, left light, right light and brand in 32 pixels."""


def pr_reid(recipe="", variant="", **changes):
    options = resolve_options("pr-reid", PRReID, recipe=recipe, variant=variant, changes=changes)
    return create(PRReID, options)


def rows(places, device="cpu"):
    """Boxes as a network gets them: label, score and corners."""
    return torch.tensor([[label, 1, *corners] for label, corners in enumerate(places, 1)], device=device)
