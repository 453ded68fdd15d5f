"""The eight stages of the released recipe, against tables written down from it.

A column is a stage: steps 1 to 4, each trained and then finetuned. A dash is a layer that the stage does not have.
"""

import pytest
import torch

from harness.methods.batches import PK, Shuffled
from plugins.layers.grouped import Grouped
from tests.plugins.ram.made import TINY, ram
from tests.plugins.veri import VERI, bare

STAGES = [f"step {step}, {half}" for step in (1, 2, 3, 4) for half in ("training", "finetuning")]

FACTORS = """
trunk.conv1                 1  1  1  1  1  1  1  1
trunk.conv2                 1  1  1  1  1  1  1  1
trunk.conv3                 1  1  1  1  1  1  1  1
trunk.conv4                 1  1  1  1  1  1  1  1
trunk.conv5                 1  1  1  1  1  1  1  1
conv.first.0               10  1  1  1  1  1  1  1
conv.second.0              10 10  1  1  1  1  1  1
conv.classifiers.conv      10 10  1  1  1  1  1  1
bn.full.0.0                 -  - 10  1  1  1  1  1
bn.full.1.0                 -  - 10 10  1  1  1  1
bn.classifiers.bn           -  - 10 10  1  1  1  1
region.full.top.0.0         -  -  -  - 10  1  1  1
region.full.middle.0.0      -  -  -  - 10  1  1  1
region.full.bottom.0.0      -  -  -  - 10  1  1  1
region.full.top.1.0         -  -  -  - 10 10  1  1
region.full.middle.1.0      -  -  -  - 10 10  1  1
region.full.bottom.1.0      -  -  -  - 10 10  1  1
region.classifiers.top      -  -  -  - 10 10  1  1
region.classifiers.middle   -  -  -  - 10 10  1  1
region.classifiers.bottom   -  -  -  - 10 10  1  1
region.classifiers.regions  -  -  -  - 10 10  1  1
attribute.full.0            -  -  -  -  -  - 10 10
attribute.classifiers.colour -  -  -  -  -  - 10 10
attribute.classifiers.kind  -  -  -  -  -  - 10 10
"""
"""How many times 0.001 the rate of each layer's weights is; that of its biases is twice as high."""

NORMALISED = [None, None, 1, 1, 1, 1, 1, 1]
"""The same of bn.normalise, scale and shift."""

SCALED = [
    set(),
    {"conv"},
    {"conv"},
    {"conv", "bn"},
    {"conv", "bn"},
    {"conv", "bn", "top", "middle", "bottom", "regions"},
    {"conv", "bn", "top", "middle", "bottom", "regions"},
    {"conv", "bn", "top", "middle", "bottom", "regions", "colour", "kind"},
]
"""The classifiers that see a feature of length 10."""

CLASSES = {"vehicle": 6, "colour": 3, "model": 4}


def expected(number):
    """The rate and the decay of each parameter in a stage."""
    table = {}
    for name, *factors in map(str.split, FACTORS.strip().splitlines()):
        if factors[number] != "-":
            table[f"{name}.weight"] = (int(factors[number]) * 1e-3, 5e-4)
            table[f"{name}.bias"] = (int(factors[number]) * 2e-3, 0.0)
    if NORMALISED[number] is not None:
        table["bn.normalise.weight"] = table["bn.normalise.bias"] = (1e-3, 5e-4)
    return table


@pytest.mark.parametrize("number", range(8))
def test_each_stage_trains_the_layers_of_the_table_at_its_rates_and_decays(number):
    method = ram()
    network = bare(method)
    optimiser = method.stages(VERI)[number].optimiser(network)

    names = {id(weight): name for name, weight in network.named_parameters()}
    found = {
        names[id(weight)]: (pytest.approx(group["lr"]), group["weight_decay"])
        for group in optimiser.param_groups
        for weight in group["params"]
    }
    assert found == expected(number)
    assert type(optimiser) is torch.optim.SGD
    assert {group["momentum"] for group in optimiser.param_groups} == {0.9}
    assert optimiser.param_groups[0]["lr"] == 1e-3, "the rate in the training table is that of the trunk"
    assert all(weight.requires_grad for weight in network.parameters()), "nothing is frozen"


