"""HDF5 files of other programs, MATLAB's of version 7.3 among them; read in a process of its own (``apart``)."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from harness.exchange.contents import LARGEST, Array, Contents, refuse_number, refuse_size, sorted_out, unreadable
from harness.exchange.exporting import numbers_of
from harness.features import FeatureFile

DEEPEST = 3
"""Limit of groups within groups."""

FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
"""Those that HDF5 brings along; others would be looked for in the files of this machine."""

MOST_CELLS = 5_000_000
KIND = "HDF5"
OWN = "provenance_digest"
"""The attribute that tells a feature file of this project."""


def read_hdf5(path: Path) -> Contents:
    """Return all arrays and lists of texts of a file; those in groups as ``group/name``.

    MATLAB stores arrays with their axes in reverse; they are returned as MATLAB shows them. Of a feature file of this
    project, the features are returned as ``harness.exchange.exporting`` writes them.

    Raises:
        FeatureError: the file is damaged or too large.
    """
    found: dict[str, Array] = {}
    unusable: dict[str, str] = {}
    try:
        with h5py.File(path, "r", locking=False) as file:
            own = OWN in file.attrs
            if not own:
                _walk(file, "", found, unusable, DEEPEST)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as problem:
        raise unreadable(path, KIND, problem) from None
    if own:
        return _own(path)
    contents = sorted_out(path, found)
    return Contents(path, contents.arrays, contents.texts, {**contents.unusable, **unusable})


def _own(path: Path) -> Contents:
    with FeatureFile.open(path) as file:
        return Contents(path, {"features": numbers_of(file)}, {"keys": file.keys})


def _walk(group: h5py.Group, before: str, found: dict[str, Array], unusable: dict[str, str], deepest: int) -> None:
    path = Path(group.file.filename)
    for name in group:
        full = f"{before}{name}"
        if full == "#refs#":  # what the cells of MATLAB refer to
            continue
        refuse_number(path, len(found) + len(unusable))
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            unusable[full] = "a link"
        elif isinstance(group[name], h5py.Group):
            if deepest:
                _walk(group[name], f"{full}/", found, unusable, deepest - 1)
        elif isinstance(group[name], h5py.Dataset):
            try:
                found[full] = _array(group[name])
            except ValueError as problem:
                unusable[full] = str(problem)
            refuse_size(path, sum(array.nbytes for array in found.values()))


def _array(data: h5py.Dataset) -> Array:
    """Return a data set as NumPy's array, or raise a ValueError that says what it is."""
    stored = data.id.get_create_plist()
    filters = {stored.get_filter(number)[0] for number in range(stored.get_nfilters())}
    if stored.get_external_count() or stored.get_layout() == h5py.h5d.VIRTUAL:
        raise ValueError("an array that is stored in another file")
    if not filters <= FILTERS:
        raise ValueError("an array packed by a filter that HDF5 does not bring along")
    if data.shape is None or data.nbytes > LARGEST:
        raise ValueError("nothing" if data.shape is None else f"{data.nbytes} bytes, more than the {LARGEST} allowed")
    by_matlab = data.attrs.get("MATLAB_class")
    if by_matlab is not None and "MATLAB_empty" in data.attrs:
        raise ValueError("an empty array")
    if by_matlab == b"cell" or h5py.check_ref_dtype(data.dtype) is not None:
        return _cells(data)
    if by_matlab == b"char":
        return np.array([_text(row) for row in np.atleast_2d(data[()].T)])
    if h5py.check_string_dtype(data.dtype) is not None:
        return _texts(data)
    if data.dtype.kind == "O":
        raise ValueError("rows of several lengths")
    array: Array = data[()]
    if by_matlab == b"logical":
        array = array.astype(np.bool_)
    return array.T if by_matlab is not None else array


def _texts(data: h5py.Dataset) -> Array:
    try:
        words = np.asarray(data.asstr()[()])
    except UnicodeDecodeError:
        raise ValueError("text that is not UTF-8") from None
    return np.array(words.ravel().tolist()) if max(words.shape, default=0) == words.size else words.astype(np.str_)


def _cells(data: h5py.Dataset) -> Array:
    """Return a cell array of texts."""
    if data.size > MOST_CELLS:
        raise ValueError(f"a cell array of {data.size} cells")
    words = []
    for reference in data[()].T.ravel().tolist():
        cell = data.file[reference] if reference else None
        if not isinstance(cell, h5py.Dataset) or cell.attrs.get("MATLAB_class") != b"char" or cell.size > 4096:
            raise ValueError("a cell array of something else than texts")
        words.append(_text(cell[()].T.ravel()))
    return np.array(words)


def _text(codes: Array) -> str:
    """Return the text of (n,) UTF-16 codes."""
    if codes.dtype.kind not in "ui":
        raise ValueError("characters that are no numbers")
    try:
        return codes.astype("<u2").tobytes().decode("utf-16-le").rstrip("\0 ")
    except UnicodeDecodeError:
        raise ValueError("text that is not UTF-16") from None
