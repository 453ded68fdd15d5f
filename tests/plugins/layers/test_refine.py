import pytest
import torch
from torch.nn import functional

from plugins.layers.refine import Bottleneck, Refine


def refine(inside, outside):
    """SE: two layers. Block: three normalisations, 1x1, 3x3, 1x1, and the shortcut. No layer has biases."""
    squeezed, middle = inside // 8, outside // 4
    se = 2 * inside * squeezed
    norms = 2 * inside + 2 * middle + 2 * middle
    return se + norms + inside * middle + 9 * middle**2 + middle * outside + inside * outside


@pytest.mark.parametrize(
    ("inside", "outside", "expected"), [(4096, 512, 7_037_440), (2048, 256, 1_761_536), (2048, 512, 2_576_896)]
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
        hidden = (maps.mean((2, 3)) @ squeeze.fc1.weight.T).clamp(min=0)
        weights = torch.sigmoid(hidden @ squeeze.fc2.weight.T)
        expected = small.block(maps * weights[:, :, None, None]).mean((2, 3))

        torch.testing.assert_close(small(maps), expected)


@pytest.mark.parametrize("side", [1, 14, 16])
def test_the_feature_has_its_width_whatever_the_maps_size(small, side):
    assert small(torch.zeros(3, 16, side, side)).shape == (3, 8)


def test_the_first_weights_are_kaimings_by_the_inputs_of_convolutions_and_the_outputs_of_the_se_blocks_layers():
    torch.manual_seed(0)
    network = Refine(1024, 512)
    inputs = {"block.conv1": 1024, "block.conv2": 9 * 128, "block.conv3": 128, "block.shortcut": 1024}
    outputs = {"squeeze.fc1": 128, "squeeze.fc2": 1024}

    for name, count in (inputs | outputs).items():
        weight = network.get_submodule(name).weight
        assert weight.std().item() == pytest.approx((2 / count) ** 0.5, rel=0.02), name
        assert abs(weight.mean().item()) < 0.02 * (2 / count) ** 0.5, name
        assert (weight.abs() > 2 * weight.std()).float().mean().item() == pytest.approx(0.0455, abs=0.003), "normal"
