"""A changed file is refused with one message, or gives finite features; it never ends in another exception."""

import random

import pytest
import torch

from harness.errors import BenchError
from harness.methods.method import create
from tests.plugins.released.vit.made import ClipReID, TransReID, clip_resnet, clip_vit, images, transreid

FORMS = {
    "transreid": (TransReID, lambda: transreid(jigsaw=True, sides=6)),
    "clip-vit": (ClipReID, lambda: clip_vit(sides=6)),
    "clip-resnet": (ClipReID, clip_resnet),
}


def changed(state, chance):
    """Return a state with one tensor dropped, renamed, reshaped, emptied or of another type."""
    name = chance.choice(sorted(state))
    tensor = state.pop(name)
    kind = chance.choice(["drop", "rename", "flat", "empty", "scalar", "axis", "cut", "whole", "half", "twice"])
    if kind == "rename":
        state[name.replace(".", "_", 1)] = tensor
    elif kind != "drop":
        state[name] = {
            "flat": tensor.flatten,
            "empty": lambda: tensor[:0],
            "scalar": tensor.sum,
            "axis": lambda: tensor[None],
            "cut": lambda: tensor[:1],
            "whole": lambda: tensor.to(torch.int64),
            "half": tensor.half,
            "twice": lambda: torch.cat([tensor, tensor]),
        }[kind if tensor.ndim else "axis"]()
    return name, kind


@pytest.mark.parametrize("form", FORMS)
def test_a_mutated_file_is_refused_or_gives_finite_features(form, tmp_path, monkeypatch):
    method, make = FORMS[form]
    refused = 0
    for seed in range(40):
        state = make()
        what = [changed(state, random.Random(f"{form} {seed} {turn}")) for turn in range(1 + seed % 2)]  # noqa: S311 - no secret
        monkeypatch.setattr("plugins.released.method.read_weights", lambda *_, state=state: state)
        options = method.Options(weights="w.pth", trained_size=64, cameras=3)
        try:
            found = create(method, options).embed(images(2), camera=torch.tensor([1, 3]), view=torch.tensor([0, 1]))
            assert torch.isfinite(found).all(), what
        except BenchError:
            refused += 1
        except Exception as problem:
            pytest.fail(f"{what}: {problem!r}")

    assert refused >= 20
