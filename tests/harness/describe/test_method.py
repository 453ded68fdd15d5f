"""Descriptions of methods: sizes agree with values computed by hand, texts are reproducible, errors are clear."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.describe.method import describe_method, number_of_classes, text
from harness.describe.network import dissect
from harness.errors import DataError, PluginError, UsageError
from harness.methods.method import Options, complete
from harness.registry.kinds import METHOD
from harness.registry.registry import load
from tests.tiny import Tiny

REGISTRY = load()
RESNET50 = 23_508_032
"""He et al. (2016), table 1; tests/plugins/test_strong_baseline.py counts it layer by layer."""


def linear(inside, outside):
    return (inside + 1) * outside


def vgg_m():
    layers = ((3, 96, 7), (96, 256, 5), (256, 512, 3), (512, 512, 3), (512, 512, 3))
    return sum(inside * outside * side**2 + outside for inside, outside, side in layers)


RAM_CONV = linear(512 * 36, 4096) + linear(4096, 4096)
RAM_BN = 2 * 512 + RAM_CONV
RAM_REGION = 2 * linear(512 * 18, 1024) + linear(512 * 24, 1024) + 3 * linear(1024, 1024)
RAM_TEST = vgg_m() + RAM_CONV + RAM_BN + RAM_REGION + linear(4096, 512)
RAM_CLASSIFIERS = 2 * linear(4096, 576) + 3 * linear(1024, 576) + linear(3072, 576) + linear(512, 10) + linear(512, 9)
GRU = 3 * (linear(512, 1024) + linear(1024, 1024))
RNN_HA_TEST = vgg_m() + GRU + linear(1024, 1024) + linear(1024, 512)
RNN_HA_CLASSIFIERS = linear(1024, 9) + linear(1024, 576) + linear(512, 576)


def refine(inside, outside):
    """SE: two layers. Block: three normalisations, then 1x1, 3x3, 1x1 and the shortcut. No layer has biases."""
    squeezed, middle = inside // 8, outside // 4
    norms = 2 * (inside + middle + middle)
    convolutions = inside * middle + 9 * middle**2 + middle * outside + inside * outside
    return 2 * inside * squeezed + norms + convolutions


PAM = (2048 * 512 + 1) + 2 * 512 + (512 * 2048 + 1)  # two layers without biases, a length each; a layer norm
PGAN_TEST = RESNET50 + PAM + refine(4096, 512) + 2 * 512
PGAN_TRAINING = 2 * refine(2048, 256) + 512 * 576
PR_REID_TEST = RESNET50 + linear(2048, 256)
PR_REID_TRAINING = 3 * linear(2048, 256) + 4 * 256 * 576


@pytest.mark.parametrize(
    ("asked", "recipe", "test", "training", "width"),
    [
        ("strong-baseline", "paper", RESNET50 + 2 * 2048, 2048 * 576, 2048),
        ("strong-baseline/no-bnneck", "", RESNET50, linear(2048, 576), 2048),
        ("strong-baseline", "report", RESNET50 + linear(2048, 512) + 2 * 512, 512 * 576, 512),
        ("ram", "paper", RAM_TEST, RAM_CLASSIFIERS, 11_776),
        ("ram/baseline", "", vgg_m() + RAM_CONV, linear(4096, 576), 4096),
        ("rnn-ha", "paper", RNN_HA_TEST, RNN_HA_CLASSIFIERS, 1024),
        ("rnn-ha/rnn-h", "", vgg_m() + GRU, RNN_HA_CLASSIFIERS, 1024),
        ("pgan", "paper", PGAN_TEST, PGAN_TRAINING, 512),
        ("pgan/baseline", "", RESNET50 + refine(2048, 512) + 2 * 512, 512 * 576, 512),
        ("pr-reid", "paper", PR_REID_TEST, PR_REID_TRAINING, 256),
        ("pr-reid/baseline", "", PR_REID_TEST, 256 * 576, 256),
    ],
)
def test_the_parameters_are_those_counted_by_hand_and_the_test_reads_nothing_of_the_training_alone(
    asked, recipe, test, training, width
):
    found = describe_method(REGISTRY, asked, recipe=recipe)
    parameters = found["parameters"]

    assert (parameters["train"], parameters["test"]) == (test + training, test)
    assert found["feature"] == width


@pytest.mark.parametrize(
    ("asked", "train", "last", "test"),
    [
        ("rnn-ha", 13_722_889, 13_427_401, 12_827_776),
        ("rnn-ha/rnn-ha", 13_722_889, 13_427_401, 12_827_776),
        ("rnn-ha/672", 13_722_889, 13_427_401, 12_827_776),
        ("rnn-ha/fc-ha", 10_048_777, 9_753_289, 9_153_664),
        ("rnn-ha/rnn-h", 12_148_489, 11_853_001, 11_253_376),
        ("rnn-ha/resnet", 59_457_737, 58_277_513, 57_078_848),
        ("rnn-ha/resnet-672", 59_457_737, 58_277_513, 57_078_848),
    ],
)
def test_the_parameters_of_the_last_stage_are_without_the_head_of_the_first(asked, train, last, test):
    found = describe_method(REGISTRY, asked)

    assert found["parameters"] == {"train": train, "last_stage": last, "test": test}
    assert (
        f"parameters: {train:,} in training, of which {last:,} are trained to the end, {test:,} at test time"
        in text(found)
    )


def test_the_only_stage_of_pgan_leaves_the_512_frozen_biases_of_its_neck():
    expected = "parameters: 36,462,658 in training, of which 36,462,146 are trained to the end, 32,644,674 at test time"

    assert expected in text(describe_method(REGISTRY, "pgan"))


def test_a_last_stage_that_trains_everything_is_not_mentioned():
    found = describe_method(REGISTRY, "pr-reid")

    assert found["parameters"]["last_stage"] == found["parameters"]["train"]
    assert "trained to the end" not in text(found)


@pytest.mark.parametrize("asked", ["strong-baseline/untrained", "random"])
def test_without_stages_nothing_is_said_of_the_last_one(asked):
    found = describe_method(REGISTRY, asked)

    assert found["parameters"]["last_stage"] is None
    assert "trained to the end" not in text(found)


def test_the_sums_by_hand_are_these():
    assert (PGAN_TEST, PR_REID_TEST) == (32_644_674, 24_032_576)


def shapes(asked, **words):
    return {row["stage"]: tuple(row["shape"]) for row in describe_method(REGISTRY, asked, **words)["stages"]}


def test_every_named_stage_has_its_shape_for_the_given_input_and_classes():
    found = shapes("strong-baseline/resnet18", size=(256, 256), classes={"vehicle": 13})

    assert found["trunk.layer1"] == (64, 64, 64)
    assert found["trunk.layer4"] == found["trunk"] == (512, 16, 16)
    assert found["neck"] == (512,)
    assert found["classifier"] == (13,)
    assert "attention" not in found, "a layer that does nothing is no stage"


def test_stages_of_the_training_alone_are_marked():
    rows = describe_method(REGISTRY, "rnn-ha", classes=number_of_classes(20, 0, 5))["stages"]

    assert {row["stage"]: row["shape"] for row in rows if row["training"]} == {"w1": [5], "w2": [20]}


def test_options_say_their_type_default_value_and_source():
    options = {row["option"]: row for row in describe_method(REGISTRY, "strong-baseline/resnet18-cbam")["options"]}

    assert options["attention"] == {
        "option": "attention",
        "type": "none or cbam",
        "default": "none",
        "value": "cbam",
        "about": "attention after the trunk (report, 3.3)",
        "source": "report, 3.3",
    }
    assert options["width"]["type"] == "int >= 1 or full"
    assert options["milestones"]["type"] == "list of int"


def test_a_recipe_and_a_change_are_seen_in_values_and_sizes():
    found = describe_method(REGISTRY, "strong-baseline", recipe="quick", changes={"width": "64"})

    assert found["input"] == [64, 64]
    assert found["feature"] == 64
    assert {row["option"]: row["value"] for row in found["options"]}["backbone"] == "resnet18"


def test_the_same_question_has_the_same_answer_and_leaves_torch_alone():
    before = torch.get_rng_state()
    first, second = (json.dumps(describe_method(REGISTRY, "rnn-ha")) for _ in range(2))

    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


ANY_NETWORK = {"onnx", "open-clip", "timm", "torch", "torchscript", "transformers"}
"""The methods of networks that are named or given by the user, and have no paper of their own."""


@pytest.mark.parametrize("name", REGISTRY.names(METHOD))
def test_every_built_in_method_can_be_shown_and_names_its_paper_unless_it_is_a_control(name):
    found = describe_method(REGISTRY, name)

    assert name in text(found).partition(":")[0]
    if name in ANY_NETWORK:  # without a network there is nothing to count
        assert found["provenance"]
        assert "as many numbers as the given network has" in text(found)
        return
    assert bool(found["papers"]) != found["control"]
    assert (found["parameters"]["train"] > 0) != found["control"]
    assert found["feature"] > 0


def test_no_memory_is_taken_for_the_weights():
    method = REGISTRY.method("ram")
    made = []

    class Spied(method):
        def architecture(self, classes):
            made.append(super().architecture(classes))
            return made[-1]

    dissect("ram", Spied, Spied.Options(), number_of_classes(None, None, None))

    assert {weight.device.type for network in made for weight in network.parameters()} == {"meta"}


class Plain:
    def embed(self, images):
        return images.mean((2, 3)).numpy()


class Loading:
    """A third party's method with a network under its own name, which depends on values."""

    input_size = (8, 12)

    def __init__(self):
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 10, 5))
        self.scale = float(self.net[0].weight.sum())

    def embed(self, images):
        return self.net(images) * self.scale


