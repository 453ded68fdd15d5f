"""Detectors whose input is higher than wide, or wider than high."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.boxes import find_boxes
from harness.compute.compute import Compute
from harness.detection.detect import detect, load_detector, make
from harness.detection.precision import average_precision
from harness.detection.train import DetectorRequest, train_detector
from harness.errors import UsageError
from harness.methods.method import resolve_options
from harness.registry.registry import load
from tests.plugins.parts.drawn import draw

COMPUTE = Compute(device="cpu", workers=0)
SMALL = {"ssd-small": {}, "localnet-small": {"dropout": "0"}}


def options(name: str, **changes: str):
    kind = load().detector(name)
    return kind, resolve_options(name, kind, changes=changes, shown_by="bench parts detectors")


@pytest.mark.parametrize("name", list(SMALL))
@pytest.mark.parametrize(
    ("word", "size"), [("96", (96, 96)), ("64x128", (64, 128)), ("512x64", (512, 64)), ("96x96", (96, 96))]
)
def test_small_forms_take_height_and_width(name: str, word: str, size: tuple[int, int]):
    detector = make(*options(name, input_size=word))
    assert detector.input_size == size


@pytest.mark.parametrize("name", ["ssd-small", "localnet-small", "ssd300", "localnet"])
@pytest.mark.parametrize("word", ["63", "64x513", "64x", "1x2x3", "broad"])
def test_a_size_that_does_not_fit_is_refused_with_the_command_that_lists_the_options(name: str, word: str):
    with pytest.raises(UsageError, match=f"option 'input_size.* of {name} does not fit") as caught:
        options(name, input_size=word)
    assert "see 'bench parts detectors'" in str(caught.value)
    if name.endswith("small"):
        assert "a side of 64 to 512 pixels, or height x width such as 256x128" in str(caught.value)


def test_ssds_network_sees_the_image_at_its_own_size_and_its_boxes_fill_it():
    detector = make(*options("ssd-small", input_size="64x128", keep="400"))
    network, sizes = detector.network({}).eval(), []
    network.ssd.backbone.register_forward_hook(lambda _module, given, _maps: sizes.append(tuple(given[0].shape)))
    with torch.no_grad():
        boxes = network(torch.rand(2, 3, 64, 128)).reshape(-1, 6)
    assert sizes == [(2, 3, 64, 128)]
    assert (boxes[:, 4].max(), boxes[:, 5].max()) == (128, 64)


def test_localnets_cells_divide_both_sides_by_seven():
    network = make(*options("localnet-small", input_size="64x128")).network({})
    assert network.cells(torch.zeros(2, 3, 64, 128)).shape == (2, 7, 7, 14)
    assert network.size == (64, 128)


@pytest.mark.parametrize("name", list(SMALL))
def test_a_small_form_learns_images_that_it_sees_wider_than_they_are(tmp_path: Path, name: str):
    dataset, labels = draw(tmp_path, kind := "regions")
    changes = {"input_size": "64x96", "shift": "0", "keep": "20", "epochs": "45", "batch": "8", "kind": kind}
    request = DetectorRequest(name, load().protocol("synthetic"), dataset, labels, 0.0, compute=COMPUTE)
    train_detector(make(*options(name, **changes, **SMALL[name])), request, tmp_path / "d.safetensors")

    truth = find_boxes(dataset, {f"boxes.{kind}"}, labels)[kind]
    found = detect(load_detector(tmp_path / "d.safetensors", load()), dataset, truth.of_image, compute=COMPUTE)

    assert average_precision(found, truth, list(truth.of_image)).means["AP50"] > 0.9
