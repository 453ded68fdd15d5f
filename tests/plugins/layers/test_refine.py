import pytest
import torch
from torch.nn import functional

from plugins.layers.refine import Bottleneck, Refine


def refine(inside, outside):
    """SE: two layers with biases. Block: three normalisations, 1x1, 3x3, 1x1, and the shortcut, without biases."""
    squeezed, middle = inside // 8, outside // 4
    se = inside * squeezed + squeezed + squeezed * inside + inside
    norms = 2 * inside + 2 * middle + 2 * middle
    return se + norms + inside * middle + 9 * middle**2 + middle * outside + inside * outside


@pytest.mark.parametrize(
    ("inside", "outside", "expected"), [(4096, 512, 7_042_048), (2048, 256, 1_763_840), (2048, 512, 2_579_200)]
)
def test_the_parameters_are_those_of_the_layer_list(inside, outside, expected):
    with torch.device("meta"):
        network = Refine(inside, outside)

    assert refine(inside, outside) == expected
    assert sum(tensor.numel() for tensor in network.parameters()) == expected


def normal(norm, maps):
    """A normalisation in evaluation mode, from its definition."""
    mean, variance = norm.running_mean[:, None, None], norm.running_var[:, None, None]
    scaled = (maps - mean) / (variance + norm.eps).sqrt()
    return scaled * norm.weight[:, None, None] + norm.bias[:, None, None]


@pytest.fixture
def maps():
    return torch.randn(2, 16, 5, 7, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def small():
    torch.manual_seed(0)
    network = Refine(16, 8)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.uniform_(module.bias, -1, 1)
    return network.eval()


def test_the_block_activates_in_front_and_adds_a_1x1_shortcut(small, maps):
    block = small.block
    with torch.no_grad():
        first = normal(block.norm1, maps).clamp(min=0)
        second = normal(block.norm2, functional.conv2d(first, block.conv1.weight)).clamp(min=0)
        third = normal(block.norm3, functional.conv2d(second, block.conv2.weight, padding=1)).clamp(min=0)
        expected = functional.conv2d(third, block.conv3.weight) + functional.conv2d(first, block.shortcut.weight)

        torch.testing.assert_close(block(maps), expected)
    assert isinstance(block, Bottleneck)


def test_refine_weighs_the_channels_and_means_over_the_cells(small, maps):
    squeeze = small.squeeze
    with torch.no_grad():
        hidden = (maps.mean((2, 3)) @ squeeze.fc1.weight[:, :, 0, 0].T + squeeze.fc1.bias).clamp(min=0)
        weights = torch.sigmoid(hidden @ squeeze.fc2.weight[:, :, 0, 0].T + squeeze.fc2.bias)
        expected = small.block(maps * weights[:, :, None, None]).mean((2, 3))

        torch.testing.assert_close(small(maps), expected)


@pytest.mark.parametrize("side", [1, 14, 16])
def test_the_feature_has_its_width_whatever_the_maps_size(small, side):
    assert small(torch.zeros(3, 16, side, side)).shape == (3, 8)
