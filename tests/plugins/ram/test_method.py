import math

import numpy as np
import pytest
import torch

from harness.data.images import UNKNOWN
from harness.errors import CheckpointError, DataError, UsageError
from harness.methods.batches import PK, Shuffled
from harness.methods.method import create, resolve_options
from plugins.layers.grouped import Grouped
from plugins.ram.method import RAM
from tests.plugins.eight import cmc_at_1, trained

VERI = {"vehicle": 576, "colour": 10, "type": 9}
TINY = {"weights": "none", "fc_width": "128", "input_size": "64"}
TWO = torch.empty(2, 3, 224, 224, device="meta")


def ram(variant="", recipe="", **changes):
    return create(RAM, resolve_options("ram", RAM, variant=variant, recipe=recipe, changes=changes))


def bare(method, classes=None):
    with torch.device("meta"):
        return method.architecture(classes or VERI)


def vgg_m():
    layers = ((3, 96, 7), (96, 256, 5), (256, 512, 3), (512, 512, 3), (512, 512, 3))
    return sum(inside * outside * side**2 + outside for inside, outside, side in layers)


def linear(inside, outside):
    return (inside + 1) * outside


CONV = linear(512 * 36, 4096) + linear(4096, 4096) + linear(4096, 576)
BN = 2 * 512 + CONV
REGION = (
    linear(512 * 18, 1024)
    + linear(512 * 24, 1024)
    + linear(512 * 18, 1024)
    + 3 * (linear(1024, 1024) + linear(1024, 576))
    + linear(3 * 1024, 576)
)
ATTRIBUTE = linear(4096, 512) + linear(512, 10) + linear(512, 9)


@pytest.mark.parametrize(
    ("variant", "branches", "width"),
    [
        ("baseline", CONV, 4096),
        ("bn", CONV + BN, 8192),
        ("bn-r", CONV + BN + REGION, 11_264),
        ("ram", CONV + BN + REGION + ATTRIBUTE, 11_776),
        ("", CONV + BN + REGION + ATTRIBUTE, 11_776),
    ],
)
def test_each_step_has_its_papers_parameters_and_descriptor(variant, branches, width):
    network = bare(ram(variant))

    assert sum(tensor.numel() for tensor in network.parameters()) == vgg_m() + branches
    assert tuple(network.eval()(TWO).shape) == (2, width)


@pytest.mark.parametrize(("variant", "width"), [("baseline", 256), ("bn", 512), ("bn-r", 704), ("ram", 736)])
def test_the_quick_recipe_narrows_the_branches_and_keeps_the_side_of_pool5(variant, width):
    method = ram(variant, "quick")
    images = torch.empty(2, 3, *method.input_size, device="meta")

    network = bare(method).eval()

    assert tuple(network.trunk(images).shape) == (2, 512, 3, 3)
    assert tuple(network.pool5(network.trunk(images)).shape) == (2, 512, 6, 6)
    assert tuple(network(images).shape) == (2, width)


def test_a_resnet_50_stands_in_vgg_ms_place():
    network = bare(ram(backbone="resnet50"))
    resnet = 23_508_032  # see test_strong_baseline

    total = resnet + linear(2048, 512) + CONV + BN + REGION + ATTRIBUTE
    assert sum(tensor.numel() for tensor in network.parameters()) == total
    assert tuple(network.eval()(TWO).shape) == (2, 11_776)
    assert tuple(network.trunk(TWO).shape) == (2, 512, 14, 14)


def test_the_named_layers_have_their_papers_shapes():
    network, found = bare(ram()), {}
    for name in ("trunk", "pool5", "conv.first", "conv.second", "bn.full", "region.full.middle", "attribute.full"):
        network.get_submodule(name).register_forward_hook(
            lambda _layer, given, out, name=name: found.update({name: (tuple(given[0].shape), tuple(out.shape))})
        )

    logits = network.train()(TWO)

    assert found == {
        "trunk": ((2, 3, 224, 224), (2, 512, 13, 13)),
        "pool5": ((2, 512, 13, 13), (2, 512, 6, 6)),
        "conv.first": ((2, 512 * 36), (2, 4096)),
        "conv.second": ((2, 4096), (2, 4096)),
        "bn.full": ((2, 512 * 36), (2, 4096)),
        "region.full.middle": ((2, 512 * 24), (2, 1024)),
        "attribute.full": ((2, 4096), (2, 512)),
    }
    assert {name: tuple(tensor.shape) for name, tensor in logits.items()} == {
        **dict.fromkeys(("conv", "bn", "top", "middle", "bottom", "regions"), (2, 576)),
        "colour": (2, 10),
        "kind": (2, 9),
    }


