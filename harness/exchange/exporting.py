"""From a feature file to the formats of other programs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.basics.extras import require
from harness.basics.files import replace_file
from harness.errors import FeatureError
from harness.exchange.contents import LARGEST, Array
from harness.features import FeatureFile

Target = Literal["npy", "npz", "csv", "parquet", "mat"]
MATLAB_LIMIT = (1 << 31) - 1
"""Bytes of one variable in MATLAB's version 5."""


def files_of(target: str, out: Path) -> list[Path]:
    """Return the files that ``export`` writes: two for .npy, whose keys are a list beside it."""
    return [out, out.with_name(out.name + ".txt")] if target == "npy" else [out]


def export(file: FeatureFile, target: str, out: Path) -> list[Path]:
    """Write all features with their keys, and return the files; existing ones are replaced.

    Numbers are those that are stored, int8 without its scale and bits as truth values (1 and -1 in .csv), so that
    importing them again gives the same ranks.

    Raises:
        UsageError: pyarrow is needed and not installed.
        FeatureError: the file is damaged, or too large for the format.
        RunError: the file cannot be written.
    """
    WRITERS[target](file, out)
    return files_of(target, out)


def numbers_of(file: FeatureFile, limit: int = LARGEST) -> Array:
    """Return all rows as they are stored: float32, float16, int8, or bool.

    Raises:
        FeatureError: they are more than ``limit`` bytes, or damaged.
    """
    storage = file.storage
    size = len(file) * storage.width * (1 if storage.schema == 2 else storage.dtype.itemsize)
    if size > limit:
        raise FeatureError(
            "the features are too large for this format",
            where=file.path,
            found=f"{size} bytes",
            expected=f"at most {limit} bytes",
            next_step="export them as .npy",
        )
    stored = file.stored(0, len(file))
    if storage.word == "binary":
        return np.unpackbits(np.ascontiguousarray(stored), axis=1, count=storage.width).astype(np.bool_)
    return stored


def _npy(file: FeatureFile, out: Path) -> None:
    numbers = numbers_of(file, limit=1 << 62)
    if any("\n" in key or "\r" in key for key in file.keys):
        raise FeatureError("a key has a line break, which a list of names cannot hold", where=file.path)
    _, names = files_of("npy", out)
    with replace_file(names) as text, replace_file(out, "wb") as target:  # neither gets its name before both are whole
        text.write("".join(f"{key}\n" for key in file.keys))
        text.flush()
        np.save(target, numbers, allow_pickle=False)


def _npz(file: FeatureFile, out: Path) -> None:
    with replace_file(out, "wb") as target:
        np.savez(target, features=numbers_of(file), keys=np.array(file.keys))


def _csv(file: FeatureFile, out: Path) -> None:
    numbers = numbers_of(file)
    if numbers.dtype.kind == "b":
        numbers = numbers.astype(np.int8) * 2 - 1
    shown = "{:.9g}" if numbers.dtype.kind == "f" else "{}"  # nine digits give every float32 back
    with replace_file(out) as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["key", *(f"f{number}" for number in range(numbers.shape[1]))])
        for key, row in zip(file.keys, numbers, strict=True):
            writer.writerow([key, *map(shown.format, row.tolist())])


def _parquet(file: FeatureFile, out: Path) -> None:
    pyarrow = require("pyarrow", by="writing Parquet", extra="parquet")
    parquet = require("pyarrow.parquet", by="writing Parquet", extra="parquet")
    numbers = numbers_of(file)
    flat = pyarrow.array(np.ascontiguousarray(numbers).ravel())
    column = pyarrow.FixedSizeListArray.from_arrays(flat, numbers.shape[1])
    table = pyarrow.table({"key": pyarrow.array(list(file.keys)), "feature": column})
    with replace_file(out, "wb") as target:
        parquet.write_table(table, target)


def _mat(file: FeatureFile, out: Path) -> None:
    from scipy.io import savemat

    numbers = numbers_of(file, limit=MATLAB_LIMIT)
    numbers = numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers
    content: dict[str, Any] = {"features": numbers, "keys": np.array(file.keys, dtype=object).reshape(-1, 1)}
    with replace_file(out, "wb") as target:
        savemat(target, content)


WRITERS: dict[str, Callable[[FeatureFile, Path], None]] = {
    "npy": _npy,
    "npz": _npz,
    "csv": _csv,
    "parquet": _parquet,
    "mat": _mat,
}
