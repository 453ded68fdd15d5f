"""Boxes of parts in images, read from a COCO file: which part, how sure, and where."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import DataError
from harness.protocol import Dataset

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of some images.

    Attributes:
        of_image: for a key (m, 6) float32: label, score, x0, y0, x1, y1 in shares of width and height.
        names: the label's names by number.
    """

    of_image: Mapping[str, FloatArray]
    names: Mapping[int, str]

    def of(self, key: str, size: tuple[int, int]) -> FloatArray:
        """Return an image's boxes in pixels of its resized form, the surest first; (0, 6) where it has none.

        Args:
            key: of the image.
            size: height and width that the image is resized to.
        """
        boxes = self.of_image.get(key)
        if boxes is None:
            return np.zeros((0, 6), np.float32)
        return boxes * np.array([1, 1, size[1], size[0], size[1], size[0]], np.float32)


def needed_boxes(dataset: Dataset, needs: Collection[str]) -> dict[str, Boxes]:
    """Return the kinds of boxes that a method needs, by the keyword that it takes them under.

    Args:
        dataset: with the files.
        needs: words such as ``boxes.parts``, which becomes the keyword ``boxes_parts``.

    Raises:
        DataError: the data set has no such boxes, or their file is damaged.
    """
    found = {}
    for need in sorted(need for need in needs if need.startswith("boxes.")):
        kind = need.removeprefix("boxes.")
        if kind not in dataset.boxes:
            raise DataError(
                f"the method needs boxes of kind '{kind}', and the data set has none",
                where=dataset.root,
                found=", ".join(sorted(dataset.boxes)) or "no boxes",
                next_step="choose a method or a variant without them, or a data set that has them",
            )
        found[need.replace(".", "_")] = read_boxes(dataset.boxes[kind])
    return found


def read_boxes(path: Path) -> Boxes:
    """Read a COCO file (``images``, ``annotations``, ``categories``); ``file_name`` is the image's key.

    Raises:
        DataError: not such a file, an unknown image or category, or a box that is empty or not in its image.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        images = {item["id"]: item for item in content["images"]}
        names = {int(item["id"]): str(item["name"]) for item in content["categories"]}
        found: dict[str, list[list[float]]] = {str(item["file_name"]): [] for item in content["images"]}
        for number, item in enumerate(content["annotations"]):
            image = images.get(item["image_id"])
            if image is None or item["category_id"] not in names:
                raise _wrong(path, number, item, "its image and category listed in the file")
            found[str(image["file_name"])].append(_row(path, number, item, image))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            "the boxes cannot be read",
            where=path,
            found=f"{type(problem).__name__}: {problem}",
            expected="a COCO file with images, annotations and categories",
        ) from None
    arrays = {key: _surest_first(rows) for key, rows in found.items()}
    return Boxes(arrays, names)


def _row(path: Path, number: int, item: Mapping[str, Any], image: Mapping[str, Any]) -> list[float]:
    """Return label, score and corners, relative to the image."""
    x, y, width, height = (float(value) for value in item["bbox"])
    corners = np.array([x, y, x + width, y + height]) / np.array([image["width"], image["height"]] * 2)
    # A pixel's rounding may carry a detector's box over the edge; what lies further out is a mistake.
    inside = (corners >= -0.01).all() and (corners <= 1.01).all()
    if not inside or width <= 0 or height <= 0:
        raise _wrong(path, number, item, f"a box within {image['width']} x {image['height']} pixels, not empty")
    return [float(item["category_id"]), float(item.get("score", 1.0)), *np.clip(corners, 0, 1).tolist()]


def _wrong(path: Path, number: int, item: Mapping[str, Any], expected: str) -> DataError:
    shown = {name: item.get(name) for name in ("image_id", "category_id", "bbox")}
    return DataError(f"annotation {number} is wrong", where=path, found=shown, expected=expected)


def _surest_first(rows: list[list[float]]) -> FloatArray:
    array = np.array(rows, np.float32).reshape(-1, 6)
    return array[np.argsort(-array[:, 1], kind="stable")]
