"""The strong baseline with some options."""

from harness.methods.method import create, resolve_options
from plugins.strong_baseline import StrongBaseline

TINY = {
    "backbone": "resnet18",
    "weights": "none",
    "width": "16",
    "input_size": "32",
    "pad": "0",
    "flip": "0",
    "erase": "0",
}


def baseline(recipe="", variant="", **changes):
    """The method under a recipe and a variant."""
    options = resolve_options("strong-baseline", StrongBaseline, recipe=recipe, variant=variant, changes=changes)
    return create(StrongBaseline, options)
