import pytest
import torch

from harness.errors import CheckpointError, UsageError
from harness.methods.method import create, resolve_options
from plugins.layers.augment import MEAN, STD
from plugins.strong_baseline import StrongBaseline
from tests.plugins.baseline import TINY, baseline
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.veri import VERI, bare


def convolution(inside, outside, side):
    """The weights of a bias-free convolution and of the batch normalisation behind it."""
    return inside * outside * side * side + 2 * outside


def resnet18():
    """He et al. (2016), table 1: a 7x7 stem, then four stages of two blocks of two 3x3 convolutions."""
    total, inside = convolution(3, 64, 7), 64
    for outside in (64, 128, 256, 512):
        total += convolution(inside, outside, 3) + 3 * convolution(outside, outside, 3)
        total += convolution(inside, outside, 1) if inside != outside else 0
        inside = outside
    return total


def resnet50():
    """The same table: stages of 3, 4, 6 and 3 bottlenecks of 1x1, 3x3 and 1x1, four times wider behind."""
    total, inside = convolution(3, 64, 7), 64
    for middle, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        outside = 4 * middle
        total += convolution(inside, outside, 1)
        for _ in range(blocks):
            total += convolution(inside, middle, 1) + convolution(middle, middle, 3)
            total += convolution(middle, outside, 1)
            inside = outside
    return total


