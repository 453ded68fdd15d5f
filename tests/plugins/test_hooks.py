import subprocess
import sys

import pytest

from harness.methods.method import resolve_options
from harness.registry.kinds import METHOD
from harness.registry.registry import load

NAMES = ("colour-histogram", "oracle", "pgan", "pr-reid", "ram", "random", "rnn-ha", "strong-baseline")


@pytest.mark.parametrize("name", NAMES)
def test_every_built_in_method_can_be_found_and_says_what_it_is(name):
    registry = load()
    method = registry.method(name)

    assert registry.entry(METHOD, name).about == method.about
    for recipe in method.recipes:
        for variant in ("", *method.variants):
            assert resolve_options(name, method, variant=variant, recipe=recipe)


def test_registering_the_methods_does_not_import_torch():
    script = """
import sys
from plugins.hooks import bench_register_methods
bench_register_methods(lambda name, target, *, about="": None)
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - the script above

    assert done.returncode == 0
