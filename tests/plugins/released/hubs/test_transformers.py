"""A network of transformers embeds as its own preprocessing and forward do, and its folder never runs code."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.pictures import decode
from harness.errors import CheckpointError, UsageError
from harness.methods.method import create, resolve_options
from plugins.released.hubs.transformers import Transformers

library = pytest.importorskip("transformers", reason="the extra transformers is not installed")

SMALL = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
IMAGES = {"image_size": 28, "patch_size": 14}
TEXTS = {"text_config": {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, **SMALL}}


@pytest.fixture(autouse=True)
def quiet():
    library.utils.logging.disable_progress_bar()
    library.utils.logging.set_verbosity_error()


@pytest.fixture
def made(tmp_path):
    """Save a network of a kind with its preprocessing, and return both and the folder."""

    def save(kind):
        torch.manual_seed(0)
        vision = {"vision_config": {**IMAGES, **SMALL}}
        network, processor = {
            "dinov2": lambda: (
                library.Dinov2Model(library.Dinov2Config(**IMAGES, **SMALL)),
                library.BitImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28}),
            ),
            "siglip": lambda: (
                library.SiglipModel(library.SiglipConfig(**vision, **TEXTS)),
                library.SiglipImageProcessorPil(size={"height": 28, "width": 28}),
            ),
            "clip": lambda: (
                library.CLIPModel(library.CLIPConfig(**vision, **TEXTS)),
                library.CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
            ),
            "vit": lambda: (
                library.ViTForImageClassification(library.ViTConfig(**IMAGES, **SMALL)),
                library.ViTImageProcessorPil(size={"height": 28, "width": 28}),
            ),
        }[kind]()
        network.save_pretrained(tmp_path / kind)
        processor.save_pretrained(tmp_path / kind)
        return network.eval(), processor, tmp_path / kind

    return save


def method(folder, seed=0, **changes):
    words = {"model": str(folder), **changes}
    found = create(Transformers, resolve_options("transformers", Transformers, changes=words), seed)
    found.model.eval()
    return found


FEATURES = {
    "dinov2": lambda network, pixels: network(pixels).pooler_output,
    "siglip": lambda network, pixels: network.vision_model(pixels).pooler_output,
    "clip": lambda network, pixels: network.visual_projection(network.vision_model(pixels).pooler_output),
    "vit": lambda network, pixels: network.vit(pixels).last_hidden_state[:, 0],
}


@pytest.mark.parametrize("kind", sorted(FEATURES))
def test_its_feature_is_transformers_own(made, tmp_path, kind):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (51, 72, 3), np.uint8)).save(tmp_path / "a.png")
    network, processor, folder = made(kind)
    with torch.no_grad(), Image.open(tmp_path / "a.png") as image:
        pixels = processor(images=[image], return_tensors="np")["pixel_values"]
        expected = FEATURES[kind](network, torch.from_numpy(np.array(pixels)))

    found = method(folder)

    own = torch.from_numpy(decode(tmp_path / "a.png", found.input_size, ("PNG",), found.resizing))[None]
    assert torch.allclose(found.embed(own / 255), expected, atol=1e-5)
    assert set(found.read_files) == {"config.json", "preprocessor_config.json"}


def changed(folder, **changes):
    """Change what a folder's preprocessing says."""
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"do_normalize": False},
        {"do_normalize": False, "image_mean": None, "image_std": None},
        {"do_rescale": False, "image_mean": [120.0, 110.0, 100.0], "image_std": [60.0, 50.0, 55.0]},
        {"do_rescale": False, "do_normalize": False},
        {"rescale_factor": 1 / 127.5, "image_mean": [1.0, 1.0, 1.0]},
        {"do_resize": None, "do_convert_rgb": True},
    ],
)
def test_rescaling_and_normalisation_are_done_as_the_config_says(made, tmp_path, changes):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)).save(tmp_path / "a.png")
    _, _, folder = made("vit")
    changed(folder, **changes)
    about = json.loads((folder / "preprocessor_config.json").read_text())
    processor = library.ViTImageProcessorPil(**{name: one for name, one in about.items() if one is not None})
    with Image.open(tmp_path / "a.png") as image:
        expected = torch.from_numpy(np.array(processor(images=[image], return_tensors="np")["pixel_values"]))

    found = method(folder, weights="none")

    own = torch.from_numpy(decode(tmp_path / "a.png", found.input_size, ("PNG",), found.resizing))[None]
    assert torch.allclose(found.model.pixels(own / 255), expected.float(), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("ConvNext", {"size": {"shortest_edge": 28}, "crop_pct": 0.875}),
        ("ConvNext", {"size": {"shortest_edge": 384}, "crop_pct": 0.875}),
        ("Levit", {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}),
    ],
)
def test_a_network_with_a_crop_of_its_own_is_given_it(tmp_path, kind, about):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (51, 72, 3), np.uint8)).save(tmp_path / "a.png")
    processor = getattr(library, f"{kind}ImageProcessorPil")(**about)
    library.ConvNextModel(library.ConvNextConfig(hidden_sizes=[4] * 4, depths=[1] * 4)).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with Image.open(tmp_path / "a.png") as image:
        expected = torch.from_numpy(np.array(processor(images=[image], return_tensors="np")["pixel_values"]))

    found = method(tmp_path)

    own = torch.from_numpy(decode(tmp_path / "a.png", found.input_size, ("PNG",), found.resizing))[None]
    assert torch.allclose(found.model.pixels(own / 255), expected.float(), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"do_resize": False}, "trained on pictures of any size"),
        ({"do_pad": True}, "trained on pictures with borders"),
        ({"do_flip_channel_order": True}, "has steps that bench does not know"),
        ({"rescale_offset": True}, "has steps that bench does not know"),
        ({"do_image_splitting": True}, "has steps that bench does not know"),
        ({"do_normalize": "no"}, "cannot be read"),
        ({"rescale_factor": -1}, "cannot be read"),
        ({"rescale_factor": "nan"}, "cannot be read"),
        ({"image_std": [0.5, 0.0, 0.5]}, "cannot be read"),
        ({"image_mean": [0.5, 0.5]}, "cannot be read"),
    ],
)
def test_preprocessing_that_cannot_be_followed_is_refused(made, changes, message):
    _, _, folder = made("vit")
    changed(folder, **changes)

    with pytest.raises((CheckpointError, UsageError), match=message) as caught:
        method(folder, weights="none")
    assert next(iter(changes)) in str(caught.value)


