"""Inputs that are higher than wide: images, boxes and the cells of a map agree about which side is which."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from harness.boxes import Boxes
from harness.data.dataset import Dataset
from harness.data.part_classes import REGIONS
from harness.data.pictures import Pictures
from harness.extraction.samples import BatchRequest, Samples
from harness.methods.method import create, resolve_options
from harness.registry.registry import load
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.veri import VERI

HEIGHT, WIDTH = 64, 32
CELLS = (4, 2)
"""Rows and columns of cells of 16 pixels."""

COMMON = {"backbone": "resnet18", "weights": "none", "input_size": f"{HEIGHT}x{WIDTH}", "flip": "0", "epochs": "1"}
CHANGES = {
    "strong-baseline": {"p": "8", "k": "2"},
    "pgan": {"p": "8", "k": "2", "D": "3", "hidden": "8", "dimension": "16"},
    "pr-reid": {"width": "16", "batch": "16"},
}
RECTANGLES = {
    "upper left": (8, 4, 40, 60),
    "lower right": (72, 80, 120, 124),
    "in the middle": (44, 24, 92, 100),
}
"""x0, y0, x1, y1 in pixels of a picture of 128 x 128."""


def made(name: str, recipe: str = "quick", **changes: str) -> Any:
    method = load().method(name)
    words = {**COMMON, **CHANGES.get(name, {}), **changes}
    return create(method, resolve_options(name, method, recipe=recipe, changes=words))


def moved(method: Any, folder: Path, corners: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    """Return the augmented white rectangle and its boxes of several epochs, all regions with the same place."""
    pixels = np.zeros((128, 128, 3), np.uint8)
    x0, y0, x1, y1 = corners
    pixels[y0:y1, x0:x1] = 255
    Image.fromarray(pixels).save(folder / "a.png")
    rows = np.array([[label, 1, *np.array(corners) / 128] for label in range(1, 5)], np.float32)
    (stage,) = method.stages(VERI)
    samples = Samples(
        Pictures(folder, ["a.png"], method.input_size, ("PNG",)),
        {"boxes_parts": Boxes({"a.png": rows}, dict(enumerate(REGIONS, 1)))},
        stage.augment,
    )
    batches = [samples[BatchRequest(np.zeros(1, np.int64), ("augment", 0, epoch))] for epoch in range(6)]
    return [(batch.images, batch.boxes["boxes_parts"][0]) for batch in batches]


def white_cells(images: Tensor) -> Tensor:
    """Return (4, 2) bool: the cells with a white pixel."""
    return torch.nn.functional.max_pool2d((images[:, :1] > 128).float(), 16)[0, 0] > 0


@pytest.mark.parametrize("name", ["pgan", "pr-reid"])
@pytest.mark.parametrize("corners", RECTANGLES.values(), ids=RECTANGLES)
def test_boxes_surround_what_they_surrounded_in_the_picture(name: str, corners: tuple[int, ...], tmp_path: Path):
    for images, rows in moved(made(name, flip="0.5", pad="4"), tmp_path, corners):
        assert images.shape == (1, 3, HEIGHT, WIDTH)
        y, x = (images[0, 0] > 128).nonzero(as_tuple=True)
        around = [float(edge) for edge in (x.min(), y.min(), x.max() + 1, y.max() + 1)]
        assert rows[0, 2:].tolist() == pytest.approx(around, abs=1e-3)


@pytest.mark.parametrize("corners", RECTANGLES.values(), ids=RECTANGLES)
def test_pgans_masks_are_the_cells_that_the_part_is_seen_in(
    corners: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    method = made("pgan", flip="0.5", pad="4")
    network, used = method.network({"vehicle": 5}).eval(), []

    def attend(*given: Any) -> tuple[Tensor, Tensor]:
        used.append(type(network).attend(network, *given))
        return used[-1]

    monkeypatch.setattr(network, "attend", attend)
    for images, rows in moved(method, tmp_path, corners):
        with torch.no_grad():
            network(images / 255, boxes_parts=[rows])
            shown = network.parts(images / 255, [rows])
        (_, embedded), _ = used[-2:]
        for masks in (embedded, shown.masks):
            assert masks.shape == (1, 3, *CELLS)
            assert torch.equal(masks[0, 0].bool(), white_cells(images))
        assert shown.heat.shape == (1, *CELLS)


@pytest.mark.parametrize("corners", RECTANGLES.values(), ids=RECTANGLES)
def test_pr_reids_regions_are_the_cells_that_they_are_seen_in(corners: tuple[int, ...], tmp_path: Path):
    method = made("pr-reid", pad="4")
    network = method.network({"vehicle": 5}).train()
    maps = torch.randn(1, 512, *CELLS, generator=torch.Generator().manual_seed(0))
    network.trunk.forward = lambda _images: maps

    for images, rows in moved(method, tmp_path, corners):
        mean = maps[0][:, white_cells(images)].mean(1)[None, :, None, None]
        with torch.no_grad():
            logits = network(images / 255, boxes_regions=[rows])
            for part in ("window", "brand"):
                expected = network.classifiers[part](network.reducers[part](mean).flatten(1))
                torch.testing.assert_close(logits[part], expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def boxed(eight: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The eight vehicles with four boxes an image, which are parts as well as regions."""
    folder = tmp_path_factory.mktemp("boxes")
    keys = eight.splits["train"].paths
    places = [[4, 2, 20, 8], [1, 20, 8, 10], [22, 20, 8, 10], [10, 14, 12, 10]]
    for kind, names in (("parts", ["car light"] * 4), ("regions", REGIONS)):
        categories = [{"id": number, "name": name} for number, name in enumerate(dict.fromkeys(names), 1)]
        of = {category["name"]: category["id"] for category in categories}
        content = {
            "images": [{"id": number, "file_name": key, "width": 32, "height": 32} for number, key in enumerate(keys)],
            "categories": categories,
            "annotations": [
                {"id": 4 * number + row, "image_id": number, "category_id": of[name], "bbox": place}
                for number in range(len(keys))
                for row, (name, place) in enumerate(zip(names, places, strict=True))
            ],
        }
        (folder / f"{kind}.json").write_text(json.dumps(content))
    return replace(eight, boxes={kind: folder / f"{kind}.json" for kind in ("parts", "regions")})


@pytest.mark.parametrize("name", CHANGES)
def test_a_method_trains_and_embeds_images_that_are_higher_than_wide(name: str, boxed: Dataset, tmp_path: Path):
    method, seen = made(name), []

    class Watched(type(method)):  # type: ignore[misc]  # made above
        def network(self, classes: Any) -> Any:
            network = super().network(classes)
            network.register_forward_pre_hook(lambda _network, given: seen.append(tuple(given[0].shape[1:])))
            return network

    method.__class__ = Watched
    trained(method, boxed, tmp_path)
    steps = len(seen)

    assert method.input_size == (HEIGHT, WIDTH)
    assert steps >= 4
    assert 0 <= cmc_at_1(method, boxed) <= 1
    assert len(seen) == steps + 1
    assert set(seen) == {(3, HEIGHT, WIDTH)}
