"""Every row of the paper's tables, and what the paper leaves open, by name: inputs, features, losses, parameters."""

import numpy as np
import pytest
import torch

from harness.describe.method import describe_method
from harness.methods.batches import Shuffled
from harness.registry.registry import load
from plugins.pr_reid.method import PRReID
from tests.plugins.pr_reid.made import pr_reid
from tests.plugins.veri import VERI, bare

ALL = {"global", "light", "brand", "window"}
APART = {"global", "left light", "right light", "brand", "window"}

# ResNet-50 without its classifier has 23,508,032 parameters, a reducer 2048 x 256 + 256, a classifier 256 x 576.
VARIANTS = {
    "": (256, ALL, 26_196_032, 256, 24_032_576, False),
    "pr-reid": (256, ALL, 26_196_032, 256, 24_032_576, False),
    "global-light-brand": (256, ALL - {"window"}, 25_524_032, 256, 24_032_576, False),
    "global-light-window": (256, ALL - {"brand"}, 25_524_032, 256, 24_032_576, False),
    "global-window-brand": (256, ALL - {"light"}, 25_524_032, 256, 24_032_576, False),
    "global-window": (256, {"global", "window"}, 24_852_032, 256, 24_032_576, False),
    "window-light-brand": (256, ALL - {"global"}, 25_524_032, 768, 25_081_664, True),
    "baseline": (256, {"global"}, 24_180_032, 256, 24_032_576, False),
    "128": (128, ALL, 26_196_032, 256, 24_032_576, False),
    "512": (512, ALL, 26_196_032, 256, 24_032_576, False),
    "fused": (256, ALL, 26_196_032, 1024, 25_606_208, True),
    "lights-apart": (256, APART, 26_868_032, 256, 24_032_576, False),
    "shared-reducers": (256, ALL, 24_622_400, 256, 24_032_576, False),
}
"""Side of the input, losses, parameters in training, width of the feature, parameters in a test, boxes in a test."""


def test_the_table_holds_every_variant():
    assert set(VARIANTS) == {"", *PRReID.variants}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_described_as_in_the_table(variant):
    side, losses, training, width, test, boxes = VARIANTS[variant]

    found = describe_method(load(), f"pr-reid/{variant}" if variant else "pr-reid", recipe="paper", classes=VERI)

    assert (found["input"], found["feature"]) == ([side, side], width)
    assert found["parameters"] == {"train": training, "last_stage": training, "test": test}
    needs = ["vehicle"] if losses == {"global"} else ["boxes.regions", "vehicle"]
    assert found["needs"] == {"train": needs, "test": ["boxes.regions"] if boxes else []}


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_layers_train_in_one_stage_from_a_hundredth_with_an_exponential_decay(variant):
    _, losses, training, *_ = VARIANTS[variant]
    method = pr_reid("paper", variant)
    (stage,) = method.stages(VERI)
    optimiser = stage.optimiser(bare(method))
    (group,) = optimiser.param_groups
    scheduler, rates = stage.schedule(optimiser, 590), []
    for _ in range(60):
        rates.append(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()

    assert (stage.epochs, stage.batches, stage.advance) == (60, Shuffled(64), "epoch")
    assert sum(weight.numel() for weight in group["params"]) == training
    assert (type(optimiser), group["momentum"], group["weight_decay"]) == (torch.optim.SGD, 0.9, 5e-4)
    assert rates[0] == 0.01
    assert rates[-1] * (rates[1] / rates[0]) == pytest.approx(1e-4)
    np.testing.assert_allclose(np.divide(rates[1:], rates[:-1]), 0.01 ** (1 / 60))
    logits = {name: torch.zeros(2, 576) for name in losses}
    terms = method.losses(logits, {"vehicle": torch.tensor([0, 575])}, stage)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(dict.fromkeys(losses, np.log(576)))
