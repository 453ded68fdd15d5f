"""RAMs, whole and without memory for their weights."""

from harness.methods.method import create, resolve_options
from plugins.ram.method import RAM

NARROW = {"fc_width": "128", "feature_width": "128", "part_width": "32", "attribute_width": "16"}
TINY = {**NARROW, "weights": "none", "input_size": "64"}


def ram(variant="", recipe="", **changes):
    return create(RAM, resolve_options("ram", RAM, variant=variant, recipe=recipe, changes=changes))