def test_a_resnet_18_stands_there_too():
    network = bare(ram(backbone="resnet18"))
    resnet = 11_176_512  # torchvision's 11,689,512 without the classifier's 512 x 1000 + 1000

    total = resnet + linear(512, 512) + CONV + BN + REGION + ATTRIBUTE
    assert sum(tensor.numel() for tensor in network.parameters()) == total
    assert tuple(network.trunk(TWO).shape) == (2, 512, 14, 14)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    method = ram(**TINY)
    method.model = method.network({"vehicle": 6, "colour": 3, "model": 4}).eval()
    return method


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def test_the_adaptive_pooling_is_pool5_on_13_cells(small):
    maps = torch.randn(2, 512, 13, 13, generator=torch.Generator().manual_seed(0))

    assert torch.equal(small.model.pool5(maps), torch.nn.functional.max_pool2d(maps, 3, 2, ceil_mode=True))


def test_the_descriptor_has_the_norm_of_six_and_ranks_by_the_sum_of_six_cosines(small, images):
    with torch.no_grad():
        features = small.embed(images)
    parts = features.split([128, 128, 32, 32, 32, 16], dim=1)

    torch.testing.assert_close(features.norm(dim=1), torch.full((5,), math.sqrt(6)))
    total = sum(torch.nn.functional.cosine_similarity(part[:1], part) for part in parts)
    torch.testing.assert_close(torch.nn.functional.cosine_similarity(features[:1], features), total / 6)


def test_regions_see_their_rows_only(small):
    pooled = torch.rand(1, 512, 6, 6, generator=torch.Generator().manual_seed(0))
    region = small.model.region

    with torch.no_grad():
        before = region(pooled)
        for row, seeing in enumerate([{"top"}, {"top", "middle"}, {"top", "middle"}, {"middle", "bottom"},
                                      {"middle", "bottom"}, {"bottom"}]):  # fmt: skip
            changed = pooled.clone()
            changed[:, :, row] += 1
            after = region(changed)
            assert {name for name in before if not torch.equal(before[name], after[name])} == seeing


def test_the_bn_branch_normalises_before_the_relu(small, images):
    network = small.model
    with torch.no_grad():
        maps = network.trunk(network.pixels(images))
        norm = network.bn.normalise
        normal = (maps - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + 1e-5).sqrt()
        pooled = torch.nn.functional.adaptive_max_pool2d(normal.clamp(min=0), 6)
        torch.testing.assert_close(network.bn(maps)["bn"], network.bn.full(pooled.flatten(1)))


def test_parts_weigh_half_in_the_loss():
    method = ram()
    random = torch.Generator().manual_seed(0)
    weights = {"top": 0.5, "middle": 0.5, "bottom": 0.5}
    labels = {
        "vehicle": torch.tensor([0, 1, 2]),
        "colour": torch.tensor([0, UNKNOWN, 1]),
        "type": torch.tensor([1, 1, 0]),
    }
    outputs = {
        name: torch.randn(3, 4, generator=random)
        for name in ("conv", "bn", "top", "middle", "bottom", "regions", "colour", "kind")
    }

    losses = method.losses(outputs, labels, method.stages(VERI)[-1])

    for name, logits in outputs.items():
        classes = labels[{"colour": "colour", "kind": "type"}.get(name, "vehicle")]
        known = [row for row in range(3) if classes[row] != UNKNOWN]
        expected = -np.mean([logits[row].log_softmax(0)[classes[row]].item() for row in known])
        assert losses[name].item() == pytest.approx(weights.get(name, 1.0) * expected, rel=1e-5)


def test_the_four_steps_train_and_finetune_in_turn():
    stages = ram().stages(VERI)

    assert [stage.name for stage in stages] == [
        f"step {step}, {half}" for step in (1, 2, 3, 4) for half in ("training", "finetuning")
    ]
    assert [stage.batches for stage in stages[:6]] == [Shuffled(64)] * 6
    assert stages[6].batches == Grouped((PK(10, 3), PK(10, 2, "colour"), PK(9, 2, "type")))
    assert all(stage.augment is None for stage in stages)


@pytest.mark.parametrize(("variant", "count"), [("baseline", 2), ("bn", 4), ("bn-r", 6), ("ram", 8)])
def test_a_variant_is_a_prefix_of_the_steps(variant, count):
    assert len(ram(variant).stages(VERI)) == count


