"""An image tower of open_clip embeds as open_clip's own transform and forward do."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.pictures import decode
from harness.errors import BenchError, CheckpointError, UsageError
from harness.methods.method import create, resolve_options
from plugins.released.hubs.open_clip import OpenClip

open_clip = pytest.importorskip("open_clip", reason="the extra open-clip is not installed")

CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(autouse=True)
def tiny(tmp_path):
    (tmp_path / "bench-tiny.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(tmp_path / "bench-tiny.json")


def method(**changes):
    made = create(OpenClip, resolve_options("open-clip", OpenClip, changes={"model": "bench-tiny", **changes}))
    made.model.eval()
    return made


def test_its_feature_is_open_clip_s_own(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 71, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = method(weights="none")
    whole, _, transform = open_clip.create_model_and_transforms("bench-tiny")
    whole.visual.load_state_dict(found.model.network.tower.state_dict())
    with torch.no_grad(), Image.open(tmp_path / "a.png") as image:
        expected = whole.eval().encode_image(transform(image)[None])

    own = torch.from_numpy(decode(tmp_path / "a.png", found.input_size, ("PNG",), found.resizing))[None]
    assert str(found.resizing) == "bicubic, shape kept"
    assert torch.allclose(found.embed(own / 255), expected, atol=1e-5)


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_of_the_whole_network_or_of_the_tower_is_taken(tmp_path, whole):
    network = open_clip.create_model("bench-tiny")
    torch.save((network if whole else network.visual).state_dict(), tmp_path / "w.pth")

    found = method(weights=str(tmp_path / "w.pth"))

    assert torch.equal(found.model.network.tower.proj, network.visual.proj)


def test_the_weights_have_to_be_named():
    with pytest.raises(UsageError, match="no weights of bench-tiny were named"):
        method()
    with pytest.raises(UsageError, match="laion2b_s34b_b79k"):
        method(model="ViT-B-32")
    with pytest.raises(CheckpointError, match="no such weights file") as caught:
        method(model="ViT-B-32", weights="laion3b")
    assert "laion2b_s34b_b79k" in str(caught.value)


def test_a_name_that_does_not_exist_proposes_the_nearest():
    with pytest.raises(BenchError, match="did you mean 'ViT-B-32'"):
        method(model="ViT-B-33", weights="none")


def test_a_tag_says_where_the_weights_come_from_and_what_they_have_seen(monkeypatch):
    name, create = "RN50", open_clip.create_model
    monkeypatch.setattr(open_clip, "create_model", lambda _name, *_tag, **_more: create("bench-tiny"))

    found = method(model=name, weights="yfcc15m")

    assert found.source.startswith(("hf-hub:", "https://"))
    assert found.trained_on == ("yfcc15m",)
