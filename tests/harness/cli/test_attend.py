"""``bench attend`` on checkpoints that were never trained, and on what is no run and no image."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from harness.attend.boxes import key_of
from harness.boxes import Boxes
from harness.boxes.store import write_boxes
from harness.cli import main
from harness.data.part_classes import PARTS
from harness.data.pictures import size_on_disk
from harness.detection.detect import make
from harness.methods.checkpoint import CheckpointInfo, save_checkpoint
from harness.registry.registry import load

CLASSES = {"vehicle": 4, "colour": 3, "type": 3}
SMALL = {
    "rnn-ha": {"weights": "none", "hidden": 8, "input_size": 64},
    "pgan": {"backbone": "resnet18", "weights": "none", "D": 3, "hidden": 8, "dimension": 16, "input_size": 64},
    "strong-baseline": {"backbone": "resnet18", "weights": "none", "attention": "cbam", "input_size": 64},
}
KEY = "image_test/0001.jpg"


def attend(*words):
    return CliRunner().invoke(main, ["attend", *[str(word) for word in words]])


def save_run(folder, name, **changes):
    """Write the checkpoint of a method as it is before its first step."""
    kind = load().method(name)
    method = kind.__new__(kind)
    method.options = kind.Options(**{**SMALL[name], **changes})
    method.__init__()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        method.model = method.network(CLASSES)
    info = CheckpointInfo(method=name, options=method.options.model_dump(mode="json"), classes=CLASSES)
    save_checkpoint(folder / "checkpoint.safetensors", method.state(), info)
    return folder


def save_image(path, seed=0, size=(80, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def save_boxes(path, key=KEY):
    rows = np.array([[13, 0.9, 0.1, 0.1, 0.5, 0.5], [15, 0.8, 0.5, 0.5, 1, 1]], np.float32)
    return write_boxes(path, Boxes({key: rows}, dict(enumerate(PARTS, 1))))


@pytest.fixture(scope="module")
def rnn_ha(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("rnn-ha"), "rnn-ha")


@pytest.fixture(scope="module")
def pgan(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("pgan"), "pgan")


def test_pictures_lie_in_the_run_one_a_map_and_as_large_as_their_images(tmp_path):
    run, image = save_run(tmp_path, "strong-baseline"), save_image(tmp_path / "a car.png")

    done = attend(run, image)

    files = done.output.splitlines()
    assert done.exit_code == 0, done.output
    assert [name.rpartition("-")[2] for name in files] == ["cbam.png", "share.png"]
    assert sorted(path.name for path in (run / "attention").iterdir()) == [name.rpartition("/")[2] for name in files]
    for name in files:
        assert name.startswith(f"{run}/attention/a_car-")
        assert size_on_disk(Path(name), ("PNG",)) == (80, 48)


def test_a_checkpoint_alone_serves_and_a_picture_may_be_larger(tmp_path, rnn_ha):
    image = save_image(tmp_path / "x.jpg")

    done = attend(rnn_ha / "checkpoint.safetensors", image, "--out", tmp_path / "out", "--scale", 3)

    assert done.exit_code == 0, done.output
    assert size_on_disk(Path(done.output.strip()), ("PNG",)) == (240, 144)


def test_two_images_of_one_name_have_two_pictures_and_the_same_image_the_same_bytes(tmp_path, rnn_ha):
    images = [save_image(tmp_path / folder / "x.png", seed) for folder, seed in (("a", 1), ("b", 2))]

    first = attend(rnn_ha, *images, images[0], "--out", tmp_path / "one")
    attend(rnn_ha, images[1], "--out", tmp_path / "two")

    names = [path.rpartition("/")[2] for path in first.output.splitlines()]
    assert len(set(names)) == 2
    assert (tmp_path / "one" / names[1]).read_bytes() == (tmp_path / "two" / names[1]).read_bytes()


def test_pgan_finds_the_boxes_that_its_run_kept_and_says_the_weight_of_each_part(tmp_path, pgan):
    image = save_image(tmp_path / "VeRi" / KEY)
    save_boxes(pgan / "veri776-0" / "boxes-parts.h5")

    done = attend(pgan, image, "--out", tmp_path / "out", "--json")

    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.output)
    assert [path.rpartition("-")[2] for path in found["files"]] == ["heat.png", "parts.png"]
    assert [part["part"] for part in found["parts"]] == ["plate", "wheel"]
    assert sum(part["weight"] for part in found["parts"]) == pytest.approx(1)


def test_boxes_of_a_file_go_before_those_of_the_run(tmp_path, pgan):
    image, boxes = save_image(tmp_path / "other.png"), save_boxes(tmp_path / "boxes.h5", "other.png")

    assert attend(pgan, image, "--boxes", boxes, "--out", tmp_path / "out").exit_code == 0
    done = attend(pgan, image, "--out", tmp_path / "out")

    assert done.exit_code == 2
    assert "--boxes FILE, or a detector with --detector FILE" in done.output


def test_the_longest_key_that_a_files_path_ends_with_is_its_image(tmp_path):
    image = tmp_path / "a" / "b" / "c.jpg"

    assert key_of(image, {"c.jpg", "b/c.jpg"}) == "b/c.jpg"
    assert key_of(image, {"/c.jpg", ".jpg", "bb/c.jpg"}) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda image: image.unlink(), "the image is missing"),
        (lambda image: image.write_text("no picture"), "not of an expected format"),
        (lambda image: image.write_bytes(image.read_bytes()[:900]), "cannot be read"),
    ],
)
def test_an_image_that_is_none_ends_with_2_before_anything_is_written(make, message, tmp_path, rnn_ha):
    good, bad = save_image(tmp_path / "good.png"), save_image(tmp_path / "bad.png")
    make(bad)

    done = attend(rnn_ha, good, bad, "--out", tmp_path / "out")

    assert done.exit_code == 2
    assert message in done.output
    assert str(bad) in done.output
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_with_a_network_ends_with_2_and_the_reason(tmp_path, rnn_ha):
    image = save_image(tmp_path / "x.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "config.json").write_text('{"method": "random"}')
    (tmp_path / "file").write_text("")
    for words, message in [
        ((tmp_path / "gone", image), "the run is missing"),
        ((tmp_path / "empty", image), "has no checkpoint"),
        ((tmp_path / "control", image), "method 'random' has no network"),
        ((tmp_path / "file", image), "the file is empty"),
        ((rnn_ha, image, "--boxes", image), "the network uses no boxes"),
        ((rnn_ha, image, "--out", image), "folder is a file"),
        ((rnn_ha,), "Missing argument"),
    ]:
        done = attend(*words)

        assert done.exit_code == 2, done.output
        assert message in done.output
        assert "Traceback" not in done.output


def test_a_checkpoint_of_another_form_is_refused(tmp_path):
    info = CheckpointInfo(method="rnn-ha", options=SMALL["rnn-ha"], classes=CLASSES)
    path = save_checkpoint(tmp_path / "checkpoint.safetensors", {"w": torch.zeros(1)}, info)

    done = attend(path, save_image(tmp_path / "x.png"))

    assert done.exit_code == 2
    assert "the checkpoint does not fit the method 'rnn-ha'" in done.output


PLUGIN = """
import torch
from torch import nn
import harness
from harness.methods.attention import Attention


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Mine(harness.NetworkMethod):
    def network(self, classes):
        return Net()

    def stages(self, classes):
        return []

    def losses(self, outputs, labels, stage):
        return {}