@pytest.mark.parametrize(
    ("third", "parameters", "width"), [(Plain, 0, 3), (Loading, linear(27, 4) + linear(240, 5), 5)]
)
def test_a_third_partys_smallest_method_is_shown(third, parameters, width):
    found = dissect("mine", complete(third), Options(), {"vehicle": 4})

    assert (found.train, found.test, found.width) == (parameters, parameters, width)


def test_a_method_with_a_tiny_network_has_its_test_parameters_without_the_classifier():
    found = dissect("tiny", Tiny, Tiny.Options(), {"vehicle": 4})

    assert (found.test, found.train) == (3 * 8 * 9 + 8 + 16, 3 * 8 * 9 + 8 + 16 + linear(8, 4))
    assert (found.stages[0].name, found.stages[0].shape) == ("conv", (8, 8, 8))


class Halved(Tiny):
    """Its last stage has two optimisers and freezes the convolution."""

    def begin(self, network, stage):
        network.conv.requires_grad_(stage.name == "stage 1")

    def stage(self, number, epochs):
        def optimisers(network):
            moved = torch.optim.SGD([*network.conv.parameters(), *network.norm.parameters()])
            return [moved, torch.optim.SGD([network.classifier.bias])]

        return replace(super().stage(number, epochs), optimiser=optimisers)