def test_the_stages_have_their_papers_lengths_and_batches():
    stages = ram().stages(VERI)

    assert [stage.name for stage in stages] == STAGES
    assert [(stage.epochs, stage.iterations, stage.augment) for stage in stages] == [(None, 60_000, None)] * 8
    assert [stage.batches for stage in stages] == [
        *[Shuffled(64)] * 6,
        *[Grouped((PK(10, 3), PK(10, 2, "colour"), PK(9, 2, "type")))] * 2,
    ]


@pytest.mark.parametrize("number", range(8))
def test_the_rate_falls_to_four_fifths_every_6_000_iterations(number):
    method = ram()
    stage = method.stages(VERI)[number]
    scheduler = stage.schedule(stage.optimiser(bare(method)), 590)

    assert stage.advance == "step"
    for factor in scheduler.lr_lambdas:
        assert [factor(iteration) for iteration in (0, 1, 5_999)] == [1.0] * 3
        assert [factor(iteration) for iteration in (6_000, 11_999)] == pytest.approx([0.8] * 2)
        assert [factor(iteration) for iteration in (12_000, 17_999)] == pytest.approx([0.64] * 2)
        assert [factor(iteration) for iteration in (53_999, 54_000, 59_999)] == pytest.approx(
            [0.16777216, 0.134217728, 0.134217728]
        )


def test_a_run_of_another_length_has_its_rate_fall_at_its_own_tenths():
    stage = ram("baseline", iterations="20").stages(VERI)[0]
    scheduler = stage.schedule(torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0), 5)

    assert stage.iterations == 20
    assert [scheduler.lr_lambdas[0](count) for count in range(20)] == pytest.approx(
        [0.8 ** (n // 2) for n in range(20)]
    )


def test_without_iterations_nothing_is_trained():
    assert ram(iterations="0").stages(VERI) == []


def test_the_quick_recipe_takes_two_epochs_in_batches_of_32():
    stages = ram(recipe="quick").stages({"vehicle": 72, "colour": 10, "type": 9})

    assert [stage.iterations for stage in stages] == [2 * (1824 // 32)] * 8
    assert stages[0].batches == Shuffled(32)


@pytest.mark.parametrize("number", range(8))
def test_a_branch_is_scaled_from_its_finetuning_on_in_all_later_stages(images, number):
    method = ram(**TINY, scale="10")
    torch.manual_seed(0)
    network = method.architecture(CLASSES).train()
    lengths = {}
    for branch in (network.conv, network.bn, network.region, network.attribute):
        for name, classifier in branch.classifiers.items():
            classifier.register_forward_hook(
                lambda _layer, given, _out, name=name: lengths.update({name: given[0].norm(dim=1)})
            )

    method.begin(network, method.stages(CLASSES)[number])
    network(images)

    scaled = {name for name, found in lengths.items() if torch.allclose(found, torch.full((5,), 10.0))}
    assert scaled == SCALED[number]
    assert len(lengths) == (1, 1, 2, 2, 6, 6, 8, 8)[number]


@pytest.mark.parametrize(("finetuning", "training"), [(1, 2), (3, 4), (5, 6)])
def test_finished_branches_say_in_the_next_step_what_they_said_in_their_finetuning(images, finetuning, training):
    method = ram(**TINY, dropout="0")
    torch.manual_seed(0)
    network = method.architecture(CLASSES).train()
    stages, said = method.stages(CLASSES), []
    for number in (finetuning, training):
        method.begin(network, stages[number])
        with torch.no_grad():
            said.append(network(images))

    before, after = said
    assert set(before) == SCALED[finetuning] < set(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