def cbam(channels):
    return 2 * channels * (channels // 16) + 2 * 49


def test_the_trunks_have_their_published_sizes():
    assert (resnet18(), resnet50()) == (11_176_512, 23_508_032)


@pytest.mark.parametrize(
    ("recipe", "variant", "expected"),
    [
        # Reference form: trunk, BNNeck, bias-free classifier over VeRi's 576 vehicles.
        ("paper", "", resnet50() + 2 * 2048 + 2048 * 576),
        ("paper", "resnet18", resnet18() + 2 * 512 + 512 * 576),
        # Without BNNeck the classifier has biases.
        ("paper", "no-bnneck", resnet50() + 2049 * 576),
        ("paper", "resnet50-cbam", resnet50() + cbam(2048) + 2 * 2048 + 2048 * 576),
        # Report form: a linear layer with biases to 512 in between, whatever the trunk's width.
        ("report", "", resnet50() + 2049 * 512 + 2 * 512 + 512 * 576),
        ("report", "resnet18", resnet18() + 513 * 512 + 2 * 512 + 512 * 576),
        ("report", "resnet18-cbam", resnet18() + cbam(512) + 513 * 512 + 2 * 512 + 512 * 576),
        ("report", "resnet50-cbam", resnet50() + cbam(2048) + 2049 * 512 + 2 * 512 + 512 * 576),
    ],
)
def test_the_parameters_are_those_of_the_layer_list(recipe, variant, expected):
    network = bare(baseline(recipe, variant))

    assert sum(tensor.numel() for tensor in network.parameters()) == expected


def test_only_the_necks_bias_is_frozen():
    network = bare(baseline())

    assert [name for name, tensor in network.named_parameters() if not tensor.requires_grad] == ["neck.bias"]


@pytest.mark.parametrize(
    ("recipe", "variant", "size", "width", "cells"),
    [
        ("paper", "", (224, 224), 2048, (14, 14)),
        ("paper", "stride-2", (224, 224), 2048, (7, 7)),
        ("paper", "resnet18", (224, 224), 512, (14, 14)),
        ("report", "", (256, 128), 512, (8, 4)),
        ("report-vru", "", (256, 128), 512, (8, 4)),
        ("report-vru-20", "resnet18", (256, 128), 512, (8, 4)),
    ],
)
def test_sizes_and_shapes_are_the_papers(recipe, variant, size, width, cells):
    method = baseline(recipe, variant)
    network = bare(method)
    maps = []
    network.attention.register_forward_hook(lambda _layer, _given, found: maps.append(tuple(found.shape)))

    outputs = network.train()(torch.empty(2, 3, *size, device="meta"))
    feature = network.eval()(torch.empty(2, 3, *size, device="meta"))

    assert method.input_size == size
    assert maps[0][2:] == cells
    assert {name: tuple(tensor.shape) for name, tensor in outputs.items()} == {
        "before": (2, width),
        "after": (2, width),
        "logits": (2, 576),
    }
    assert tuple(feature.shape) == (2, width)


@pytest.fixture(scope="module")
def small():
    """A small network in evaluation mode, with its method; tests leave it as it is."""
    torch.manual_seed(0)
    method = baseline(**TINY)
    method.model = method.network({"vehicle": 5}).eval()
    return method


def test_the_feature_is_the_normalised_image_through_trunk_mean_reduction_and_neck(small):
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    network = small.model

    with torch.no_grad():
        found = small.embed(images)
        normal = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
        f = network.reduce(network.trunk(normal).mean((2, 3)))
        f = (f - network.neck.running_mean) / (network.neck.running_var + 1e-5).sqrt() * network.neck.weight

    torch.testing.assert_close(found, f / f.norm(dim=1, keepdim=True))


def test_a_checkpoint_gives_the_same_features_without_fetching_weights(small):
    images = torch.rand(2, 3, 32, 32)
    again = baseline(**{**TINY, "weights": "/nowhere/weights.pth"})

    again.restore(small.state(), {"vehicle": 5})
    again.model.eval()

    with torch.no_grad():
        assert torch.equal(again.embed(images), small.embed(images))


def test_a_missing_weights_file_stops_before_training():
    with pytest.raises(CheckpointError, match="no such weights file"):
        baseline(**{**TINY, "weights": "/nowhere/weights.pth"}).network({"vehicle": 5})


def outputs_of(n=8, d=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "before": torch.randn(n, d, generator=generator),
        "after": torch.randn(n, d, generator=generator) * 3,
        "logits": torch.randn(n, 4, generator=generator),
    }


@pytest.mark.parametrize(("recipe", "side", "smoothing"), [("paper", "before", 0.1), ("report", "after", 0.0)])
def test_each_form_has_its_own_two_losses(recipe, side, smoothing):
    method, outputs, vehicles = baseline(recipe), outputs_of(), torch.arange(8) // 2
    seen = outputs[side] if recipe == "paper" else torch.nn.functional.normalize(outputs[side])

    losses = method.losses(outputs, {"vehicle": vehicles}, method.stages(VERI)[0])

    distance = torch.cdist(seen.double(), seen.double())
    same = vehicles[:, None] == vehicles
    hardest = [distance[a][same[a]].max() - distance[a][~same[a]].min() for a in range(8)]
    triplet = torch.stack(hardest).add(0.3).relu().mean()
    logs = outputs["logits"].log_softmax(1)
    right = logs[range(8), vehicles]
    entropy = -((1 - smoothing) * right + smoothing * logs.mean(1)).mean()
    assert losses.keys() == {"cross-entropy", "triplet"}
    assert losses["triplet"].item() == pytest.approx(triplet.item(), rel=1e-5)
    assert losses["cross-entropy"].item() == pytest.approx(entropy.item(), rel=1e-5)


def test_without_a_neck_the_classifier_is_torchs_own():
    torch.manual_seed(0)
    network = baseline("paper", "no-bnneck", backbone="resnet18", weights="none").network({"vehicle": 576})
    classifier = network.classifier

    assert type(classifier) is torch.nn.Linear
    assert classifier.bias.shape == (576,)
    assert classifier.weight.abs().max().item() == pytest.approx(512**-0.5, rel=1e-3)  # uniform
    assert classifier.weight.std().item() == pytest.approx((3 * 512) ** -0.5, rel=0.01)


def test_the_reports_512_numbers_start_from_kaimings_normal_weights():
    torch.manual_seed(0)
    reduce = baseline("report", "resnet18", weights="none").network({"vehicle": 5}).reduce

    assert reduce.weight.shape == (512, 512)
    assert reduce.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.01)
    assert reduce.weight.abs().max() > 3 * reduce.weight.std(), "not uniform"
    assert torch.equal(reduce.bias, torch.zeros(512))


def test_the_centre_loss_has_a_centre_a_vehicle_and_an_sgd_of_its_own():
    method = baseline("paper", centre="0.0005")
    (stage,) = method.stages(VERI)
    network = bare(method)

    adam, sgd = stage.optimiser(network)

    (centres,) = sgd.param_groups
    (others,) = adam.param_groups
    assert [tuple(weight.shape) for weight in centres["params"]] == [(576, 2048)]
    assert type(sgd) is torch.optim.SGD
    assert {name: centres[name] for name in ("lr", "momentum", "weight_decay")} == {
        "lr": 0.5,
        "momentum": 0,
        "weight_decay": 0,
    }
    assert sum(weight.numel() for weight in others["params"]) == 24_691_776 - 2_048


