"""Checks of an untrusted feature file before its numbers are used: links, layout, types, sizes and texts."""

from __future__ import annotations

import shlex
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from harness.basics.plain_json import read_json
from harness.errors import FeatureError, first_of, wanted
from harness.features.layout import LONGEST_KEY, SCHEMAS, StoredKeys, blocks, text_digest
from harness.features.provenance import Provenance
from harness.features.storage import DTYPES, FLOATS, Storage

MOST_AT_ONCE = 1 << 30
"""Limit in bytes of what is read as a whole: the keys of ten million images of 100 letters."""

LONGEST_PROVENANCE = 1 << 20
"""Limit of the provenance in characters."""


def check_layout(path: Path, file: h5py.File) -> Storage:
    """Return how the numbers are stored, before any contents are read.

    Raises:
        FeatureError: the file has another layout or a newer schema.
    """
    schema = file.attrs["schema"] if _kind(file, "schema") is h5py.h5t.TypeIntegerID else None
    if schema is None:
        raise foreign(path, "an HDF5 file of another program")
    if schema > max(SCHEMAS):
        raise FeatureError(
            "the feature file has a newer schema",
            where=path,
            found=int(schema),
            expected=f"at most {max(SCHEMAS)}",
            next_step="update vehicle-reid-bench",
        )
    if schema not in SCHEMAS:
        raise damaged(path, f"its schema is {int(schema)}")
    names = {"keys", "features", "checksums"}
    if set(file) != names:
        raise damaged(path, f"it holds {first_of(sorted(file))}, not {first_of(sorted(names))}")
    for name in sorted(names):
        _check_part(path, file, name)
    storage = _storage(path, file, int(schema))
    shape = file["features"].shape
    rows = len(file["keys"])
    if shape != (rows, storage.columns) or not all(shape) or file["checksums"].shape != (blocks(rows), 32):
        raise damaged(path, f"its parts do not match: {rows} keys, features {shape}")
    return storage


def _storage(path: Path, file: h5py.File, schema: int) -> Storage:
    """Return how the numbers are stored: from the data set's type in schema 1, from the attribute in schema 2."""
    dtype, width = file["features"].dtype, file["features"].shape[-1]
    text = attribute(path, file, "storage", 100) if schema > 1 else ""
    try:
        if schema == 1:
            return Storage(next(word for word in FLOATS if DTYPES[word] == dtype), width)
        storage = Storage.parse(text)
        if storage.dtype == dtype:
            return storage
    except (StopIteration, ValueError, OverflowError):
        pass
    except FeatureError as problem:
        raise damaged(path, f"{problem.what}: {problem.found}") from None
    raise damaged(path, f"'features' has type {dtype}, which its schema {schema} does not describe")


def _check_part(path: Path, file: h5py.File, name: str) -> None:
    """Refuse links, storage outside the file, filters and unexpected types."""
    try:
        found = plain_dataset(path, file, name, None if name == "features" else MOST_AT_ONCE)
    except ValueError as problem:
        raise damaged(path, str(problem)) from None
    rank = {"keys": 1, "features": 2, "checksums": 2}[name]
    dtype = found.dtype
    fits = {
        "keys": dtype.kind == "S" and 0 < dtype.itemsize <= LONGEST_KEY and h5py.check_string_dtype(dtype) is not None,
        "features": dtype in DTYPES.values(),
        "checksums": dtype == np.uint8,
    }[name]
    if found.ndim != rank or not fits:
        raise damaged(path, f"'{name}' has type {dtype} and shape {found.shape}")


def plain_dataset(path: Path, file: h5py.File, name: str, most: int | None = None) -> h5py.Dataset:
    """Return an HDF5 data set that is in the file itself, contiguous and without filters, or raise a ValueError.

    One that is read as a whole has at most ``most`` bytes.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is a link")
    found = file[name]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"'{name}' is not a data set")
    stored = found.id.get_create_plist()
    if stored.get_external_count() or stored.get_layout() != h5py.h5d.CONTIGUOUS or stored.get_nfilters():
        raise ValueError(f"'{name}' is compressed, chunked or stored outside the file")
    if found.id.get_storage_size() != found.nbytes or found.nbytes > path.stat().st_size:
        raise ValueError(f"'{name}' claims {found.nbytes} bytes, more than the file has")
    if most is not None and found.nbytes > most:  # a file with holes has more bytes than its disk
        raise ValueError(f"'{name}' has {found.nbytes:,} bytes, more than the {most:,} that are read at once")
    return found


def _kind(file: h5py.File, name: str) -> type[h5py.h5t.TypeID] | None:
    """Return the class of a scalar attribute's type, or None if there is no such attribute.

    The value is not read: a variable-length text is stored in a heap without a checksum, which can make HDF5 loop.
    """
    if name not in file.attrs:
        return None
    found = h5py.h5a.open(file.id, name.encode())
    if found.shape != ():
        return None
    kind = found.get_type()
    return None if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str() else type(kind)


def attribute(path: Path, file: h5py.File, name: str, longest: int) -> str:
    """Return a fixed-length text attribute, or raise a FeatureError if it is missing or too long."""
    value = file.attrs[name] if _kind(file, name) is h5py.h5t.TypeStringID else None
    if not isinstance(value, bytes) or not value.isascii() or len(value) > longest:
        raise damaged(path, f"its attribute '{name}' is not a text of at most {longest} characters")
    return value.decode("ascii")


def checked_keys(path: Path, encoded: npt.NDArray[np.bytes_]) -> StoredKeys:
    """Return the keys of a file, or raise a FeatureError if the harness could not have written them."""
    keys = StoredKeys(encoded)
    try:
        keys.refuse()
    except UnicodeDecodeError:
        raise damaged(path, "a key is not UTF-8") from None
    except FeatureError as problem:
        raise damaged(path, f"{problem.what}: {problem.found}") from None
    return keys


def read_provenance(path: Path, file: h5py.File) -> Provenance:
    """Return the provenance, or raise a FeatureError if it does not match its digest or has unknown fields."""
    stored = attribute(path, file, "provenance", LONGEST_PROVENANCE)
    if text_digest(stored) != attribute(path, file, "provenance_digest", 64):
        raise damaged(path, "its provenance does not match its digest")
    try:
        return Provenance.model_validate(read_json(stored))
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(map(str, first["loc"]))[:80]
        raise damaged(path, f"its provenance cannot be read: {field}: {wanted(first)}") from None
    except ValueError as problem:
        raise damaged(path, f"its provenance cannot be read: {problem}") from None


def foreign(path: Path, what: str, given: str = "--protocol NAME --data DIR") -> FeatureError:
    """Return the error for a file of features that another program wrote.

    Args:
        path: the file.
        what: it is, in words.
        given: the options of protocol and data set in the command that imports the file.
    """
    unnamed = path.suffix.lower() == ".npy"
    names = " --keys names.txt" if unnamed else ""
    how = " (names.txt has the image of each row, one a line; or give --order query,gallery instead)" if unnamed else ""
    return FeatureError(
        "this is not a feature file",
        where=path,
        found=what,
        expected="an HDF5 file written by bench",
        next_step=f"make one of it{how}: bench features import {shlex.quote(str(path))}{names} {given} --method NAME "
        "--out features.h5",
    )


def damaged(path: Path, found: str) -> FeatureError:
    """Return the error for a file whose contents have changed."""
    return FeatureError(
        "the feature file is damaged", where=path, found=found, next_step="copy it again, or extract again"
    )
