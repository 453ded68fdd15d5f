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