def test_a_step_moves_the_centre_of_a_vehicle_by_its_share_of_the_batch_towards_its_mean():
    torch.manual_seed(0)
    method = baseline(**TINY, centre="0.0005", p="2", k="2")
    network = method.network({"vehicle": 3}).train()
    start, vehicles = network.centres.points.detach().clone(), torch.tensor([0, 0, 2, 2])
    _adam, sgd = method.optimisers(network)

    outputs = network(torch.rand(4, 3, 32, 32))
    losses = method.losses(outputs, {"vehicle": vehicles}, method.stages({"vehicle": 3})[0])
    sum(losses.values()).backward()
    sgd.step()

    before = outputs["before"].detach()
    own = (before - start[vehicles]).square().sum(1)
    means = torch.stack([before[:2].mean(0), start[1], before[2:].mean(0)])
    assert losses.keys() == {"cross-entropy", "triplet", "centre"}
    assert losses["centre"].item() == pytest.approx(0.0005 * own.mean().item(), rel=1e-4)
    torch.testing.assert_close(network.centres.points.detach(), start + 0.5 * (means - start))  # 0.5 * 2 * 2 / 4


def test_a_test_reads_no_centre():
    torch.manual_seed(0)
    network = baseline(**TINY, centre="0.0005").network({"vehicle": 3}).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = network(images)
        network.centres.points.fill_(float("nan"))

        assert torch.equal(network(images), expected)


def test_a_training_with_centres_ends_and_its_checkpoint_is_restored(eight, tmp_path):
    changes = {**TINY, "centre": "0.0005", "p": "8", "k": "2", "epochs": "1"}
    method = trained(baseline(**changes), eight, tmp_path)
    again = baseline(**changes)

    again.restore(method.state(), {"vehicle": 8})

    assert torch.equal(again.model.centres.points, method.model.centres.points)
    assert torch.isfinite(method.model.centres.points).all()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("backbone", "resnet34"),
        ("last_stride", "3"),
        ("width", "wide"),
        ("width", "0"),
        ("attention", "se"),
        ("triplet_on", "both"),
        ("label_smoothing", "1"),
        ("centre", "-1"),
        ("centre_rate", "0"),
        ("sampler", "all"),
        ("p", "1"),
        ("epochs", "-1"),
        ("learning_rate", "0"),
        ("milestones", "40,never"),
        ("input_size", "16"),
        ("flip", "1.5"),
    ],
)
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}.* of strong-baseline does not fit"):
        baseline(**{option: value})


def test_milestones_and_widths_are_written_as_words():
    options = baseline(milestones="30, 60,90", width="256").options

    assert (options.milestones, options.width) == ((30, 60, 90), 256)


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "epochs"), [("paper", "8"), ("report", "32")])
def test_both_forms_learn_eight_vehicles_by_heart_in_32_steps(eight, tmp_path, recipe, epochs):
    schedule = {"schedule": "cosine", "warm_up": "1", "learning_rate": "1e-3"}
    method = baseline(recipe, **TINY, **schedule, p="8", k="2", epochs=epochs)

    assert cmc_at_1(trained(baseline(recipe, "untrained", **TINY), eight, tmp_path / "untrained"), eight) < 0.9
    assert cmc_at_1(trained(method, eight, tmp_path / "trained"), eight) == 1.0


@pytest.mark.parametrize("changes", [{}, {"attention": "cbam"}, {"width": "16"}, {"neck": "none"}])
def test_the_cells_shares_and_the_biases_make_up_the_whole_feature(changes):
    options = {"backbone": "resnet18", "weights": "none", "input_size": "64", **changes}
    method = create(StrongBaseline, resolve_options("strong-baseline", StrongBaseline, changes=options))
    method.model = method.network({"vehicle": 3}).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    network, found = method.model, []
    network.neck.register_forward_hook(lambda _layer, _given, out: found.append(out.detach()))

    attention = method.attend(images)

    share = attention.maps["share"]
    with torch.no_grad():
        zero = network.neck(network.reduce(torch.zeros(1, 512)))  # what the biases bring alone
    bias = (zero * found[0]).sum(1) / found[0].square().sum(1)
    assert share.shape == (2, 4, 4)
    torch.testing.assert_close(share.sum((1, 2)), 1 - bias)
    assert set(attention.maps) == ({"share", "cbam"} if changes.get("attention") else {"share"})
    if "cbam" in attention.maps:
        maps = network.trunk(network.normalise(images))
        weighted = network.attention.channel(maps) * maps
        torch.testing.assert_close(attention.maps["cbam"], network.attention.spatial(weighted)[:, 0])
