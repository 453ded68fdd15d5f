"""MATLAB's .mat files of version 5 (``save -v6`` and ``-v7``); read in a process of its own (``apart``)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from harness.errors import FeatureError
from harness.exchange.contents import Array, Contents, refuse_number, refuse_size, sorted_out, unreadable

COMPRESSED, MATRIX = 15, 14
"""The two types of a variable (MAT-File Format, MathWorks, table 1-1)."""

CLASSES = {
    "cell": "a cell array",
    "struct": "a structure",
    "object": "an object",
    "opaque": "an object",
    "function": "a function",
    "sparse": "a sparse matrix",
}
KIND = "a MATLAB file"
PIECE = 1 << 20


def read_matlab(path: Path) -> Contents:
    """Return all arrays, rows of characters and cell arrays of texts of a file, by name.

    Raises:
        FeatureError: the file is damaged, or unpacks to too much.
    """
    from scipy.io import loadmat, whosmat

    try:
        _check_sizes(path)
        listed = whosmat(path)
        refuse_number(path, len(listed))
        refuse_size(path, sum(int(np.prod(shape, dtype=float)) for _, shape, _ in listed))
        kinds = {name: kind for name, _, kind in listed}
        if len(kinds) < len(listed):
            raise ValueError("two variables have one name")
        wanted = [name for name, kind in kinds.items() if kind == "cell" or kind not in CLASSES]
        read = loadmat(path, variable_names=wanted) if wanted else {}
    except FeatureError:
        raise
    except Exception as problem:  # SciPy fails on damaged bytes in a dozen ways
        raise unreadable(path, KIND, f"{type(problem).__name__}: {problem}") from None
    unusable = {name: CLASSES[kind] for name, kind in kinds.items() if name not in wanted}
    found: dict[str, Array] = {}
    for name in wanted:
        try:
            found[name] = _array(read[name])
            if kinds[name] == "logical":
                found[name] = found[name].astype(np.bool_)
        except (ValueError, KeyError) as problem:
            unusable[name] = str(problem)
    contents = sorted_out(path, found)
    return Contents(path, contents.arrays, contents.texts, {**contents.unusable, **unusable})


def _array(value: object) -> Array:
    """Return numbers as they are, and rows of characters or cells of texts as a list."""
    if not isinstance(value, np.ndarray):
        raise ValueError("not an array")
    if value.dtype.kind == "U":
        return np.array([text.rstrip() for text in value.ravel().tolist()])
    if value.dtype.kind != "O":
        return value
    words = []
    for cell in value.ravel().tolist():
        if not isinstance(cell, np.ndarray) or cell.dtype.kind != "U" or cell.size > 1:
            raise ValueError("a cell array of something else than texts")
        words.append(str(cell.item()) if cell.size else "")
    return np.array(words)


def _check_sizes(path: Path) -> None:
    """Refuse a file whose variables unpack to too much, by unpacking them piece by piece into nothing."""
    total = 0
    with path.open("rb") as file:
        order = "<" if file.read(128)[126:128] == b"IM" else ">"
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            if kind not in (COMPRESSED, MATRIX) or size == 0:
                raise ValueError(f"a variable of type {kind} and {size} bytes")
            if kind == MATRIX:
                total += size
                file.seek(size, 1)
            else:
                total += _unpacked(path, file, size)
            refuse_size(path, total)


def _unpacked(path: Path, file: IO[bytes], size: int) -> int:
    """Return the number of bytes that the next ``size`` bytes unpack to."""
    unpacker, total = zlib.decompressobj(), 0
    while size > 0 and (piece := file.read(min(size, PIECE))):
        size -= len(piece)
        while piece:
            total += len(unpacker.decompress(piece, 16 * PIECE))
            piece = unpacker.unconsumed_tail
            refuse_size(path, total)
    return total
