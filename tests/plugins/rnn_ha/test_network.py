import numpy as np
import pytest
import torch

from plugins.rnn_ha.network import CoarseAttention
from tests.plugins.rnn_ha.made import IMAGES, TINY, rnn_ha
from tests.plugins.veri import VERI, bare


def vgg_m():
    layers = ((3, 96, 7), (96, 256, 5), (256, 512, 3), (512, 512, 3), (512, 512, 3))
    return sum(inside * outside * side**2 + outside for inside, outside, side in layers)


def linear(inside, outside):
    return (inside + 1) * outside


def gru(inside, hidden):
    """Three gates, each with a matrix and a bias for the input and for the state."""
    return 3 * (linear(inside, hidden) + linear(hidden, hidden))


TRUNK = {
    "vgg-m": (vgg_m(), 512, 1024),
    "resnet18": (11_176_512, 512, 1024),  # torchvision's 11,689,512 without the classifier's 512 x 1000 + 1000
    "resnet50": (23_508_032, 2048, 2048),
}


@pytest.mark.parametrize("backbone", ["vgg-m", "resnet18", "resnet50"])
@pytest.mark.parametrize("variant", ["rnn-ha", "rnn-h", "fc-ha", ""])
def test_each_variant_has_its_papers_parameters(backbone, variant):
    trunk, channels, hidden = TRUNK[backbone]
    levels = 2 * linear(channels, hidden) if variant == "fc-ha" else gru(channels, hidden)
    attention = 0 if variant == "rnn-h" else linear(hidden, hidden) + linear(hidden, channels)
    heads = linear(hidden, 9) + linear(hidden, 576) + linear(channels, 576)

    network = bare(rnn_ha(variant, backbone=backbone))

    found = sum(tensor.numel() for tensor in network.parameters())
    assert found == trunk + levels + attention + heads


@pytest.mark.parametrize(
    ("backbone", "side", "cells", "channels", "hidden"),
    [
        ("vgg-m", 224, 6, 512, 1024),
        ("vgg-m", 672, 20, 512, 1024),
        ("resnet18", 224, 7, 512, 1024),
        ("resnet50", 224, 7, 2048, 2048),
        ("resnet50", 672, 21, 2048, 2048),
    ],
)
def test_the_shapes_are_the_papers_at_both_sizes(backbone, side, cells, channels, hidden):
    network, found = bare(rnn_ha(backbone=backbone, input_size=str(side))), {}
    for name in ("trunk", "attention"):
        network.get_submodule(name).register_forward_hook(
            lambda _layer, _given, out, name=name: found.update({name: tuple(out.shape)})
        )
    images = torch.empty(2, 3, side, side, device="meta")

    logits = network.train()(images)
    feature = network.eval()(images)

    assert found == {"trunk": (2, channels, cells, cells), "attention": (2, 1, cells, cells)}
    assert {name: tuple(tensor.shape) for name, tensor in logits.items()} == {"kind": (2, 9), "vehicle": (2, 576)}
    assert tuple(feature.shape) == (2, hidden)


@pytest.mark.parametrize("variant", ["fc-ha", "rnn-h", "rnn-ha"])
def test_the_quick_recipe_builds_each_variant_small(variant):
    method = rnn_ha(variant, "quick")

    with torch.no_grad():
        network = method.network({"vehicle": 6, "type": 3}).eval()
        images = torch.rand(2, 3, *method.input_size, generator=torch.Generator().manual_seed(0))
        features = network(images)

    assert tuple(features.shape) == (2, 512)
    assert torch.isfinite(features).all()
    assert tuple(network.trunk(images).shape) == (2, 512, 2, 2)


def test_w1_to_w4_have_the_shapes_of_the_release():
    small, large = bare(rnn_ha()), bare(rnn_ha("resnet"))

    for network, hidden, channels in ((small, 1024, 512), (large, 2048, 2048)):
        layers = (network.w1, network.w2, network.attention.w3, network.attention.w4)
        assert [tuple(layer.weight.shape) for layer in layers] == [
            (9, hidden),
            (576, hidden),
            (hidden, hidden),
            (channels, hidden),
        ]
        assert [tuple(layer.bias.shape) for layer in layers] == [(9,), (576,), (hidden,), (channels,)]


def test_w1_to_w4_begin_with_he_normal_weights():
    torch.manual_seed(0)
    network = rnn_ha(weights="none").architecture(VERI)

    for layer in (network.w1, network.w2, network.attention.w3, network.attention.w4):
        weight = layer.weight.detach().double()
        assert weight.std().item() == pytest.approx((2 / 1024) ** 0.5, rel=0.03)
        assert abs(weight.mean().item()) < 0.002
        kurtosis = weight.pow(4).mean() / weight.pow(2).mean() ** 2
        assert kurtosis.item() == pytest.approx(3, abs=0.2)  # 1.8 if uniform
        assert not layer.bias.any()


RED_AND_HALF_GREEN = torch.tensor([1.0, 0.5, 0.0]).reshape(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("pixels", "backbone", "expected"),
    [
        ("released", "vgg-m", [1, 0.5, 0]),
        ("released", "resnet50", [1, 0.5, 0]),
        ("meant", "vgg-m", [255 - 123.68, 127.5 - 116.78, -103.94]),
        ("meant", "resnet50", [255 - 123.68, 127.5 - 116.78, -103.94]),
        ("pretrained", "vgg-m", [-102.7, 127.5 - 115.8, 255 - 123.5]),  # blue, green, red
        ("pretrained", "resnet50", [(1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, -0.406 / 0.225]),
    ],
)
def test_pixels_are_as_released_as_meant_or_as_the_first_weights_expect(pixels, backbone, expected):
    layer = bare(rnn_ha(pixels=pixels, backbone=backbone)).pixels

    assert layer(RED_AND_HALF_GREEN).flatten().tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("pixels", ["released", "meant", "pretrained"])
def test_without_first_weights_the_first_maps_are_of_one_size_whatever_the_pixels(pixels):
    torch.manual_seed(0)
    network = rnn_ha(**TINY, pixels=pixels).architecture({"vehicle": 6, "type": 3})
    images = (0.45 + 0.27 * torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))).clamp(0, 1)

    maps = network.trunk.vgg.conv1(network.pixels(images))

    assert 0.5 < maps.std().item() < 4


