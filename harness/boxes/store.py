"""Boxes in HDF5, as stored by runs and written by detectors; files are verified when read.

Four contiguous data sets without filters: ``about`` (k,) uint8, the canonical JSON of schema, names and digest;
``keys`` (n,) fixed-length UTF-8, sorted; ``counts`` (n,) int64; ``boxes`` (sum of counts, 6) float32.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.basics.digests import canonical_json
from harness.basics.files import replace_file
from harness.basics.reading import check_regular
from harness.boxes.value import Boxes
from harness.errors import DataError
from harness.features.inspection import MOST_AT_ONCE, plain_dataset
from harness.features.layout import LONGEST_KEY, VERSIONS

SCHEMA = 1
LONGEST_ABOUT = 1 << 20
ENDINGS = (".h5", ".hdf5")

_PARTS = {"about": (1, "u"), "keys": (1, "S"), "counts": (1, "i"), "boxes": (2, "f")}
"""Number of dimensions and kind of type of each data set."""


class _About(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_number: int
    names: dict[str, str]
    digest: str


def write_boxes(path: Path, boxes: Boxes) -> Path:
    """Write boxes completely or not at all, or raise a RunError; equal boxes give equal bytes."""
    keys = sorted(boxes.of_image)
    names = {str(number): name for number, name in boxes.names.items()}
    about = canonical_json({"schema_number": SCHEMA, "names": names, "digest": boxes.digest})
    rows = [boxes.of_image[key] for key in keys]
    content = io.BytesIO()
    with h5py.File(content, "w", libver=VERSIONS) as file:
        file.create_dataset("about", data=np.frombuffer(about.encode(), np.uint8))
        file.create_dataset("keys", data=np.array([key.encode() for key in keys], np.bytes_))
        file.create_dataset("counts", data=np.array([len(array) for array in rows], "<i8"))
        file.create_dataset("boxes", data=np.concatenate([np.zeros((0, 6), "<f4"), *rows]).astype("<f4"))
    with replace_file(path, "wb") as out:
        out.write(content.getvalue())
    return path


def read_store(path: Path) -> Boxes:
    """Return the boxes of a file, or raise a DataError if it is missing, damaged, or of another schema or layout."""
    check_regular(path, "the file of boxes")
    try:
        with h5py.File(path, "r", locking=False) as file:
            _check_layout(path, file)
            about = _About.model_validate_json(file["about"][:].tobytes())
            keys = [key.decode() for key in file["keys"][:].tolist()]
            counts, rows = file["counts"][:].astype(np.int64), file["boxes"][:]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, ValidationError) as problem:
        raise _damaged(path, str(problem).partition("\n")[0]) from None
    if about.schema_number != SCHEMA:
        raise DataError(
            "the boxes have another schema",
            where=path,
            found=about.schema_number,
            expected=SCHEMA,
            next_step="create them again with this version, or update vehicle-reid-bench",
        )
    if len(keys) != len(counts) or len(set(keys)) != len(keys) or (counts < 0).any() or counts.sum() != len(rows):
        raise _damaged(path, "keys, counts and boxes do not match")
    ends = np.cumsum(counts)
    of_image = {key: rows[end - count : end] for key, end, count in zip(keys, ends, counts, strict=True)}
    boxes = Boxes(of_image, _numbers(path, about.names), path)
    if boxes.digest != about.digest:
        raise _damaged(path, "its digest does not match its content")
    _check_values(path, rows, boxes)
    return boxes


def _numbers(path: Path, names: dict[str, str]) -> dict[int, str]:
    if not all(number.isascii() and number.isdecimal() and len(number) < 6 for number in names):
        raise _damaged(path, "a class has no number")
    return {int(number): name for number, name in names.items()}


def _check_values(path: Path, rows: Any, boxes: Boxes) -> None:
    """Refuse boxes that ``value.Collected`` would refuse: a matching digest does not make them valid."""
    fits = np.isin(rows[:, 0], list(boxes.names)).all() and (rows[:, 1:] >= 0).all() and (rows[:, 1:] <= 1).all()
    if not fits or not (rows[:, 4:] > rows[:, 2:4]).all():
        raise _damaged(path, "a box is empty, outside its image, of an unknown class, or has a score outside 0 to 1")


def _check_layout(path: Path, file: h5py.File) -> None:
    """Refuse links, storage outside the file, filters and unexpected types before anything is read."""
    if set(file) != set(_PARTS):
        raise ValueError(f"it holds {sorted(file)}, not {sorted(_PARTS)}")
    for name, (dimensions, kind) in _PARTS.items():
        found = plain_dataset(path, file, name, MOST_AT_ONCE)
        sizes = {"about": 1, "counts": 8, "boxes": 4}
        fits = found.dtype.kind == kind and found.dtype.itemsize in {sizes.get(name, found.dtype.itemsize)}
        if found.ndim != dimensions or not fits or found.dtype.itemsize > LONGEST_KEY:
            raise ValueError(f"'{name}' has type {found.dtype} and shape {found.shape}")
    if file["boxes"].shape[1] != 6 or len(file["about"]) > LONGEST_ABOUT:
        raise ValueError(f"'boxes' has the shape {file['boxes'].shape}")


def _damaged(path: Path, found: str) -> DataError:
    return DataError("the file of boxes is damaged", where=path, found=found, next_step="copy it or create it again")
