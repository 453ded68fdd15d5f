"""Eight small images with bright rectangles in them, and their boxes, for detectors to learn by heart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from harness.boxes import CLASSES
from harness.data.dataset import Dataset
from harness.data.images import ImageTable

SIDE = 64
COLOURS = ("red", "lime", "yellow", "blue")


def draw(folder: Path, kind: str, images: int = 8) -> tuple[Dataset, Path]:
    """Draw images with two to three rectangles each, far from each other; return the data set and the box file."""
    random = np.random.default_rng(5)
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(images):
        picture = Image.new("RGB", (SIDE, SIDE), (60, 60, 60))
        for corner in random.permutation(4)[: 2 + number % 2].tolist():
            width, height = random.integers(14, 24, 2).tolist()
            x, y = (32 * (corner % 2) + int(random.integers(0, 8)), 32 * (corner // 2) + int(random.integers(0, 8)))
            label = int(random.integers(1, 5))
            ImageDraw.Draw(picture).rectangle((x, y, x + width - 1, y + height - 1), fill=COLOURS[label - 1])
            annotations.append({"image_id": number, "category_id": label, "bbox": [x, y, width, height]})
        key = f"train/{number}.jpg"
        (folder / key).parent.mkdir(exist_ok=True, parents=True)
        picture.save(folder / key, quality=95)
        listed.append({"id": number, "file_name": key, "width": SIDE, "height": SIDE})
    categories = [{"id": place, "name": name} for place, name in enumerate(CLASSES[kind], 1)]
    path = folder / "labels.json"
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": categories}))
    table = ImageTable(tuple(image["file_name"] for image in listed), np.arange(images) // 2)
    return Dataset(folder, {"train": table, "query": table.take(np.arange(1))}), path
