import math

import pytest
import torch

from plugins.ram.network import BatchNorm
from tests.plugins.ram.made import TINY, ram
from tests.plugins.veri import bare

TWO = torch.empty(2, 3, 224, 224, device="meta")


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
TOTAL = 6_528_640 + 94_642_752 + 94_643_776 + 38_150_400 + 2_107_411
"""VGG-M and the four branches on VeRi, added up by hand."""

VEHICLEID = {
    "conv.first.0": (4096, 512 * 36),
    "conv.second.0": (1024, 4096),
    "bn.full.0.0": (4096, 512 * 36),
    "bn.full.1.0": (1024, 4096),
    "region.full.top.0.0": (1024, 512 * 18),
    "region.full.middle.0.0": (1024, 512 * 24),
    "region.full.bottom.1.0": (1024, 1024),
    "attribute.full.0": (512, 4096),
}
"""Outputs and inputs of layers in the form that the release's figure shows."""


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


def test_the_whole_network_has_236_million_parameters_on_veri():
    assert sum(tensor.numel() for tensor in bare(ram()).parameters()) == TOTAL == 236_072_979


def test_the_vehicleid_form_has_narrower_global_features_only():
    method = ram(recipe="vehicleid")
    network = bare(method, {"vehicle": 13_164, "colour": 7, "model": 250})

    assert {name: tuple(network.get_parameter(f"{name}.weight").shape) for name in VEHICLEID} == VEHICLEID
    assert tuple(network.eval()(TWO).shape) == (2, 1024 + 1024 + 3 * 1024 + 512)


def test_new_layers_start_within_the_root_of_3_over_their_inputs_and_without_biases(small):
    linear = {name: layer for name, layer in small.model.named_modules() if isinstance(layer, torch.nn.Linear)}
    assert len(linear) == 2 + 1 + 2 + 1 + 6 + 4 + 1 + 2
    for layer in linear.values():
        bound = (3 / layer.in_features) ** 0.5
        assert not layer.bias.any()
        assert layer.weight.abs().max() <= bound
    wide = linear["conv.first.0"].weight.detach()
    assert wide.abs().max().item() == pytest.approx((3 / (512 * 36)) ** 0.5, rel=1e-3)
    assert wide.std().item() == pytest.approx((1 / (512 * 36)) ** 0.5, rel=1e-2)  # uniform: a bound over the root of 3


def test_every_full_layer_but_that_of_f_a_has_a_relu_and_dropout():
    network = bare(ram())
    behind = {}
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Sequential) and isinstance(next(iter(layer)), torch.nn.Linear):
            behind[name] = [type(part).__name__ for part in layer][1:]

    assert behind.pop("attribute.full") == ["ReLU"]
    assert list(behind.values()) == [["ReLU", "Dropout"]] * (2 + 2 + 3 * 2)
    assert {layer.p for layer in network.modules() if isinstance(layer, torch.nn.Dropout)} == {0.5}


def test_the_running_mean_keeps_999_parts_of_1000_and_starts_from_the_first_batch(small):
    random, norm = torch.Generator().manual_seed(0), bare(ram()).bn.normalise.to_empty(device="cpu")
    norm.reset_parameters()
    batches = [torch.randn(2, 512, 3, 3, generator=random) + number for number in range(4)]
    for maps in batches:
        norm(maps)

    weights = torch.tensor([0.999**3, 0.999**2, 0.999, 1.0])
    means = torch.stack([maps.mean((0, 2, 3)) for maps in batches])
    spreads = torch.stack([maps.var((0, 2, 3)) for maps in batches])  # unbiased
    torch.testing.assert_close(norm.running_mean, (weights[:, None] * means).sum(0) / weights.sum())
    torch.testing.assert_close(norm.running_var, (weights[:, None] * spreads).sum(0) / weights.sum())
    assert norm.eps == 1e-5


def test_the_running_mean_of_a_loaded_state_goes_on_as_if_never_stopped():
    random = torch.Generator().manual_seed(0)
    first, second, third = (torch.randn(2, 2, 3, 3, generator=random) for _ in range(3))
    whole, resumed = BatchNorm(2, 0.9), BatchNorm(2, 0.9)
    whole(first), whole(second)

    resumed(third)
    resumed.load_state_dict(whole.state_dict())
    whole(third), resumed(third)

    assert torch.equal(resumed.running_mean, whole.running_mean)
    assert torch.equal(resumed.running_var, whole.running_var)
    means = [maps.mean((0, 2, 3)) for maps in (first, second, third)]
    expected = (0.81 * means[0] + 0.9 * means[1] + means[2]) / 2.71
    torch.testing.assert_close(resumed.running_mean, expected)


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
