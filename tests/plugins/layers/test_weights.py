import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness.errors import CheckpointError
from plugins.layers.resnet import resnet_trunk
from plugins.layers.weights import imagenet, load_trunk


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such weights file") as caught:
        load_trunk(nn.Linear(3, 2), "resnet18", str(tmp_path / "w.pth"))
    assert caught.value.expected == "a file with tensors by torchvision's names, or 'imagenet' or 'none'"


def test_a_caffemodel_for_a_resnet_is_told_the_names_that_it_lacks(tmp_path):
    (tmp_path / "ResNet-50.caffemodel").write_bytes(b"\x0a\x09ResNet-50")

    with pytest.raises(CheckpointError, match="the weights file is a file of Caffe's") as caught:
        load_trunk(nn.Linear(3, 2), "resnet50", str(tmp_path / "ResNet-50.caffemodel"))
    assert "torchvision's names" in caught.value.expected
    assert caught.value.next_step == (
        "give the network's weights under torchvision's names, or use --set weights=imagenet"
    )


def test_a_trunk_takes_a_whole_networks_file_without_its_classifier(tmp_path):
    from torchvision.models import resnet18

    whole = resnet18(weights=None).state_dict()
    # The files of 2016 have no count of batches.
    old = {name: tensor for name, tensor in whole.items() if not name.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "resnet18.safetensors")
    trunk = resnet_trunk("resnet18", 1)

    load_trunk(trunk, "resnet18", str(tmp_path / "resnet18.safetensors"))

    assert torch.equal(trunk.state_dict()["layer4.1.conv2.weight"], whole["layer4.1.conv2.weight"])


def test_no_weights_leave_the_trunk_alone():
    network = nn.Linear(3, 2)
    before = network.weight.clone()

    load_trunk(network, "resnet18", "none")

    assert torch.equal(network.weight, before)


def test_imagenet_weights_out_of_reach_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens on the port of discard

    with pytest.raises(CheckpointError, match="ImageNet weights of resnet50 cannot be downloaded") as caught:
        imagenet("resnet50")
    for words in ("https://download.pytorch.org", "refused", "--set weights=none", "--set weights=FILE"):
        assert words in str(caught.value)


def test_imagenet_weights_in_torchs_cache_need_no_download(tmp_path, monkeypatch):
    from torchvision.models import ResNet18_Weights, resnet18

    torch.manual_seed(0)
    state = resnet18(weights=None).state_dict()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / ResNet18_Weights.IMAGENET1K_V1.url.rpartition("/")[2])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    trunk = resnet_trunk("resnet18", 1)

    load_trunk(trunk, "resnet18", "imagenet")

    assert torch.equal(trunk.state_dict()["conv1.weight"], state["conv1.weight"])