def test_the_rate_falls_to_four_fifths_after_each_tenth_and_is_tenfold_for_the_added_branch():
    method = ram(epochs="20")
    network = bare(method)
    stage = method.stages(VERI)[2]
    optimiser = stage.optimiser(network)
    scheduler = stage.schedule(optimiser, 5)
    rates = []
    for _ in range(20):
        rates.append(scheduler.get_last_lr())
        optimiser.step()
        scheduler.step()

    np.testing.assert_allclose(np.array(rates)[:, 0], [1e-3 * 0.8 ** (epoch // 2) for epoch in range(20)])
    np.testing.assert_allclose(np.array(rates)[:, 1], 10 * np.array(rates)[:, 0])
    assert {id(weight) for weight in optimiser.param_groups[1]["params"]} == {
        id(weight) for weight in network.bn.parameters()
    }
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(list(network.parameters()))


@pytest.mark.parametrize("number", range(8))
def test_the_paper_trains_with_a_momentum_a_decay_and_dropout_behind_every_full_layer(number):
    method = ram()
    network = bare(method)

    optimiser = method.stages(VERI)[number].optimiser(network)

    assert type(optimiser) is torch.optim.SGD
    assert {(group["momentum"], group["weight_decay"]) for group in optimiser.param_groups} == {(0.9, 5e-4)}
    dropouts = [layer.p for layer in network.modules() if isinstance(layer, torch.nn.Dropout)]
    assert dropouts == [0.5] * (2 + 2 + 3 * 2 + 1)


STEPS = {
    1: ("trunk.", "conv."),
    2: ("trunk.", "conv.", "bn."),
    3: ("trunk.", "conv.", "bn.", "region."),
    4: ("trunk.", "conv.", "bn.", "region.", "attribute."),
}


@pytest.mark.parametrize(("number", "step"), [(0, 1), (3, 2), (5, 3), (7, 4)])
def test_gradients_reach_every_parameter_that_a_step_trains_and_no_other(small, images, number, step):
    torch.manual_seed(0)
    classes = {"vehicle": 6, "colour": 3, "model": 4}
    method, network = small, small.architecture(classes).train()
    stage = method.stages(classes)[number]
    labels = {"vehicle": torch.arange(5), "colour": torch.arange(5) % 3, "model": torch.arange(5) % 4}

    method.begin(network, stage)
    sum(method.losses(network(images), labels, stage).values()).backward()

    gradients = {name: weight.grad for name, weight in network.named_parameters()}
    assert {name for name, gradient in gradients.items() if gradient is not None and gradient.any()} == {
        name for name in gradients if name.startswith(STEPS[step])
    }
    assert all(gradient is None for name, gradient in gradients.items() if not name.startswith(STEPS[step]))


def test_finetuning_gives_every_classifier_a_feature_of_length_ten(small, images):
    network = small.architecture({"vehicle": 6, "colour": 3, "model": 4}).train()
    lengths = []
    for branch in (network.conv, network.bn, network.region, network.attribute):
        for classifier in branch.classifiers.values():
            classifier.register_forward_hook(lambda _layer, given, _out: lengths.append(given[0].norm(dim=1)))

    small.begin(network, small.stages({"vehicle": 6, "colour": 3, "model": 4})[-1])
    network(images)

    assert len(lengths) == 8
    torch.testing.assert_close(torch.stack(lengths), torch.full((8, 5), 10.0))


def test_models_serve_before_types_and_types_where_there_are_none():
    for classes in ({"model": 4, "type": 9}, {"type": 4}):
        network = bare(ram(), {"vehicle": 6, "colour": 3, **classes})
        assert network.attribute.classifiers["kind"].out_features == 4


@pytest.mark.parametrize("classes", [{"vehicle": 6}, {"vehicle": 6, "colour": 3}, {"vehicle": 6, "type": 9}])
def test_without_colours_or_kinds_ram_is_refused_and_its_ablations_are_not(classes):
    with pytest.raises(DataError, match="the Attribute branch of ram") as caught:
        ram().stages(classes)
    assert "ram/bn-r" in str(caught.value)
    assert ram("bn-r").stages(classes)


def test_a_checkpoint_gives_the_same_features(small, images):
    again = ram(**TINY)
    again.restore(small.state(), {"vehicle": 6, "colour": 3, "model": 4})
    again.model.eval()

    with torch.no_grad():
        assert torch.equal(again.embed(images), small.embed(images))


def test_the_papers_first_weights_must_come_from_the_user():
    with pytest.raises(CheckpointError, match="may not be passed on"):
        ram(fc_width="32").network(VERI)


@pytest.mark.parametrize(("option", "value"), [("steps", "5"), ("backbone", "vgg16"), ("dropout", "1")])
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}' of ram does not fit"):
        ram(**{option: value})


def test_ram_learns_eight_vehicles_by_heart_through_its_eight_stages(eight, tmp_path):
    method = ram(
        **{**TINY, "fc_width": "64"}, dropout="0", batch="16", epochs="1", vehicles="8", colours="4", kinds="3"
    )

    assert cmc_at_1(trained(method, eight, tmp_path), eight) == 1.0


@pytest.mark.parametrize("variant", ["baseline", "bn-r"])
def test_without_biases_the_cells_shares_are_the_whole_descriptor(variant):
    method = ram(variant, **TINY)
    method.model = method.network({"vehicle": 3}).eval()
    with torch.no_grad():
        for name, weight in method.model.named_parameters():
            if name.endswith("bias"):
                weight.zero_()

    (share,) = method.attend(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))).maps.values()

    torch.testing.assert_close(share.sum((1, 2)), torch.ones(2), rtol=1e-4, atol=1e-4)
