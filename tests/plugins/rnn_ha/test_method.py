import re
from collections import Counter

import numpy as np
import pytest
import torch

from harness.data.images import UNKNOWN
from harness.errors import CheckpointError, DataError
from harness.methods.batches import Shuffled
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.rnn_ha.made import TINY, rnn_ha
from tests.plugins.veri import VERI, bare

VGG_M = {"conv1": 14_208, "conv2": 614_656, "conv3": 1_180_160, "conv4": 2_359_808, "conv5": 2_359_808}
RESNET = {"trunk": 23_508_032}
GRU = {"vgg-m": {"gru": 4_724_736}, "resnet50": {"gru": 25_178_112}}
HEADS = {"vgg-m": {"w1": 9_225, "w2": 590_400}, "resnet50": {"w1": 18_441, "w2": 1_180_224}}
ATTENTION = {"vgg-m": {"w3": 1_049_600, "w4": 524_800}, "resnet50": {"w3": 4_196_352, "w4": 4_196_352}}
TOGETHER = {
    "": {**VGG_M, **GRU["vgg-m"], **HEADS["vgg-m"], **ATTENTION["vgg-m"]},
    "fc-ha": {**VGG_M, "f1": 525_312, "f2": 525_312, **HEADS["vgg-m"], **ATTENTION["vgg-m"]},
    "rnn-h": {**VGG_M, **GRU["vgg-m"], **HEADS["vgg-m"]},
    "resnet": {**RESNET, **GRU["resnet50"], **HEADS["resnet50"], **ATTENTION["resnet50"]},
}
TOGETHER |= {"rnn-ha": TOGETHER[""], "672": TOGETHER[""], "resnet-672": TOGETHER["resnet"]}
ALONE = {"vgg-m": {**VGG_M, "alone": 295_488}, "resnet50": {**RESNET, "alone": 1_180_224}}
"""Parameters on VeRi-776's counts, from the sizes of the layers: 1024 x 1024 + 1024 for W3, and so on."""


def trained_parts(network, optimiser):
    """Return the number of parameters that the optimiser has of each part: a convolution of VGG-M, w3, gru, ..."""
    inside = re.compile(r"(?:trunk\.vgg\.|hierarchy\.|attention\.)?(\w+)")
    part_of = {id(weight): inside.match(name)[1] for name, weight in network.named_parameters()}
    found = Counter()
    for weight in (weight for group in optimiser.param_groups for weight in group["params"]):
        found[part_of[id(weight)]] += weight.numel()
    return found


@pytest.mark.parametrize("variant", TOGETHER)
def test_each_stage_trains_the_layers_of_the_release(variant):
    backbone = "resnet50" if variant.startswith("resnet") else "vgg-m"
    method = rnn_ha(variant)
    network = bare(method)

    alone, *together = method.stages(VERI)

    assert trained_parts(network, alone.optimiser(network)) == ALONE[backbone]
    for stage in together:
        assert trained_parts(network, stage.optimiser(network)) == TOGETHER[variant]


@pytest.mark.parametrize(
    ("variant", "total"),
    [("", 13_427_401), ("rnn-ha", 13_427_401), ("672", 13_427_401), ("resnet", 58_277_513), ("resnet-672", 58_277_513)],
)
def test_without_the_head_of_the_first_stage_the_parameters_are_those_of_the_release(variant, total):
    network = bare(rnn_ha(variant))

    parameters = sum(weight.numel() for name, weight in network.named_parameters() if not name.startswith("alone."))

    assert parameters == total == sum(TOGETHER[variant].values())


def courses(method):
    """Return for each stage its epochs, optimiser, rate, decay, batch and augmentation."""
    network = bare(method)
    for stage in method.stages(VERI):
        assert stage.schedule is None, "each stage has one rate"
        optimiser = stage.optimiser(network)
        (group,) = optimiser.param_groups
        augment = [type(step).__name__ for step in stage.augment.transforms] if stage.augment else []
        yield (stage.epochs, type(optimiser).__name__, group["lr"], group["weight_decay"], stage.batches.size, augment)


ADAM = (40, "Adam", 1e-3, 0, 128, ["RandomHorizontalFlip"])
RELEASED = {
    "vgg-m": [ADAM, (10, "RMSprop", 1e-3, 0, 64, []), (9, "RMSprop", 1e-4, 0, 64, [])],
    "resnet50": [ADAM, (19, "RMSprop", 1e-3, 0, 8, [])],
}


@pytest.mark.parametrize(
    ("variant", "backbone"),
    [
        ("", "vgg-m"),
        ("fc-ha", "vgg-m"),
        ("rnn-h", "vgg-m"),
        ("rnn-ha", "vgg-m"),
        ("672", "vgg-m"),
        ("resnet", "resnet50"),
        ("resnet-672", "resnet50"),
    ],
)
def test_each_stage_has_the_optimiser_rate_and_batch_of_the_release(variant, backbone):
    assert list(courses(rnn_ha(variant))) == RELEASED[backbone]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("", [1e-3] * 40 + [1e-3] * 10 + [1e-4] * 9), ("resnet", [1e-3] * 40 + [1e-3] * 19)],
)
def test_the_rates_are_those_of_the_release_epoch_by_epoch(variant, expected):
    rates = [rate for epochs, _, rate, *_ in courses(rnn_ha(variant)) for _ in range(epochs)]

    assert rates == expected