def test_pictures_that_training_left_as_they_were_can_be_stretched(made):
    _, _, folder = made("vit")
    changed(folder, do_resize=False)

    assert method(folder, weights="none", fit="stretch").input_size == (28, 28)


def test_a_card_beside_the_weights_says_what_they_have_seen(made):
    _, _, folder = made("dinov2")
    assert method(folder).trained_on == ()

    (folder / "README.md").write_text("---\ndatasets:\n- imagenet-1k\n---\n# A network\n")

    assert method(folder).trained_on == ("imagenet",)
    assert method(folder).source == ""
    assert method(folder, weights="none").trained_on == ("nothing",)


def test_random_weights_need_the_config_alone(made):
    _, _, folder = made("dinov2")
    (folder / "model.safetensors").unlink()

    one, same, other = (method(folder, seed, weights="none").model.state_dict() for seed in (0, 0, 1))

    name = "network.network.embeddings.cls_token"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])
    assert method(folder, weights="none", input_size="42").embed(torch.rand(1, 3, 42, 42)).shape == (1, 24)


def test_code_in_the_folder_is_refused_and_not_run(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    about = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (folder / "config.json").write_text(json.dumps(about))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")

    with pytest.raises(CheckpointError, match="brings code of its own, which is never executed"):
        method(folder)
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_not_read(made):
    network, _, folder = made("dinov2")
    (folder / "model.safetensors").unlink()
    torch.save(network.state_dict(), folder / "pytorch_model.bin")

    with pytest.raises(CheckpointError):
        method(folder)


def test_weights_that_lack_tensors_are_refused(made):
    from safetensors.torch import load_file, save_file

    _, _, folder = made("dinov2")
    state = load_file(folder / "model.safetensors")
    save_file({name: one for name, one in state.items() if "layernorm" not in name}, folder / "model.safetensors")

    with pytest.raises(CheckpointError, match=r"missing: .*layernorm"):
        method(folder)


def test_preprocessing_that_is_not_there_is_asked_for(made):
    _, _, folder = made("vit")
    (folder / "preprocessor_config.json").unlink()

    with pytest.raises(UsageError, match=r"the preprocessing of .* is not known"):
        method(folder)
    assert method(folder, mean="half", deviation="half").input_size == (28, 28)


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"image_mean": [0.5], "image_std": [0.5], "size": {"longest_edge": 9}}']
)
def test_preprocessing_that_cannot_be_read_is_one_message(made, content):
    _, _, folder = made("vit")
    (folder / "preprocessor_config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"preprocessing .*cannot be read"):
        method(folder)


def test_a_folder_without_a_network_is_one_message(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not know the network"):
        method(tmp_path)
