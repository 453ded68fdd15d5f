import io
import os
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors.torch import save as safetensors, save_file
from torch import nn

from harness.errors import CheckpointError
from plugins.layers.resnet import resnet_trunk
from plugins.layers.weights import fill, imagenet, load_trunk, read_weights


class Runs:
    """A pickle of it would make a folder when it is read."""

    def __reduce__(self):
        return (os.mkdir, ("executed",))


STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


def saved(content, *, zipped):
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def read_or_refused(path):
    try:
        return read_weights(path)
    except CheckpointError as problem:
        return problem


@pytest.fixture
def state():
    return dict(STATE)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_state_dict_comes_back_as_it_was_saved(tmp_path, state, name):
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)

    found = read_weights(path)

    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


def test_a_state_dict_inside_a_training_state_and_under_module_is_found(tmp_path, state):
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "w.pth"
    )

    assert read_weights(tmp_path / "w.pth").keys() == state.keys()


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_file_that_would_execute_code_is_refused_and_not_executed(tmp_path, monkeypatch, state, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    if protocol == "torch":
        torch.save({**state, "extra": Runs()}, path)
    else:
        path.write_bytes(pickle.dumps(Runs()))

    with pytest.raises(CheckpointError, match="could execute code"):
        read_weights(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_torn_file_is_damaged(tmp_path, state, name):
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.safetensors", b""),
        ("w.safetensors", b"hello"),
        ("w.safetensors", b"\x80\x02."),
        ("w.pth", b"\x80\x02."),
        ("w.pth", b"PK\x03\x04"),
    ],
)
def test_bytes_that_are_no_weights_are_damaged(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(tmp_path / name)


@given(
    form=st.sampled_from(["safetensors", "zip", "pickle"]), bit=st.floats(0, 1, exclude_max=True), torn=st.booleans()
)
@settings(max_examples=100)
def test_a_file_with_a_flipped_bit_or_without_its_end_is_read_or_refused_and_nothing_else(form, bit, torn):
    whole = safetensors(STATE) if form == "safetensors" else saved(STATE, zipped=form == "zip")
    place = int(bit * len(whole) * 8)
    cut, flipped = whole[: place // 8], bytearray(whole)
    flipped[place // 8] ^= 1 << place % 8
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("w.safetensors" if form == "safetensors" else "w.pth")
        path.write_bytes(cut if torn else flipped)
        found = read_or_refused(path)
    assert isinstance(found, CheckpointError) or all(isinstance(tensor, torch.Tensor) for tensor in found.values())


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>not found</html>", b"Qme?"])
def test_a_web_page_and_other_text_is_no_file_of_torch_save_and_executes_nothing(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)

    with pytest.raises(CheckpointError, match="not a file of torch") as caught:
        read_weights(tmp_path / "w.pth")
    assert "execute" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such weights file") as caught:
        load_trunk(nn.Linear(3, 2), "resnet18", str(tmp_path / "w.pth"))
    assert caught.value.expected == "a file with tensors by torchvision's names, or 'imagenet' or 'none'"


def test_a_caffemodel_for_a_resnet_is_told_the_names_that_it_lacks(tmp_path):
    (tmp_path / "ResNet-50.caffemodel").write_bytes(b"\x0a\x09ResNet-50")

    with pytest.raises(CheckpointError, match="a file of Caffe's cannot be read as it is") as caught:
        load_trunk(nn.Linear(3, 2), "resnet50", str(tmp_path / "ResNet-50.caffemodel"))
    assert "torchvision's names" in caught.value.expected
    assert caught.value.next_step == (
        "give the network's weights under torchvision's names, or use --set weights=imagenet"
    )


def test_a_file_without_tensors_is_no_state_dict(tmp_path):
    torch.save([1, 2], tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match="no state dict"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "lack tensors"),
        ({"scale": torch.ones(2)}, "unknown tensors"),
        ({"bias": torch.ones(3)}, r"another shape.*\n.*\n.*bias \(3,\) in place of \(2,\)"),
    ],
)
def test_weights_of_another_network_load_nothing(state, change, message):
    network = nn.Linear(3, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    changed = {name: tensor for name, tensor in {**state, **change}.items() if tensor is not None}

    with pytest.raises(CheckpointError, match=message):
        fill(network, changed, "w.pth")
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)


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
