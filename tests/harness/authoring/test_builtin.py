"""Every built-in method passes the check that authors use."""

import pytest

import harness
from harness.registry.kinds import METHOD
from harness.testing import check_method

BUILT = {"torch": {"network": "torchvision:resnet18", "weights": "none"}}
"""Options with which a method of given weights is checked without a file."""


def builtin(*, quick=False, given=False):
    registry = harness.load()
    names = [name for name in registry.names(METHOD) if registry.entry(METHOD, name).plugin.startswith("v")]
    released = {name for name in names if registry.method(name).__module__.startswith("plugins.released")}
    if given:
        return sorted(released - BUILT.keys())
    fast = {"random", "colour-histogram", "oracle"}
    return [name for name in names if (name in fast) == quick and (name not in released or name in BUILT)]


@pytest.mark.parametrize(
    "name", [*builtin(quick=True), *(pytest.param(name, marks=pytest.mark.slow) for name in builtin())]
)
def test_every_built_in_method_passes(name, small_synthetic):
    found = check_method(name, data=small_synthetic, options=BUILT.get(name))

    assert [finding for finding in found if finding.result == "failed"] == []
    assert found[0].result == "passed"


@pytest.mark.parametrize("name", builtin(given=True))
def test_a_method_of_given_weights_says_what_to_give(name, small_synthetic):
    (loads, *_) = check_method(name, data=small_synthetic)

    assert (loads.check, loads.result) == ("loads", "failed") or "not installed" in loads.detail
    assert "--set" in loads.detail or "not installed" in loads.detail
