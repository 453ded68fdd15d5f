"""A network of timm embeds as timm's own transform and forward do."""

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.pictures import decode
from harness.errors import BenchError, CheckpointError, UsageError
from harness.methods.method import create, resolve_options
from plugins.released.hubs.timm import Timm

timm = pytest.importorskip("timm", reason="the extra timm is not installed")


def method(seed=0, **changes):
    made = create(Timm, resolve_options("timm", Timm, changes={"weights": "none", **changes}), seed)
    made.model.eval()
    return made


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 131, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_its_feature_is_timm_s_own(picture, name):
    found = method(model=name)
    network = timm.create_model(name, num_classes=0).eval()
    network.load_state_dict(found.model.network.state_dict())
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network), is_training=False)
    with torch.no_grad(), Image.open(picture) as image:
        expected = network(transform(image)[None])

    pixels = torch.from_numpy(decode(picture, found.input_size, ("PNG",), found.resizing))[None]
    assert found.input_size == (160, 160)
    assert torch.allclose(found.embed(pixels / 255), expected, atol=1e-5)


def test_a_file_is_taken_without_its_classifier(tmp_path):
    network = timm.create_model("test_resnet", num_classes=5)
    torch.save(network.state_dict(), tmp_path / "w.pth")

    found = method(model="test_resnet", weights=str(tmp_path / "w.pth"))

    assert torch.equal(found.model.network.conv1[0].weight, network.conv1[0].weight)
    with pytest.raises(CheckpointError, match="of another network"):
        method(model="test_vit", weights=str(tmp_path / "w.pth"))


def test_weights_in_the_cache_of_the_hub_are_taken(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    network = timm.create_model("test_resnet", num_classes=1000)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(
        "timm.models._hub.hf_hub_download", lambda *_where, **_more: str(tmp_path / "model.safetensors")
    )

    found = method(model="test_resnet", weights="hub")

    assert found.source == "hf-hub:timm/test_resnet.r160_in1k"
    assert found.trained_on == ("imagenet",)
    assert (method(model="test_resnet").source, method(model="test_resnet").trained_on) == ("", ("nothing",))
    assert torch.equal(found.model.network.conv1[0].weight, network.conv1[0].weight)


def test_options_replace_its_own_preprocessing():
    found = method(model="test_resnet", input_size="96x64", mean="0", fit="stretch", interpolation="nearest")
    assert found.input_size == (96, 64)
    assert str(found.resizing) == "nearest"
    assert found.model.pixels.mean.flatten().tolist() == [0, 0, 0]
    assert found.model.pixels.deviation.flatten().tolist() == [0.5, 0.5, 0.5]
    assert method(model="test_vit", input_size="96").embed(torch.rand(1, 3, 96, 96)).shape == (1, 64)


def test_a_size_that_the_network_does_not_take_is_refused_at_once():
    with pytest.raises(UsageError, match="test_vit does not take images of 161 x 161 pixels"):
        method(model="test_vit", input_size="161")


def test_a_name_that_does_not_exist_proposes_the_nearest():
    with pytest.raises(BenchError, match="unknown network of timm 'test_resnett'; did you mean 'test_resnet'"):
        method(model="test_resnett")
    with pytest.raises(UsageError, match="no network was named"):
        create(Timm, Timm.Options())


def test_random_weights_follow_the_seed():
    one, same, other = (method(seed, model="test_resnet").model.network.conv1[0].weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
