"""Reading a format whose library may crash, loop or fill memory on damaged files, in a process of its own.

A flipped bit in an HDF5 file without checksums can end the process that reads it, or keep it busy for ever. A short
Parquet file can say that it repeats a text a milliard times. The reading process hands numbers over as .npy files in a
temporary folder.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from harness.basics.child import ChildFailedError, Limits, call
from harness.basics.leftovers import temporary_folder
from harness.exchange.contents import LARGEST, PACKED, Array, Contents, unreadable

FORMATS = {
    "hdf5": ("HDF5", "harness.exchange.hdf5", "read_hdf5"),
    "mat": ("a MATLAB file", "harness.exchange.matlab", "read_matlab"),
    "parquet": ("a Parquet table", "harness.exchange.tables", "read_parquet"),
}
LEAST, PER_SECOND = 30, 5_000_000
"""Seconds that the smallest file may take, and the bytes a second of a larger one."""


@contextmanager
def read_apart(path: Path, kind: str) -> Iterator[Contents]:
    """Yield the contents of a file that another process reads; its arrays last as long as the block.

    Raises:
        FeatureError: as its reader, or the reader crashed or reached its limits of time or memory.
        UsageError: as its reader.
    """
    name = FORMATS[kind][0]
    size = path.stat().st_size
    limits = Limits(LEAST + size // PER_SECOND, 2 * min(LARGEST, PACKED * size), LARGEST + (1 << 20))
    with temporary_folder("exchange") as folder:
        try:
            answer = call("harness.exchange.apart:hand_over", [str(path), kind, str(folder)], limits)
        except ChildFailedError as problem:
            raise unreadable(path, name, problem) from None
        yield _handed_over(path, answer, folder)


def _handed_over(path: Path, answer: dict[str, Any], folder: Path) -> Contents:
    arrays: dict[str, Array] = {
        name: np.load(folder / file, mmap_mode="r" if size else None, allow_pickle=False)
        for name, (file, size) in answer["arrays"].items()
    }
    texts = {name: tuple(words) for name, words in answer["texts"].items()}
    return Contents(path, arrays, texts, answer["unusable"])


def hand_over(words: list[str]) -> dict[str, Any]:
    """Read a file of a kind, write its numbers into a folder, and return their names there and all else.

    Raises:
        FeatureError: as its reader.
        UsageError: as its reader.
    """
    path, kind, folder = words
    _, module, function = FORMATS[kind]
    contents: Contents = getattr(importlib.import_module(module), function)(Path(path))
    arrays = {}
    for number, (name, array) in enumerate(contents.arrays.items()):
        np.save(Path(folder) / f"{number}.npy", array, allow_pickle=False)
        arrays[name] = (f"{number}.npy", array.size)
    return {"arrays": arrays, "texts": dict(contents.texts), "unusable": dict(contents.unusable)}
