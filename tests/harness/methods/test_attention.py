"""Shares add up for every network that is linear after its last map; every network with a map has an energy."""

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from harness.errors import UsageError
from harness.methods.attention import energy, shares
from tests.tiny import TinyNetwork, TinyOptions


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_shares_of_linear_features_add_up_to_1_less_the_biases(images, side, count, seed):
    random = torch.Generator().manual_seed(seed)
    maps = torch.rand(images, 6, side, side + 1, generator=random, dtype=torch.float64) + 0.1
    weights = [torch.randn(6, 4, generator=random, dtype=torch.float64) for _ in range(count)]
    bias = torch.randn(4, generator=random, dtype=torch.float64)

    found = shares(maps, lambda cells: [cells.mean((2, 3)) @ weight + bias for weight in weights])

    features = torch.stack([maps.mean((2, 3)) @ weight + bias for weight in weights])
    biases = ((features @ bias) / features.square().sum(2)).mean(0)
    assert found.shape == (images, side, side + 1)
    torch.testing.assert_close(found.sum((1, 2)), 1 - biases)


def test_the_share_of_a_cell_is_what_the_channels_bring_in_the_features_own_direction():
    maps = torch.zeros(1, 2, 1, 2)
    maps[0, :, 0, 0], maps[0, :, 0, 1] = torch.tensor([6.0, 0.0]), torch.tensor([0.0, 2.0])

    found = shares(maps, lambda cells: [cells.mean((2, 3))])  # the feature is (3, 1), of squared length 10

    torch.testing.assert_close(found, torch.tensor([[[0.9, 0.1]]]))


def test_shares_leave_no_gradient_and_work_in_inference_mode():
    layer = nn.Linear(2, 3)
    with torch.inference_mode():
        found = shares(torch.ones(1, 2, 2, 2), lambda cells: [layer(cells.mean((2, 3)))])

    assert not found.requires_grad
    assert layer.weight.grad is None


def test_a_feature_of_zeros_has_shares_of_zero():
    assert (shares(torch.ones(2, 3, 2, 2), lambda cells: [0 * cells.mean((2, 3))]) == 0).all()


def test_energy_is_the_mean_square_of_the_last_map():
    network = TinyNetwork(TinyOptions(), 4).eval()
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    found = energy(network, images)

    torch.testing.assert_close(found, network.norm(network.conv(images - 0.5)).square().mean(1))
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_without_a_map_is_refused():
    with pytest.raises(UsageError, match="no module of Sequential returns a map"):
        energy(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), torch.zeros(1, 3, 4, 4))
