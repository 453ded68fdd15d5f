"""RAMs, whole and without memory for their weights."""

from harness.methods.method import create, resolve_options
from plugins.ram.method import RAM

TINY = {"weights": "none", "fc_width": "128", "input_size": "64"}


def ram(variant="", recipe="", **changes):
    return create(RAM, resolve_options("ram", RAM, variant=variant, recipe=recipe, changes=changes))
