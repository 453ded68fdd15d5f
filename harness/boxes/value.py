"""The boxes of some images as one checked value, with a digest that depends on its content only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.basics.digests import canonical_json
from harness.data.part_classes import CLASSES, NO_CLASS
from harness.errors import DataError, first_of, unknown_name
from harness.features.layout import LONGEST_KEY

FloatArray = npt.NDArray[np.float32]

OVER_THE_EDGE = 0.01
"""Share of an image's side by which a box may exceed the image: detectors round; more is an error."""

LAST_LABEL = 65_535
"""Largest class number; float32 represents all numbers up to it exactly."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of some images.

    Attributes:
        of_image: (m, 6) float32 by key: label, score, x0, y0, x1, y1 as fractions of width and height, by decreasing
            score. An annotated image without parts has (0, 6).
        names: class names by label.
        path: file or folder that the boxes were read from, for messages.
    """

    of_image: Mapping[str, FloatArray]
    names: Mapping[int, str]
    path: Path | None = None

    def of(self, key: str, size: tuple[int, int]) -> FloatArray:
        """Return an image's boxes in pixels of the resized image, by decreasing score; (0, 6) if there are none.

        Args:
            key: of the image.
            size: height and width of the resized image.
        """
        boxes = self.of_image.get(key)
        if boxes is None:
            return np.zeros((0, 6), np.float32)
        return boxes * np.array([1, 1, size[1], size[0], size[1], size[0]], np.float32)

    def take(self, keys: Iterable[str]) -> Boxes:
        """Return the boxes of some images, (0, 6) for images without boxes."""
        none = np.zeros((0, 6), np.float32)
        return replace(self, of_image={key: self.of_image.get(key, none) for key in keys})

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of names, keys and boxes, the same for every file format: 64 hexadecimal digits."""
        names = {str(number): name for number, name in self.names.items()}
        hasher = hashlib.sha256(canonical_json(names).encode() + b"\n")
        for key in sorted(self.of_image):
            rows = np.ascontiguousarray(self.of_image[key], "<f4")
            hasher.update(canonical_json([key, len(rows)]).encode() + b"\n" + rows.tobytes())
        return hasher.hexdigest()

    def numbered(self, kind: str) -> Boxes:
        """Return these boxes with the kind's class numbers, matched by name; unchanged for kinds without fixed classes.

        Raises:
            DataError: the kind lacks one of the classes.
        """
        if kind not in CLASSES:
            return self
        classes = CLASSES[kind]
        numbers = {name: number for number, name in enumerate(classes, 1)}
        if kind == "parts":
            numbers[NO_CLASS] = 0
        for name in self.names.values():
            if name not in numbers:
                error = unknown_name(f"class of the boxes '{kind}'", name, classes, error=DataError)
                error.where = self.path
                error.next_step = "rename the class in the file, or leave it out"
                raise error
        number_of = {number: numbers[name] for number, name in self.names.items()}
        names = dict(enumerate(classes, 1))
        if 0 in number_of.values():
            names[0] = NO_CLASS
        if all(number == found for number, found in number_of.items()):
            return replace(self, names=names)
        table = np.zeros(max(number_of) + 1, np.float32)
        table[list(number_of)] = list(number_of.values())
        renumbered = {
            key: np.column_stack([table[rows[:, 0].astype(np.int64)], rows[:, 1:]])
            for key, rows in self.of_image.items()
        }
        return replace(self, of_image=renumbered, names=names)


@dataclass
class Collected:
    """Boxes collected image by image while a file is read."""

    path: Path
    names: Mapping[int, str]
    _images: dict[str, FloatArray] = field(default_factory=dict)

    def add(self, key: str, size: tuple[float, float], rows: list[tuple[str, list[float]]]) -> None:
        """Add the boxes of one image.

        Args:
            key: of the image.
            size: its width and height in pixels.
            rows: for each box its name in messages, and label, score, x0, y0, x1, y1 in pixels.

        Raises:
            DataError: the key is invalid or repeated, or a box is empty, outside its image, of an unknown class, or has
                a score outside 0 to 1.
        """
        if key in self._images or not 0 < len(key.encode()) <= LONGEST_KEY or "\0" in key:
            raise DataError(
                "an image is listed twice" if key in self._images else "no image can have this name",
                where=self.path,
                found=repr(key[:100]),
                expected="each image once, by its path from the data set's folder",
            )
        array = np.array([row for _, row in rows], np.float64).reshape(-1, 6)
        with np.errstate(all="ignore"):
            corners = array[:, 2:] / np.array([*size, *size], np.float64)
            near = ((corners >= -OVER_THE_EDGE) & (corners <= 1 + OVER_THE_EDGE)).all(axis=1)
            shares = np.clip(corners, 0, 1).astype(np.float32)
        solid = (array[:, 4:] > array[:, 2:4]).all(axis=1) & (shares[:, 2:] > shares[:, :2]).all(axis=1)
        sure = (array[:, 1] >= 0) & (array[:, 1] <= 1)
        known = np.isin(array[:, 0], list(self.names))
        for fits, expected in (
            (known, f"a class among {first_of(self.names.values(), 20)}"),
            (sure, "a score from 0 to 1"),
            (near & solid, f"a box within {size[0]:g} x {size[1]:g} pixels, not empty"),
        ):
            if not fits.all():
                place = int(np.flatnonzero(~fits)[0])
                raise wrong_box(self.path, rows[place][0], {"image": key, "box": rows[place][1]}, expected)
        found = np.column_stack([array[:, :2].astype(np.float32), shares])
        self._images[key] = found[np.argsort(-found[:, 1], kind="stable")]

    def boxes(self) -> Boxes:
        """Return all added boxes."""
        return Boxes(self._images, dict(self.names), self.path)


def refuse_shares(path: Path, corners: Sequence[float]) -> None:
    """Raise a DataError if all corners, in pixels, lie within one pixel: they are shares of the images' sides."""
    if corners and all(0 <= side <= 1 for side in corners):
        raise DataError(
            "the boxes are shares of the image, not pixels",
            where=path,
            found=f"all {len(corners) // 4} boxes between 0 and 1, the first from {list(corners[:2])} to "
            f"{list(corners[2:4])}",
            expected="boxes in pixels",
            next_step="multiply x and width by the image's width, y and height by its height",
        )


def wrong_box(path: Path, name: str, found: Any, expected: str) -> DataError:
    """Return the error for one invalid box of a file."""
    return DataError(f"{name} is wrong", where=path, found=found, expected=expected)
