import shlex
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness.errors import CheckpointError
from plugins.layers.vgg_m import FROM_CAFFE, FULL, HOLDING, CaffePixels, load_vgg_m, vgg_m_trunk


@pytest.mark.parametrize(
    ("side", "sides"),
    [
        (224, {"conv1": 109, "pool1": 54, "conv2": 26, "pool2": 13, "conv5": 13}),
        # By hand: (672 - 7) // 2 + 1, then ceil((s - 3) / 2) + 1, (s + 2 - 5) // 2 + 1, ceil((s - 3) / 2) + 1.
        (672, {"conv1": 333, "pool1": 166, "conv2": 82, "pool2": 41, "conv5": 41}),
    ],
)
def test_the_sides_are_the_papers(side, sides):
    maps, found = torch.empty(1, 3, side, side, device="meta"), {}
    for name, layer in vgg_m_trunk().to("meta").named_children():
        maps = layer(maps)
        found[name] = maps.shape[-1]

    assert {name: found[name] for name in sides} == sides
    assert maps.shape[1] == 512


def test_the_trunk_has_the_parameters_of_its_layer_list():
    layers = ((3, 96, 7), (96, 256, 5), (256, 512, 3), (512, 512, 3), (512, 512, 3))

    found = sum(tensor.numel() for tensor in vgg_m_trunk().parameters())

    assert found == sum(inside * outside * side**2 + outside for inside, outside, side in layers)


def test_the_response_is_normalised_over_five_channels():
    maps = torch.rand(1, 9, 2, 2, generator=torch.Generator().manual_seed(0)) * 100

    found = vgg_m_trunk().norm1(maps)

    for channel in range(9):
        near = maps[:, max(0, channel - 2) : channel + 3]
        expected = maps[:, channel] / (2 + 5e-4 / 5 * near.square().sum(1)) ** 0.75
        torch.testing.assert_close(found[:, channel], expected)


def test_pixels_become_bgr_minus_their_mean():
    red = torch.zeros(1, 3, 1, 1)
    red[0, 0] = 1.0

    found = CaffePixels()(red).flatten().tolist()

    assert found == pytest.approx([-102.7, -115.8, 255 - 123.5], abs=1e-4)


def test_original_weights_load_from_a_file_of_the_users(tmp_path):
    state = {**vgg_m_trunk().state_dict(), "fc6.weight": torch.ones(2, 2)}
    save_file(state, tmp_path / "vgg-m.safetensors")
    trunk = vgg_m_trunk()

    load_vgg_m(trunk, str(tmp_path / "vgg-m.safetensors"))

    assert all(torch.equal(tensor, state[name]) for name, tensor in trunk.state_dict().items())


