"""NumPy's .npy, mapped into memory, and .npz, whose declared sizes are checked before anything is unpacked."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from harness.errors import FeatureError
from harness.exchange.contents import (
    PACKED,
    Array,
    Contents,
    bytes_of,
    refuse_number,
    refuse_size,
    sorted_out,
    unreadable,
)

FAULTS = (
    ValueError,
    TypeError,
    KeyError,
    SyntaxError,
    OverflowError,
    OSError,
    EOFError,
    MemoryError,
    RecursionError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
)
"""What NumPy and zipfile raise for damaged files."""

OBJECTS = "values of Python's own, which only unpickling could read; that could execute code"
RETURN = "save numbers as a plain array: np.save(file, np.asarray(features, dtype=np.float32)); names as text"
LONGEST_HEADER = 10_000
UNSUSPICIOUS = 64 << 20
"""Bytes that any file may unpack to; a larger one unpacks to at most ``PACKED`` times its own."""


def read_npy(path: Path) -> Contents:
    """Return the array of a .npy file, mapped.

    Raises:
        FeatureError: the file is damaged, or holds objects.
    """
    try:
        with path.open("rb") as file:
            shape, _, dtype = _header(file)
        if dtype.hasobject:
            raise _objects(path)
        if not all(shape):
            return sorted_out(path, {"": np.empty(shape, dtype)})
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=LONGEST_HEADER)
    except FAULTS as problem:
        raise unreadable(path, "a NumPy array", problem) from None
    return sorted_out(path, {"": array})


def read_npz(path: Path) -> Contents:
    """Return the arrays of a .npz file by name.

    Raises:
        FeatureError: the file is damaged, unpacks to too much, or one of its arrays holds objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            refuse_number(path, len(members))
            unpacked, packed = sum(member.file_size for member in members), path.stat().st_size
            refuse_size(path, unpacked)
            if unpacked > max(UNSUSPICIOUS, PACKED * packed):
                raise ValueError(f"it would unpack from {packed:,} to {unpacked:,} bytes, more than {PACKED} times")
            found = {member.filename.removesuffix(".npy"): _member(path, archive, member) for member in members}
    except FAULTS as problem:
        raise unreadable(path, "NumPy arrays (.npz)", problem) from None
    if len(found) < len(members):
        raise unreadable(path, "NumPy arrays (.npz)", "two arrays have one name")
    return sorted_out(path, found)


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """Return one array, if its header says no more than the zip does."""
    with archive.open(member) as file:
        shape, _, dtype = _header(file)
        if dtype.hasobject:
            raise _objects(f"{path}: {member.filename.removesuffix('.npy')}")
        if bytes_of(shape, dtype) != member.file_size - file.tell():
            raise ValueError(f"{member.filename} has another size than its header says")
    with archive.open(member) as file:
        array: Array = npy.read_array(file, allow_pickle=False, max_header_size=LONGEST_HEADER)
    return array


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type, read without unpickling."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its version {version} is none for plain arrays")
    shape, order, dtype = readers[version](file, max_header_size=LONGEST_HEADER)
    return shape, order, dtype


def _objects(where: object) -> FeatureError:
    return FeatureError("the array holds objects", where=where, found=OBJECTS, expected="numbers", next_step=RETURN)
