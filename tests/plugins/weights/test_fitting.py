import pytest
import torch
from torch import nn

from harness.errors import CheckpointError
from plugins.weights.fitting import fill

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "1 tensors; missing: bias"),
        ({"scale": torch.ones(2)}, "unknown: scale"),
        ({"bias": torch.ones(3)}, r"of another shape: bias \(3,\) in place of \(2,\)"),
    ],
)
def test_weights_of_another_network_load_nothing(change, message):
    network = nn.Linear(3, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    changed = {name: tensor for name, tensor in {**STATE, **change}.items() if tensor is not None}

    with pytest.raises(CheckpointError, match=message):
        fill(network, changed, "w.pth")
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.bool, torch.int64, torch.complex64])
def test_numbers_of_another_kind_are_no_weights(kind, device):
    with torch.device(device):
        network = nn.Linear(3, 2)

    with pytest.raises(CheckpointError, match="the weights are of another network") as caught:
        fill(network, {**STATE, "weight": STATE["weight"].to(kind)}, "w.pth")
    word = str(kind).removeprefix("torch.")
    assert caught.value.found == f"2 tensors; of another kind of numbers: weight {word} in place of float32"


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_any_width_are_weights_and_a_count_may_be_of_any_kind(kind):
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    state = {name: tensor.to(kind) for name, tensor in network.state_dict().items()}

    fill(network, state, "w.pth")

    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}


def test_all_differences_stand_in_one_message():
    with pytest.raises(CheckpointError) as caught:
        fill(nn.Linear(3, 2), {"weight": torch.ones(2, 4), "scale": torch.ones(2)}, "w.pth")
    assert caught.value.found == (
        "2 tensors; missing: bias; unknown: scale; of another shape: weight (2, 4) in place of (2, 3)"
    )


def test_a_prefix_is_proposed_without_which_the_names_fit():
    with pytest.raises(CheckpointError) as caught:
        fill(nn.Linear(3, 2), {f"net.head.{name}": tensor for name, tensor in STATE.items()}, "w.pth")
    assert caught.value.next_step == (
        "without the prefix 'net.head.' the names would fit: --method torch takes --set strip=net.head."
    )


def test_the_format_that_a_file_looks_like_is_named():
    fast_reid = {"backbone.conv1.weight": torch.ones(1), "heads.weight": torch.ones(1)}

    with pytest.raises(CheckpointError) as caught:
        fill(nn.Linear(3, 2), fast_reid, "w.pth")
    assert caught.value.next_step == "this looks like fast-reid: use --method fast-reid"


def test_a_network_without_numbers_takes_those_of_the_file():
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    wanted = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).state_dict()
    old = {name: one.half() for name, one in wanted.items() if not name.endswith("num_batches_tracked")}

    fill(network, old, "w.pth")

    assert all(tensor.device.type == "cpu" for tensor in network.state_dict().values())
    assert network[0].weight.dtype == torch.float32
    assert torch.equal(network[0].weight, old["0.weight"].float())


def test_both_a_format_and_a_prefix_are_proposed():
    tensors = {**{f"backbone.{name}": one for name, one in STATE.items()}, "heads.weight": torch.ones(1)}

    with pytest.raises(CheckpointError) as caught:
        fill(nn.Linear(3, 2), tensors, "w.pth")
    assert caught.value.next_step == (
        "this looks like fast-reid: use --method fast-reid; without the prefix 'backbone.' the names would fit: "
        "--method torch takes --set strip=backbone."
    )
