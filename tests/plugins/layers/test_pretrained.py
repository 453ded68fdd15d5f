"""Every method with a trunk fills it, and nothing else, with the weights that it is given."""

import pytest
import torch

from harness.errors import UsageError
from harness.methods.method import create, resolve_options
from harness.methods.naming import name_run
from harness.registry.registry import load
from plugins.layers.pretrained import PKOptions
from plugins.layers.resnet import resnet_trunk
from plugins.layers.vgg_m import vgg_m_trunk

NAMES = ("strong-baseline", "pgan", "pr-reid", "rnn-ha", "ram")
CLASSES = {"vehicle": 3, "colour": 2, "type": 2}
NARROW = {
    "ram": {"fc_width": "8", "feature_width": "8", "part_width": "8", "attribute_width": "8"},
    "rnn-ha": {"hidden": "8"},
    "pgan": {"dimension": "16", "hidden": "8"},
}


def method(name, **changes):
    kind = load().method(name)
    return create(kind, resolve_options(name, kind, changes={**NARROW.get(name, {}), **changes}))


@pytest.mark.parametrize(
    ("name", "backbone", "path"),
    [
        ("strong-baseline", "resnet18", "trunk"),
        ("pgan", "resnet18", "trunk"),
        ("pr-reid", "resnet18", "trunk"),
        ("rnn-ha", "resnet18", "trunk"),
        ("rnn-ha", "vgg-m", "trunk.vgg"),
        ("ram", "resnet18", "trunk.resnet"),
        ("ram", "vgg-m", "trunk"),
    ],
)
def test_the_weights_of_a_file_come_into_the_trunk_and_leave_the_rest_random(tmp_path, name, backbone, path):
    given = (vgg_m_trunk() if backbone == "vgg-m" else resnet_trunk(backbone, 1)).state_dict()
    torch.save(given, tmp_path / "weights.pth")

    torch.manual_seed(0)
    filled = method(name, backbone=backbone, weights=str(tmp_path / "weights.pth")).network(CLASSES)
    torch.manual_seed(0)
    bare = method(name, backbone=backbone, weights="none").network(CLASSES).state_dict()

    trunk = filled.get_submodule(path).state_dict()
    assert all(torch.equal(trunk[tensor], given[tensor]) for tensor in given)
    others = [tensor for tensor in bare if not tensor.startswith(f"{path}.")]
    assert others
    assert all(torch.equal(filled.state_dict()[tensor], bare[tensor]) for tensor in others)


def test_shared_options_name_the_source_of_each_methods_default():
    about = {
        name: {option: field.description for option, field in load().method(name).Options.model_fields.items()}
        for name in ("strong-baseline", "pgan")
    }

    assert about["strong-baseline"]["p"] == "vehicles in a batch (section 2)"
    assert about["pgan"]["p"] == "vehicles in a batch (section 4.2)"
    assert about["pgan"]["warm_up"].endswith("0.01 + 0.99 e / 10 (section 4.2: none; R: 10)")
    assert {option for option in PKOptions.model_fields if "(" in PKOptions.model_fields[option].description} == set()


@pytest.mark.parametrize(
    ("name", "option", "value"), [("pgan", "epochs", "-1"), ("pgan", "p", "1"), ("strong-baseline", "flip", "2")]
)
def test_shared_options_keep_their_limits(name, option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of {name} does not fit"):
        method(name, **{option: value})


def test_adam_trains_what_is_not_frozen():
    baseline = method("strong-baseline", backbone="resnet18", learning_rate="0.01", weight_decay="0.1")
    with torch.device("meta"):
        network = baseline.architecture(CLASSES)

    (adam,) = baseline.optimisers(network)
    (group,) = adam.param_groups

    assert (group["lr"], group["weight_decay"]) == (0.01, 0.1)
    assert {id(weight) for weight in group["params"]} == {
        id(w) for w in network.parameters() if w is not network.neck.bias
    }


def test_a_stage_of_p_by_k_batches_cuts_its_warm_up_and_falls_by_its_decay():
    baseline = method("strong-baseline", backbone="resnet18", warm_up="10", milestones="5", learning_rate="1")
    stage = baseline.pk_stage("training", 8, None, decay=0.5)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler, rates = stage.schedule(optimiser, 3), []
    for _ in range(9):
        rates.append(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()

    assert (stage.name, stage.epochs, stage.batches.vehicles, stage.batches.images) == ("training", 8, 16, 4)
    assert rates[:4] == pytest.approx([0.13375, 0.2575, 0.38125, 0.505])  # 0.01 + 0.99 e / 8
    assert rates[4:8] == pytest.approx([0.5 * factor for factor in (0.62875, 0.7525, 0.87625, 1.0)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("recipe", "weights", "changes"),
    [
        ("paper", "/home/somebody/weights.pth", {}),
        ("paper", "none", {"weights": "none"}),
        ("quick", "/home/somebody/weights.pth", {"weights": "weights.pth"}),
    ],
)
def test_the_weights_of_a_file_stand_for_those_of_imagenet_in_a_runs_name(name, recipe, weights, changes):
    kind = load().method(name)
    options = resolve_options(name, kind, recipe=recipe, changes={"weights": weights})

    assert name_run(name, kind, options, recipe)[:2] == ("", changes)
