"""Boxes in files and images of a few pixels, for the tests of every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.boxes import CLASSES, Boxes
from harness.data.dataset import Dataset
from harness.data.images import ImageTable

KEYS = ("image_train/a.jpg", "image_train/b.jpg", "image_test/c.jpg")
SIZE = (100, 200)


def coco(**annotation: Any) -> dict[str, Any]:
    """Return a COCO file of one image with two boxes, the second one changed."""
    first = {"id": 1, "image_id": 7, "category_id": 2, "bbox": [10, 20, 30, 40]}
    return {
        "images": [{"id": 7, "file_name": "image_train/a.jpg", "width": 100, "height": 200}],
        "categories": [{"id": 2, "name": "plate"}, {"id": 5, "name": "logo"}],
        "annotations": [first, {**first, "id": 2, "category_id": 5, "score": 0.25, **annotation}],
    }


def write(folder: Path, content: object, name: str = "boxes.json") -> Path:
    """Write a value as JSON."""
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def pictures(folder: Path) -> Dataset:
    """Write three pictures of 100 x 200 pixels, and return them as a data set without boxes."""
    for key in KEYS:
        (folder / key).parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", SIZE).save(folder / key)
    train = ImageTable(KEYS[:2], np.array([1, 2]))
    return Dataset(folder, {"train": train, "query": ImageTable(KEYS[2:], np.array([3]))})


def same(one: Boxes, other: Boxes) -> bool:
    """Say whether two values hold the same boxes to the bit."""
    return dict(one.names) == dict(other.names) and {key: rows.tobytes() for key, rows in one.of_image.items()} == {
        key: rows.tobytes() for key, rows in other.of_image.items()
    }


def parts_of(rows: dict[str, list[list[float]]]) -> Boxes:
    """Return boxes of the sixteen classes."""
    arrays = {key: np.array(found, np.float32).reshape(-1, 6) for key, found in rows.items()}
    return Boxes(arrays, dict(enumerate(CLASSES["parts"], 1)))
