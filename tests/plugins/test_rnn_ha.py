import numpy as np
import pytest
import torch

from harness.data.images import UNKNOWN
from harness.errors import CheckpointError, DataError, UsageError
from harness.methods.batches import Shuffled
from harness.methods.method import create, resolve_options
from plugins.rnn_ha import RNNHA, CoarseAttention
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.veri import VERI, bare

TINY = {"weights": "none", "hidden": "32", "input_size": "64"}


def rnn_ha(variant="", recipe="paper", **changes):
    return create(RNNHA, resolve_options("rnn-ha", RNNHA, variant=variant, recipe=recipe, changes=changes))


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
    attention = 0 if variant == "rnn-h" else linear(hidden, channels) + linear(channels, channels)
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


@pytest.fixture
def small():
    torch.manual_seed(0)
    method = rnn_ha(**TINY)
    method.model = method.network({"vehicle": 6, "type": 3}).eval()
    return method


IMAGES = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))


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


def test_the_backbone_trains_40_epochs_alone_then_everything_19():
    method = rnn_ha()
    alone, together = method.stages(VERI)
    network = bare(method)
    adam, rmsprop = alone.optimiser(network), together.optimiser(network)
    scheduler = together.schedule(rmsprop, 1)
    rates = []
    for _ in range(19):
        rates.append(scheduler.get_last_lr()[0])
        rmsprop.step()
        scheduler.step()

    assert (alone.epochs, alone.batches, type(adam), adam.defaults["lr"]) == (40, Shuffled(128), torch.optim.Adam, 1e-3)
    assert (together.epochs, together.batches, type(rmsprop)) == (19, Shuffled(64), torch.optim.RMSprop)
    assert [type(step).__name__ for step in alone.augment.transforms] == ["RandomHorizontalFlip"]
    assert (alone.schedule, together.augment) == (None, None)
    np.testing.assert_allclose(rates, [1e-3] * 10 + [1e-4] * 9)


def test_a_resnet_trains_in_batches_of_eight():
    assert rnn_ha(backbone="resnet50").stages(VERI)[1].batches == Shuffled(8)
    assert rnn_ha(backbone="resnet50", batch="16").stages(VERI)[1].batches == Shuffled(16)


@pytest.mark.parametrize("variant", ["rnn-ha", "rnn-h", "fc-ha"])
@pytest.mark.parametrize("number", [0, 1])
def test_gradients_reach_every_parameter_that_a_stage_trains(variant, number):
    classes = {"vehicle": 6, "type": 3}
    method = rnn_ha(variant, **TINY)
    network, stage = method.network(classes).train(), method.stages(classes)[number]
    labels = {"vehicle": torch.arange(4), "type": torch.arange(4) % 3}

    method.begin(network, stage)
    sum(method.losses(network(IMAGES), labels, stage).values()).backward()

    (group,) = stage.optimiser(network).param_groups
    trained = {id(weight) for weight in group["params"]}
    reached = {id(weight) for weight in network.parameters() if weight.grad is not None and weight.grad.any()}
    assert reached == trained


def test_the_loss_is_the_sum_of_both_levels_and_skips_unknown_kinds():
    method = rnn_ha()
    outputs = {"kind": torch.randn(3, 4), "vehicle": torch.randn(3, 5)}
    labels = {"vehicle": torch.tensor([0, 1, 2]), "type": torch.tensor([1, UNKNOWN, 0])}

    losses = method.losses(outputs, labels, method.stages(VERI)[1])

    logs = {name: logits.log_softmax(1) for name, logits in outputs.items()}
    assert losses["vehicle"].item() == pytest.approx(-logs["vehicle"][range(3), range(3)].mean().item(), rel=1e-5)
    assert losses["kind"].item() == pytest.approx(-(logs["kind"][0, 1] + logs["kind"][2, 0]).item() / 2, rel=1e-5)


def test_models_serve_before_types():
    network = bare(rnn_ha(), {"vehicle": 6, "model": 250, "type": 9})

    assert network.w1.out_features == 250


def test_without_models_and_types_training_is_refused():
    with pytest.raises(DataError, match="rnn-ha trains with labels that no training image has: type") as caught:
        rnn_ha().stages({"vehicle": 6, "colour": 3})
    assert "model or type" in str(caught.value)


def test_the_papers_first_weights_must_come_from_the_user():
    with pytest.raises(CheckpointError, match="may not be redistributed"):
        rnn_ha(hidden="32").network(VERI)


@pytest.mark.parametrize(("option", "value"), [("unit", "lstm"), ("hidden", "0"), ("descriptor", "x2")])
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}.* of rnn-ha does not fit"):
        rnn_ha(**{option: value})


@pytest.mark.parametrize(
    "variant", ["rnn-ha", pytest.param("rnn-h", marks=pytest.mark.slow), pytest.param("fc-ha", marks=pytest.mark.slow)]
)
def test_every_variant_learns_eight_vehicles_by_heart(eight, tmp_path, variant):
    alone = {"backbone_epochs": "2", "backbone_batch": "16", "backbone_rate": "3e-4", "flip": "0"}
    method = rnn_ha(variant, **TINY, **alone, epochs="8", batch="16", learning_rate="4e-5", milestones="6")

    assert cmc_at_1(trained(method, eight, tmp_path), eight) == 1.0


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