def test_rmsprop_is_made_anew_at_the_change_of_the_rate():
    method = rnn_ha(**TINY)
    network = method.network({"vehicle": 6, "type": 3})
    first, second = (stage.optimiser(network) for stage in method.stages({"vehicle": 6, "type": 3})[1:])
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)

    first.step()

    assert first.state
    assert not second.state


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"milestones": "2,4", "epochs": "6"}, [(2, 1e-3), (2, 1e-4), (2, 1e-5)]),
        ({"milestones": "4,2", "epochs": "6"}, [(2, 1e-3), (2, 1e-4), (2, 1e-5)]),
        ({"milestones": ""}, [(19, 1e-3)]),
        ({"epochs": "10"}, [(10, 1e-3)]),
        ({"epochs": "0"}, []),
        ({"backbone": "resnet50", "milestones": "10"}, [(10, 1e-3), (9, 1e-4)]),
        ({"backbone": "resnet18"}, [(10, 1e-3), (9, 1e-4)]),
    ],
)
def test_milestones_cut_the_joint_training_into_stages(changes, expected):
    _alone, *together = courses(rnn_ha(**changes))

    assert [(epochs, pytest.approx(rate)) for epochs, _, rate, *_ in together] == expected


def test_a_batch_that_is_given_replaces_the_published_one():
    assert rnn_ha("resnet", batch="16").stages(VERI)[1].batches == Shuffled(16)


def test_stages_are_named_by_what_they_train_and_its_rate():
    names = [stage.name for stage in rnn_ha().stages(VERI)]

    assert names == ["backbone", "coarse to fine at 0.001", "coarse to fine at 0.0001"]


VEHICLEID = {"vehicle": 13_164, "model": 228, "colour": 7}


def test_on_vehicleid_every_stage_draws_only_the_images_with_a_model():
    random = np.random.default_rng(0)
    models = np.full(113_346, UNKNOWN)
    models[random.permutation(113_346)[:90_168]] = random.integers(0, 228, 90_168)  # R: 90,168 images, 228 models
    labels = {"vehicle": random.integers(0, 13_164, 113_346), "model": models}

    for stage, steps in zip(rnn_ha(recipe="vehicleid").stages(VEHICLEID), (704, 1408, 1408), strict=True):
        rows = np.concatenate(stage.batches.draw(labels, random))
        assert stage.batches.steps(labels) == steps  # 90,168 in batches of 128, 64 and 64
        assert len(set(rows.tolist())) == len(rows)
        assert (models[rows] != UNKNOWN).all()


def test_labelled_images_are_those_with_a_type_where_there_are_no_models():
    stages = rnn_ha(labelled_only="true").stages(VERI)

    assert [stage.batches for stage in stages] == [Shuffled(128, "type"), Shuffled(64, "type"), Shuffled(64, "type")]


def test_by_default_all_images_are_drawn():
    assert [stage.batches for stage in rnn_ha().stages(VEHICLEID)] == [Shuffled(128), Shuffled(64), Shuffled(64)]


@pytest.mark.parametrize("variant", ["rnn-ha", "rnn-h", "fc-ha"])
@pytest.mark.parametrize("number", [0, 1])
def test_gradients_reach_every_parameter_that_a_stage_trains(variant, number):
    classes = {"vehicle": 6, "type": 3}
    method = rnn_ha(variant, **TINY)
    network, stage = method.network(classes).train(), method.stages(classes)[number]
    images = torch.rand(4, 3, 96, 96, generator=torch.Generator().manual_seed(2))  # one cell alone has no attention
    labels = {"vehicle": torch.arange(4), "type": torch.arange(4) % 3}

    method.begin(network, stage)
    sum(method.losses(network(images), labels, stage).values()).backward()

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


def test_without_models_and_types_training_is_refused():
    with pytest.raises(DataError, match="rnn-ha trains with labels that no training image has: type") as caught:
        rnn_ha().stages({"vehicle": 6, "colour": 3})
    assert "model or type" in str(caught.value)


def test_the_papers_first_weights_must_come_from_the_user():
    with pytest.raises(CheckpointError, match="may not be redistributed"):
        rnn_ha(hidden="32").network(VERI)


@pytest.mark.parametrize(
    "variant", ["rnn-ha", pytest.param("rnn-h", marks=pytest.mark.slow), pytest.param("fc-ha", marks=pytest.mark.slow)]
)
def test_every_variant_learns_eight_vehicles_by_heart(eight, tmp_path, variant):
    alone = {"backbone_epochs": "2", "backbone_batch": "16", "backbone_rate": "3e-4", "flip": "0"}
    method = rnn_ha(variant, **TINY, **alone, epochs="8", batch="16", learning_rate="4e-5", milestones="6")

    assert cmc_at_1(trained(method, eight, tmp_path), eight) == 1.0
