"""Small PGANs and boxes for them."""

import numpy as np
import torch

from harness.methods.method import create, resolve_options
from plugins.pgan.method import PGAN

TINY = {
    "backbone": "resnet18",
    "weights": "none",
    "D": "3",
    "hidden": "8",
    "dimension": "16",
    "input_size": "64",
    "flip": "0",
    "erase": "0",
}
VARIANTS = ("baseline", "grid", "no-pam", "")


def pgan(variant="", recipe="", **changes):
    return create(PGAN, resolve_options("pgan", PGAN, recipe=recipe, variant=variant, changes=changes))


def boxes_of(*counts, side=64):
    """As many boxes as asked for each image, at random."""
    random = np.random.default_rng(3)
    found = []
    for count in counts:
        low = random.uniform(0, side - 8, (count, 2))
        high = low + random.uniform(4, side - low)
        rows = np.column_stack([random.integers(1, 17, count), np.sort(random.random(count))[::-1], low, high])
        found.append(torch.tensor(rows, dtype=torch.float32).reshape(-1, 6))
    return found


def small(variant="", **changes):
    """A small network in evaluation mode, with its method; the attention is far from even."""
    torch.manual_seed(0)
    parts = {"D": "0"} if variant == "baseline" else {}
    method = pgan(variant, **{**TINY, "temperature": "200", **parts, **changes})
    method.model = method.network({"vehicle": 5}).eval()
    return method


LABELS = {"vehicle": torch.arange(8) // 2}