class Sly(Mine):
    def attend(self, images):
        return Attention({"../../escaped": torch.ones(1, 2, 2)})


class Wrong(Mine):
    def attend(self, images):
        return Attention({"map": torch.ones(2, 2)})


class Lost(Mine):
    def attend(self, images):
        return Attention({"map": torch.full((1, 2, 2), torch.nan)})


@harness.hookimpl
def bench_register_methods(register):
    for kind in (Mine, Sly, Wrong, Lost):
        register(kind.__name__.lower(), kind)
"""


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("mine", 0, "-energy.png"),
        ("sly", 0, "-_.._escaped.png"),
        ("wrong", 2, "Wrong.attend returned 'map' of a wrong shape"),
        ("lost", 1, "is not finite"),
    ],
)
def test_a_third_partys_network_shows_its_energy_or_what_it_says_itself(name, status, said, tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    state = {"0.weight": torch.ones(4, 3, 3, 3), "0.bias": torch.zeros(4)}
    run = save_checkpoint(tmp_path / "run" / "checkpoint.safetensors", state, CheckpointInfo(method=name)).parent

    done = attend(run, save_image(tmp_path / "x.png"), "--plugin", tmp_path / "mine.py")

    assert done.exit_code == status, done.output
    assert said in done.output
    assert {path.parent.name for path in tmp_path.rglob("x-*.png")} <= {"attention"}
    assert not list(tmp_path.parent.glob("*escaped*"))


def save_detector(path, kind):
    """Write the checkpoint of a detector as it is before its first step."""
    found = load().detector("ssd-small")
    detector = make(found, found.Options(kind=kind))
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        detector.model = detector.architecture({})
    info = CheckpointInfo(method="ssd-small", options=detector.options.model_dump(mode="json"))
    return save_checkpoint(path, detector.state(), info)


def test_a_detector_finds_the_parts_of_an_image_that_no_data_set_has(tmp_path, pgan):
    image, detector = save_image(tmp_path / "any.png"), save_detector(tmp_path / "parts.safetensors", "parts")

    done = attend(pgan, image, "--detector", detector, "--out", tmp_path / "out")

    assert done.exit_code == 0, done.output
    assert [path.rpartition("-")[2] for path in done.output.splitlines()] == ["heat.png", "parts.png"]


def test_a_detector_of_another_kind_is_refused(tmp_path, pgan):
    image, detector = save_image(tmp_path / "any.png"), save_detector(tmp_path / "regions.safetensors", "regions")

    done = attend(pgan, image, "--detector", detector, "--out", tmp_path / "out")

    assert done.exit_code == 2
    assert "finds boxes of kind 'regions', and the method needs another" in done.output
