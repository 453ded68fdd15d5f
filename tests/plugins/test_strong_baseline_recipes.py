"""The stages of the strong baseline's recipes are those of the facts."""

import pytest
import torch

from harness.methods.batches import PK
from tests.plugins.baseline import baseline
from tests.plugins.veri import VERI, bare

FORMS = {
    "paper": {
        "stages": [("training", 120)],
        "batches": PK(16, 4, epoch="groups"),
        "adam": {"initial_lr": 3.5e-4, "weight_decay": 5e-4, "betas": (0.9, 0.999)},
        "augment": ["RandomHorizontalFlip", "RandomCrop", "RandomErasing"],
        "layers": {"trunk": (23_508_032, True), "neck": (4_096, True), "classifier": (1_179_648, True)},
        "trained": 24_691_776 - 2_048,
    },
    "report": {
        "stages": [("training", 40)],
        "batches": PK(16, 4, epoch="vehicles"),
        "adam": {"initial_lr": 3e-4, "weight_decay": 0, "betas": (0.9, 0.999)},
        "augment": ["RandomHorizontalFlip", "ColorJitter"],
        "layers": {
            "trunk": (23_508_032, True),
            "reduce": (1_049_088, True),
            "neck": (1_024, True),
            "classifier": (294_912, True),
        },
        "trained": 24_853_056 - 512,
    },
}
FORMS["report-vru-20"] = FORMS["report"] | {"stages": [("training", 20)]}
FORMS["report-vru"] = FORMS["report"] | {"stages": [("training", 20), ("continued training", 5)]}
"""What the facts say of each recipe on VeRi-776: ResNet-50, 576 vehicles; a BNNeck's bias is never trained."""

FACTORS = {
    "paper": {1: 0.109, 2: 0.208, 9: 0.901, 10: 1, 11: 1, 39: 1, 40: 0.1, 41: 0.1, 69: 0.1, 70: 0.01, 71: 0.01},
    "report": {1: 1, 2: 1, 20: 1, 40: 1},
    "report-vru-20": {1: 1, 20: 1},
    "report-vru": {1: 1, 5: 1, 20: 1},
}


@pytest.mark.parametrize("recipe", FORMS)
def test_every_stage_trains_the_layers_with_the_rates_and_batches_of_the_facts(recipe):
    expected, method = FORMS[recipe], baseline(recipe)
    network, seen = bare(method), []

    stages = method.stages(VERI)

    assert [(stage.name, stage.epochs) for stage in stages] == expected["stages"]
    for stage in stages:
        method.begin(network, stage)
        (adam,) = stage.optimiser(network)
        (group,) = adam.param_groups
        scheduler = stage.schedule(adam, 100)
        layers = {name: sum(w.numel() for w in part.parameters()) for name, part in network.named_children()}
        trained = {id(weight) for weight in group["params"]}
        moved = {
            name: any(id(weight) in trained for weight in part.parameters()) for name, part in network.named_children()
        }
        assert {name: (layers[name], moved[name]) for name in layers if layers[name]} == expected["layers"]
        assert sum(weight.numel() for weight in group["params"]) == expected["trained"]
        assert type(adam) is torch.optim.Adam
        assert {name: group[name] for name in expected["adam"]} == expected["adam"]
        assert (stage.batches, stage.advance) == (expected["batches"], "epoch")
        assert [type(step).__name__ for step in stage.augment.transforms] == expected["augment"]
        factors = [scheduler.lr_lambdas[0](epoch) for epoch in range(120)]  # of the first epoch, the second, ...
        wanted = FACTORS[recipe]
        assert {epoch: factors[epoch - 1] for epoch in wanted} == pytest.approx(wanted)
        seen.append(adam)
    assert len(set(map(id, seen))) == len(stages), "continued training starts with a fresh optimiser"


def test_the_reports_augmentation_has_its_strengths():
    flip, jitter = baseline("report").stages(VERI)[0].augment.transforms

    assert flip.p == 0.5
    assert (jitter.brightness, jitter.contrast, jitter.saturation) == ((0.9, 1.1),) * 3
    assert jitter.hue == (-0.05, 0.05)


@pytest.mark.parametrize("recipe", ["report", "report-vru", "report-vru-20"])
@pytest.mark.parametrize("variant", ["resnet18", "resnet18-cbam", "resnet50", "resnet50-cbam"])
def test_every_row_of_the_reports_tables_is_a_variant_with_one_of_its_recipes(recipe, variant):
    method = baseline(recipe, variant)
    backbone, _, attention = variant.partition("-")

    assert (method.options.backbone, method.options.attention) == (backbone, attention or "none")
    assert [stage.epochs for stage in method.stages(VERI)] == {
        "report": [40],
        "report-vru": [20, 5],
        "report-vru-20": [20],
    }[recipe]


def test_the_two_forms_on_veri_have_these_sizes():
    sizes = {recipe: sum(tensor.numel() for tensor in bare(baseline(recipe)).parameters()) for recipe in FORMS}

    assert sizes == {"paper": 24_691_776, "report": 24_853_056, "report-vru": 24_853_056, "report-vru-20": 24_853_056}


@pytest.mark.parametrize("recipe", ["paper", "report", "quick"])
def test_untrained_is_the_same_network_without_a_stage(recipe):
    assert baseline(recipe, "untrained").stages(VERI) == []


def test_a_warm_up_never_outlasts_the_training():
    method = baseline(epochs="3")
    (stage,) = method.stages(VERI)
    (optimiser,) = stage.optimiser(bare(method))
    scheduler = stage.schedule(optimiser, 1)

    assert [scheduler.lr_lambdas[0](epoch) for epoch in range(3)] == pytest.approx([0.34, 0.67, 1.0])