def test_frozen_parameters_and_those_of_no_optimiser_are_not_of_the_last_stage():
    found = dissect("halved", Halved, Halved.Options(), {"vehicle": 4})

    assert (found.train, found.last) == (3 * 8 * 9 + 8 + 16 + linear(8, 4), 16 + 4)


class Boxed(Tiny):
    test_needs = frozenset({"boxes.parts"})

    def embed(self, images, boxes_parts):
        assert [found.shape for found in boxes_parts] == [(16, 6), (16, 6)]
        return torch.cat([self.model(images), torch.stack([found[:, 2:].mean(0) for found in boxes_parts])], dim=1)


def test_a_method_that_takes_boxes_gets_made_up_ones():
    assert dissect("boxed", Boxed, Boxed.Options(), {"vehicle": 4}).width == 12


THIRD = """
import harness
from torch import nn


class Wide(harness.Method):
    class Options(harness.Options):
        input_size: tuple[int, int] = (8, 4)

    def embed(self, images):
        return images.flatten(1)


class Fixed(harness.Method):
    class Options(harness.Options):
        input_size: int = 8

    def __init__(self):
        self.model = nn.Linear(192, 5)

    def embed(self, images):
        return self.model(images.flatten(1))


class Plain:
    def embed(self, images):
        return images.mean((2, 3))


@harness.hookimpl
def bench_register_methods(register):
    for method in (Wide, Fixed, Plain):
        register(method.__name__.lower(), method, about="of a third party")
"""


