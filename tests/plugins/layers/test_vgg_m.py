import pytest
import torch
from safetensors.torch import save_file

from harness.errors import CheckpointError
from plugins.layers.vgg_m import CaffePixels, load_vgg_m, vgg_m_trunk


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
