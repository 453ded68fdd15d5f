import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.errors import CheckpointError, UsageError
from plugins.layers.augment import MEAN, STD
from plugins.released.strong_baseline import LuoBaseline
from plugins.weights.convert import convert
from tests.plugins.released.files import below, images, made, norm, resnet, saved


def state(network):
    width = network.width
    tensors = below("base.", network.state_dict()) | norm("bottleneck", width)
    return tensors | {"classifier.weight": torch.rand(751, width)}


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("place", ["behind", "before"])
@torch.no_grad()
def test_a_plain_resnet_has_no_relu_before_its_first_pooling(tmp_path, deep, place):
    network, tensors = resnet(deep=deep), state(resnet(deep=deep))
    method = made(LuoBaseline, weights=saved(tmp_path / "w.pth", tensors), feature=place)

    found = method.embed(images())

    maps = (images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    maps = functional.max_pool2d(network.bn1(network.conv1(maps)), 3, 2, padding=1)
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        maps = stage(maps)
    wanted = maps.mean((2, 3))
    if place == "behind":
        words = ("running_mean", "running_var", "weight", "bias")
        wanted = functional.batch_norm(wanted, *(tensors[f"bottleneck.{word}"] for word in words))
    assert torch.allclose(found, functional.normalize(wanted), atol=1e-5)


def test_one_with_ibn_has_the_relu(tmp_path):
    tensors = state(resnet())
    for word in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        del tensors[f"base.layer1.0.bn1.{word}"]
    tensors |= norm("base.layer1.0.bn1.IN", 2, instance=True) | norm("base.layer1.0.bn1.BN", 2)
    tensors |= {"base.fc.weight": torch.rand(1000, 128), "base.fc.bias": torch.rand(1000)}

    method = made(LuoBaseline, weights=saved(tmp_path / "w.pth", tensors))

    assert method.model[1].base.arithmetic.stem_relu
    assert not made(LuoBaseline, weights=saved(tmp_path / "p.pth", state(resnet()))).model[1].base.arithmetic.stem_relu


class Baseline(nn.Module):
    """As older files have it: a network pickled whole."""

    def __init__(self):
        super().__init__()
        self.base = resnet()
        self.bottleneck = nn.BatchNorm1d(128)
        self.classifier = nn.Linear(128, 751, bias=False)


def test_a_network_that_was_pickled_whole_is_scored_once_it_is_converted(tmp_path):
    network = Baseline()
    weights = saved(tmp_path / "w.pth", network)
    with pytest.raises(CheckpointError, match="only code could read it"):
        made(LuoBaseline, weights=weights)

    convert(tmp_path / "w.pth", tmp_path / "w.safetensors")

    found = made(LuoBaseline, weights=str(tmp_path / "w.safetensors")).embed(images())
    state_dict = saved(tmp_path / "s.pth", network.state_dict())
    assert torch.equal(found, made(LuoBaseline, weights=state_dict).embed(images()))


def test_weights_without_a_neck_have_no_feature_behind_it(tmp_path):
    tensors = {name: one for name, one in state(resnet()).items() if not name.startswith("bottleneck.")}
    weights = saved(tmp_path / "w.pth", tensors)

    with pytest.raises(UsageError, match="the weights have no neck") as caught:
        made(LuoBaseline, weights=weights)
    assert caught.value.next_step == "use --set feature=before"
    assert made(LuoBaseline, weights=weights, feature="before").embed(images()).shape == (2, 128)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"base.layer0.conv1.weight": torch.ones(2)}, "are of a SENet"),
        ({"base.cls_token": torch.ones(2), "base.blocks.0.x": torch.ones(2)}, "of no network|have no neck"),
        ({**state(resnet()), "base.layer9.weight": torch.ones(2)}, r"unknown: base\.layer9\.weight"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, tensors, message):
    with pytest.raises((CheckpointError, UsageError), match=message):
        made(LuoBaseline, weights=saved(tmp_path / "w.pth", tensors))