@pytest.fixture(scope="module")
def third(tmp_path_factory):
    file = tmp_path_factory.mktemp("third") / "third.py"
    file.write_text(THIRD)
    return load((file,))


@pytest.mark.parametrize("size", [(6, 10), (6, 6)])
def test_an_input_of_two_sides_reaches_an_option_of_two_numbers(third, size):
    found = describe_method(third, "wide", size=size)

    assert found["input"] == list(size)
    assert found["feature"] == 3 * size[0] * size[1]


def test_a_size_that_a_method_fails_on_is_refused_with_its_words(third):
    assert describe_method(third, "fixed")["parameters"]["train"] == 965
    with pytest.raises(UsageError, match="fixed cannot be run on images of 16 x 16 pixels") as caught:
        describe_method(third, "fixed", size=(16, 16))
    assert "shapes cannot be multiplied" in caught.value.found


def test_a_method_of_one_size_takes_no_other(third):
    assert describe_method(third, "plain", size=(224, 224))["feature"] == 3
    with pytest.raises(UsageError, match="plain has no option input_size"):
        describe_method(third, "plain", size=(64, 64))


def test_changed_options_stand_in_the_name_beside_the_recipe():
    found = describe_method(REGISTRY, "strong-baseline/no-erasing", recipe="quick", changes={"epochs": "2"})

    assert text(found).startswith("strong-baseline/no-erasing (epochs=2), recipe quick: ")


@pytest.mark.parametrize(
    ("asked", "words", "error", "message"),
    [
        ("nobody", {}, UsageError, "unknown method"),
        ("ram/bn-q", {}, UsageError, "did you mean 'bn-r'"),
        ("ram", {"recipe": "quik"}, UsageError, "did you mean 'quick'"),
        ("ram", {"changes": {"step": "2"}}, UsageError, "did you mean 'steps'"),
        ("ram", {"changes": {"steps": "9"}}, UsageError, "option 'steps'"),
        ("ram", {"size": (8, 8)}, UsageError, "option 'input_size' of ram does not fit"),
        ("random", {"size": (0, 0)}, UsageError, "option 'input_size' of random does not fit"),
        ("ram", {"size": (64, 64), "changes": {"input_size": "64"}}, UsageError, "given twice"),
        ("ram", {"classes": number_of_classes(5, 0, None)}, DataError, "labels that no training image has: colour"),
        ("rnn-ha", {"classes": number_of_classes(5, None, 0)}, DataError, "labels that no training image has: type"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(asked, words, error, message):
    with pytest.raises(error, match=message):
        describe_method(REGISTRY, asked, **words)


def test_a_method_of_square_images_says_so_when_it_is_asked_for_others(third):
    with pytest.raises(UsageError, match="fixed accepts square images only") as caught:
        describe_method(third, "fixed", size=(224, 448))
    assert caught.value.next_step == "give --input 224 or --input 448"


@pytest.mark.parametrize("name", [name for name in REGISTRY.names(METHOD) if not REGISTRY.method(name).control])
def test_every_published_method_takes_images_of_any_height_and_width(name):
    assert describe_method(REGISTRY, name, size=(128, 64))["input"] == [128, 64]


@pytest.mark.parametrize("returned", [None, torch.zeros(2), torch.zeros(3, 4)])
def test_an_embed_that_breaks_the_contract_is_told(returned):
    class Odd:
        def embed(self, images):
            return returned

    with pytest.raises(PluginError, match="embed returned no features"):
        dissect("odd", complete(Odd), Options(), {"vehicle": 2})