def test_weights_named_by_place_load_too(tmp_path):
    sides = ((0, 3, 96, 7), (4, 96, 256, 5), (8, 256, 512, 3), (10, 512, 512, 3), (12, 512, 512, 3))
    state = {"classifier.0.weight": torch.ones(2, 2)}
    for value, (place, inside, outside, side) in enumerate(sides, 1):
        state[f"features.{place}.weight"] = torch.full((outside, inside, side, side), float(value))
        state[f"features.{place}.bias"] = torch.full((outside,), -float(value))
    save_file(state, tmp_path / "port.safetensors")
    trunk = vgg_m_trunk()

    load_vgg_m(trunk, str(tmp_path / "port.safetensors"))

    assert [trunk.get_parameter(f"conv{number}.weight").unique().item() for number in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [trunk.get_parameter(f"conv{number}.bias").unique().item() for number in range(1, 6)] == [-1, -2, -3, -4, -5]


@pytest.mark.parametrize(
    ("extra", "shape", "said"),
    [
        ({}, (4096, 512 * 36), "w.pth has no tensor fc6.weight"),
        ({"fc6.weight": torch.ones(2, 2)}, (256, 512 * 36), "256 x 18432 weights, the original 4096 x 18432"),
    ],
)
def test_a_full_layer_that_the_file_does_not_have_keeps_its_weights_and_the_log_says_so(
    tmp_path, caplog, extra, shape, said
):
    torch.save({**vgg_m_trunk().state_dict(), **extra}, tmp_path / "w.pth")
    layer = nn.Linear(shape[1], shape[0], device="meta")

    with caplog.at_level("INFO", "bench"):
        load_vgg_m(vgg_m_trunk(), str(tmp_path / "w.pth"), {"fc6": layer})

    assert layer.weight.is_meta
    assert "the place of fc6 starts from random weights" in caplog.text
    assert said in caplog.text


def test_a_file_with_a_full_layer_of_another_network_is_refused(tmp_path):
    extra = {"fc6.weight": torch.ones(4096, 7), "fc6.bias": torch.ones(4096)}
    torch.save({**vgg_m_trunk().state_dict(), **extra}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"fc6.weight \(4096, 7\) in place of"):
        load_vgg_m(vgg_m_trunk(), str(tmp_path / "w.pth"), {"fc6": nn.Linear(512 * 36, 4096, device="meta")})


def test_a_file_with_half_a_full_layer_is_refused(monkeypatch):
    half = {**vgg_m_trunk().state_dict(), "fc6.weight": torch.ones(1).expand(4096, 512 * 36)}  # 300 MB as a file
    monkeypatch.setattr("plugins.layers.vgg_m.read_weights", lambda *_given, **_words: half)

    with pytest.raises(CheckpointError, match=r"missing: fc6\.bias"):
        load_vgg_m(vgg_m_trunk(), "w.pth", {"fc6": nn.Linear(512 * 36, 4096, device="meta")})


def test_a_caffemodel_is_told_how_to_become_a_file_that_can_be_read(tmp_path):
    (tmp_path / "VGG_CNN_M.caffemodel").write_bytes(b"\x0a\x09VGG_CNN_M")

    with pytest.raises(CheckpointError, match="the weights file is a file of Caffe's") as caught:
        load_vgg_m(vgg_m_trunk(), str(tmp_path / "VGG_CNN_M.caffemodel"))

    assert HOLDING in caught.value.expected
    assert caught.value.next_step.endswith("\n  then give --set weights=vgg-m.pth")
    assert "execute" not in str(caught.value)


CAFFE = """
import numpy

TEST = 1

class Blob:
    def __init__(self, *shape):
        self.data = numpy.full(shape, shape[0], numpy.float32)

class Net:
    def __init__(self, layers, weights, phase):
        assert (layers, weights, phase) == ("deploy.prototxt", "FILE.caffemodel", TEST)
        sides = ((3, 96, 7), (96, 256, 5), (256, 512, 3), (512, 512, 3), (512, 512, 3))
        self.params = {
            f"conv{n}": [Blob(outside, inside, side, side), Blob(outside)]
            for n, (inside, outside, side) in enumerate(sides, 1)
        }
"""


def test_the_command_that_converts_a_caffemodel_makes_a_file_that_can_be_read(tmp_path):
    """With a stand-in for Caffe, whose network holds the number of a layer's outputs everywhere."""
    (tmp_path / "caffe.py").write_text(CAFFE)
    (command,) = (line for line in FROM_CAFFE.splitlines() if line.startswith("    "))
    python, *rest = shlex.split(command)
    assert python == "python"

    subprocess.run([sys.executable, *rest], cwd=tmp_path, check=True)  # noqa: S603 - the command under test
    trunk = vgg_m_trunk()
    load_vgg_m(trunk, str(tmp_path / "vgg-m.pth"))

    assert [trunk.get_parameter(f"conv{n}.bias").unique().tolist() for n in range(1, 6)] == [
        [96], [256], [512], [512], [512],
    ]  # fmt: skip


def test_a_missing_file_may_be_replaced_by_no_weights_but_not_by_those_of_imagenet(tmp_path):
    with pytest.raises(CheckpointError, match="no such weights file") as caught:
        load_vgg_m(vgg_m_trunk(), str(tmp_path / "w.pth"))

    assert caught.value.expected == f"a file with {HOLDING}, or 'none'"
    assert "imagenet" not in str(caught.value)


def test_the_original_full_layers_read_six_by_six_cells_of_512_channels():
    assert FULL == {"fc6": (4096, 18_432), "fc7": (4096, 4096)}
    assert all(f"{name}.weight {shape}" in HOLDING for name, shape in FULL.items())


def test_the_message_names_the_shapes_that_the_trunk_has():
    for name, tensor in vgg_m_trunk().state_dict().items():
        assert name.endswith("bias") or str(tuple(tensor.shape)) in HOLDING.partition(name)[2], name


def test_the_trunk_runs_in_bfloat16():
    torch.manual_seed(0)
    trunk, images = vgg_m_trunk(), torch.rand(1, 3, 64, 64) * 255

    exact, narrow = trunk(images), trunk.bfloat16()(images.bfloat16())

    assert narrow.dtype == torch.bfloat16
    assert torch.cosine_similarity(exact.flatten(), narrow.float().flatten(), dim=0) > 0.999


def test_nobody_ships_the_original_weights():
    with pytest.raises(CheckpointError, match="may not be redistributed") as caught:
        load_vgg_m(vgg_m_trunk(), "imagenet")
    assert "--set weights=FILE" in str(caught.value)


def test_maps_start_near_a_spread_of_one():
    torch.manual_seed(0)
    pixels = CaffePixels()(torch.rand(2, 3, 96, 96))

    maps = vgg_m_trunk()(pixels)

    assert 0.2 < maps.std().item() < 3