def test_x1_can_be_shown_to_the_gru_twice(small):
    network = small.model
    twice = rnn_ha(**TINY, shown_twice="true")
    twice.restore(small.state(), {"vehicle": 6, "type": 3})
    gru = torch.nn.GRU(512, 32, batch_first=True)
    gru.load_state_dict({f"{name}_l0": tensor for name, tensor in network.hierarchy.gru.state_dict().items()})
    with torch.no_grad():
        maps = network.trunk(network.pixels(IMAGES))
        x1 = maps.mean((2, 3))
        o1 = gru(torch.stack((x1, x1), dim=1))[0][:, 1]
        x2 = (network.attention(maps, o1) * maps).sum((2, 3))
        o2 = gru(torch.stack((x1, x1, x2), dim=1))[0][:, 2]

        torch.testing.assert_close(twice.model.eval()(IMAGES), torch.nn.functional.normalize(o2))
        assert not torch.allclose(twice.embed(IMAGES), small.embed(IMAGES))


def test_attention_is_its_equation_cell_by_cell():
    random = torch.Generator().manual_seed(0)
    attention = CoarseAttention(4, 6)
    maps, o1 = torch.randn(2, 6, 3, 5, generator=random), torch.randn(2, 4, generator=random)

    found = attention(maps, o1).detach().numpy()[:, 0]

    w3, b3, w4, b4 = (tensor.detach().double().numpy() for tensor in attention.parameters())
    for image in range(2):
        w = w4 @ np.maximum(w3 @ o1[image].numpy() + b3, 0) + b4
        scores = np.array(
            [[np.log1p(np.exp(w @ maps[image, :, i, j].numpy())) + 0.1 for j in range(5)] for i in range(3)]
        )
        np.testing.assert_allclose(found[image], scores / scores.sum(), rtol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 1.0, 1000.0])
def test_attention_weights_are_positive_and_sum_to_one(strength):
    random = torch.Generator().manual_seed(1)
    maps, o1 = torch.randn(3, 6, 7, 7, generator=random) * strength, torch.randn(3, 4, generator=random)

    weights = CoarseAttention(4, 6)(maps, o1)

    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum((1, 2, 3)), torch.ones(3))


def test_both_levels_are_steps_of_one_gru(small):
    network = small.model
    gru = torch.nn.GRU(512, 32, batch_first=True)
    gru.load_state_dict({f"{name}_l0": tensor for name, tensor in network.hierarchy.gru.state_dict().items()})
    with torch.no_grad():
        maps = network.trunk(network.pixels(IMAGES))
        x1 = maps.mean((2, 3))
        o1 = network.hierarchy.coarse(x1)
        x2 = torch.einsum("nhw,nchw->nc", network.attention(maps, o1)[:, 0], maps)
        states, _last = gru(torch.stack((x1, x2), dim=1))

        torch.testing.assert_close(small.embed(IMAGES), torch.nn.functional.normalize(states[:, 1]))
        network.descriptor = "o1"
        torch.testing.assert_close(small.embed(IMAGES), torch.nn.functional.normalize(states[:, 0]))
        network.descriptor = "both"
        torch.testing.assert_close(small.embed(IMAGES), torch.nn.functional.normalize(states.flatten(1)))


def test_without_attention_the_fine_level_sees_the_mean(small):
    plain = rnn_ha("rnn-h", **TINY)
    plain.restore(
        {name: tensor for name, tensor in small.state().items() if not name.startswith("attention.")},
        {"vehicle": 6, "type": 3},
    )
    network = plain.model.eval()

    with torch.no_grad():
        x1 = network.trunk(network.pixels(IMAGES)).mean((2, 3))
        o2 = network.hierarchy.fine(x1, network.hierarchy.coarse(x1))
        torch.testing.assert_close(plain.embed(IMAGES), torch.nn.functional.normalize(o2))


def test_the_released_division_shrinks_x2_by_the_cells(small):
    network = small.model
    maps = torch.rand(2, 512, 3, 5)
    o1 = torch.zeros(2, 32)
    plain = network._attended(maps, maps.mean((2, 3)), o1)

    network.divide_by_cells = True

    torch.testing.assert_close(network._attended(maps, maps.mean((2, 3)), o1), plain / 15)


def test_models_serve_before_types():
    network = bare(rnn_ha(), {"vehicle": 6, "model": 250, "type": 9})

    assert network.w1.out_features == 250


def test_what_the_network_looks_at_is_its_own_attention():
    method = rnn_ha(**TINY)
    method.model = method.network(VERI).eval()
    images, found = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)), []
    method.model.attention.register_forward_hook(lambda _layer, _given, out: found.append(out))

    (weights,) = method.attend(images).maps.values()
    method.embed(images)

    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(2))
    assert (weights == found[1][:, 0]).all()


def test_without_attention_the_cells_shares_are_shown():
    method = rnn_ha("rnn-h", **TINY)
    method.model = method.network(VERI).eval()

    maps = method.attend(torch.rand(2, 3, 64, 64)).maps

    assert list(maps) == ["share"]
    assert maps["share"].shape[0] == 2
