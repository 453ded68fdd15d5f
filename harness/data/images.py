"""The image table: the labels of each image in one split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from harness.errors import DataError

IntArray = npt.NDArray[np.int64]

UNKNOWN = -1
"""The value of a label that is not known for an image."""

NOBODY = 1 << 50
"""From this number on, each number is a single image or track whose vehicle nobody knows; it matches no other."""

LABELS = ("camera", "track", "colour", "type", "model", "time", "view")


@dataclass(frozen=True, eq=False)
class ImageTable:
    """The images of one split, one row per image, in the order of the released list.

    Attributes:
        paths: (n,) keys: paths relative to the data set's root, with forward slashes.
        vehicle: (n,) int64, the released vehicle numbers; from ``NOBODY`` on, images of no known vehicle.
        camera: (n,) int64, or None if the data set has no cameras. It is the number that the data set itself gives the
            camera: VeRi-776's c001 is 1.
        track: (n,) int64, or None. Images with the same number form one unit of an image-to-track gallery.
        colour: (n,) int64, ``UNKNOWN`` for images without this label, or None; likewise ``type`` and ``model``.
        time: (n,) int64, a frame number or seconds, or None.
        view: (n,) int64, from which side the vehicle is seen, as the data set numbers it; ``UNKNOWN`` or None as above.
        names: names of the values of some labels: ``{"colour": {1: "yellow"}}``.

    Raises:
        DataError: a column and ``paths`` differ in length.
    """

    paths: tuple[str, ...]
    vehicle: IntArray
    camera: IntArray | None = None
    track: IntArray | None = None
    colour: IntArray | None = None
    type: IntArray | None = None
    model: IntArray | None = None
    time: IntArray | None = None
    view: IntArray | None = None
    names: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("vehicle", *LABELS):
            column = getattr(self, name)
            if column is not None and column.shape != (len(self.paths),):
                raise DataError(f"column '{name}' does not fit the table", found=column.shape, expected=(len(self),))

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> ImageTable:
        """Return the table of some rows, given as indices or as a mask, in their order."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        columns = {
            column.name: getattr(self, column.name)[index]
            for column in fields(self)
            if isinstance(getattr(self, column.name), np.ndarray)
        }
        return replace(self, paths=tuple(self.paths[row] for row in index), **columns)

    def label(self, name: str) -> IntArray | None:
        """Return the column ``name`` (``vehicle``, ``camera``, ...), or None if the data set lacks it."""
        column: IntArray | None = getattr(self, name)
        return column
