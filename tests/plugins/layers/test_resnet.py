import pytest
import torch

from plugins.layers.resnet import CHANNELS, resnet_trunk


def shapes(trunk, side):
    """The shape of each named part's output for one image, computed without any number."""
    maps, found = torch.empty(1, 3, side, side, device="meta"), {}
    for name, part in trunk.to("meta").named_children():
        maps = part(maps)
        found[name] = tuple(maps.shape[1:])
    return found


@pytest.mark.parametrize(
    ("side", "stride", "sides"),
    [
        (224, 1, (112, 56, 56, 28, 14, 14)),
        (224, 2, (112, 56, 56, 28, 14, 7)),
        (256, 1, (128, 64, 64, 32, 16, 16)),
        (256, 2, (128, 64, 64, 32, 16, 8)),
    ],
)
@pytest.mark.parametrize(
    ("backbone", "channels"), [("resnet18", (64, 64, 64, 128, 256, 512)), ("resnet50", (64, 64, 256, 512, 1024, 2048))]
)
def test_every_stage_has_its_papers_shape(backbone, channels, side, stride, sides):
    with torch.device("meta"):
        found = shapes(resnet_trunk(backbone, stride), side)

    parts = ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4")
    assert {part: found[part] for part in parts} == {
        part: (channel, side, side) for part, channel, side in zip(parts, channels, sides, strict=True)
    }
    assert CHANNELS[backbone] == channels[-1]


def test_the_last_stride_costs_no_parameter_and_changes_no_name():
    with torch.device("meta"):
        kept, halved = resnet_trunk("resnet18", 1), resnet_trunk("resnet18", 2)

    assert [(name, tensor.shape) for name, tensor in kept.state_dict().items()] == [
        (name, tensor.shape) for name, tensor in halved.state_dict().items()
    ]


def test_a_trunk_with_the_published_stride_is_torchvisions_network_without_its_head():
    from torchvision.models import resnet18

    network = resnet18(weights=None).eval()
    trunk = resnet_trunk("resnet18", 2).eval()
    trunk.load_state_dict(network.state_dict(), strict=False)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        assert torch.equal(network.fc(trunk(images).mean((2, 3))), network(images))
