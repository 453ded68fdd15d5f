"""Writing feature files row by row; a later process resumes the file of a killed one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from harness.basics.digests import canonical_json
from harness.basics.files import cannot_write, reserve, take_place
from harness.basics.leftovers import own_file
from harness.basics.locks import alone
from harness.errors import FeatureError, RunError, first_of, wanted
from harness.features.given import Keys, as_array, as_keys
from harness.features.inspection import check_layout
from harness.features.layout import (
    BLOCK,
    VERSIONS,
    Array,
    StoredKeys,
    blocks,
    checksum,
    encode_keys,
    text_digest,
)
from harness.features.places import without_folders
from harness.features.provenance import Provenance
from harness.features.storage import FLOATS, Storage, int8_scale

STRUCTURES = 64 << 10
"""Bytes for what HDF5 itself stores; at most 20,000 were seen."""

AT_ONCE = 16 * BLOCK
"""Rows that are converted at once, from an array that may be a mapped file."""


class FeatureWriter:
    """Writer of a feature file, which is named ``NAME.partial`` until it is complete.

    A later writer with the same keys, width, type and provenance resumes after the last complete block of 256 rows;
    ``done`` is the number of rows already written. One that is not ``resumable`` writes under a name of its own
    instead, and leaves nothing unless it ends.

    The keys are image paths as the protocol names them, as for
    ``write_features``; ``dtype`` is ``float32``, ``float16`` or a ``Storage``.

    Raises:
        FeatureError: keys, width or type cannot be stored.
        RunError: the file cannot be written, or another resumable writer is at work on it.

    Example:
        >>> with FeatureWriter(path, keys, 512, provenance) as writer:  # doctest: +SKIP
        ...     for rows in batches(keys[writer.done:]):
        ...         writer.write(embed(rows))
    """

    def __init__(
        self,
        path: str | Path,
        keys: Keys | StoredKeys,
        width: int,
        provenance: Provenance,
        dtype: str | Storage = "float32",
        *,
        resumable: bool = True,
    ) -> None:
        if isinstance(dtype, str) and dtype not in FLOATS:
            raise FeatureError("features cannot be stored in this type", found=dtype, expected=" or ".join(FLOATS))
        self._storage = dtype if isinstance(dtype, Storage) else Storage(dtype, width)
        self.path = Path(path)
        self.partial = self.path.with_name(self.path.name + ".partial")
        self.done = 0
        self._keys = stored_keys(keys)
        self._shape = (len(self._keys), self._storage.columns)
        self._dtype = self._storage.dtype
        self._provenance = np.bytes_(canonical_json(provenance.model_dump(mode="json")))
        self._block = np.empty((BLOCK, self._storage.columns), self._dtype)
        self._file: h5py.File
        self._resumable = resumable
        self._held = ExitStack()

    def __enter__(self) -> FeatureWriter:
        with ExitStack() as held:
            try:
                self._open(held)
            except (OSError, RuntimeError) as problem:
                raise _disk(self.partial, problem) from None
            self._held = held.pop_all()
        return self

    def _open(self, held: ExitStack) -> None:
        """Take the partial file for this writer alone, and open it."""
        if self._resumable:
            taken = RunError(
                "another process is writing this feature file",
                where=self.partial,
                next_step="wait until it has finished",
            )
            held.enter_context(alone(self.path.with_name(f".{self.path.name}.lock"), taken, passing=True))
        else:
            self.partial = held.enter_context(own_file(self.path))
        if not (self._resumable and self._resume()):
            self._reserve()
            self._start()

    def _reserve(self) -> None:
        """See whether there is room for the whole file; HDF5 crashes if it runs out of it while it closes a file."""
        numbers = self._shape[0] * self._shape[1] * self._dtype.itemsize
        size = (
            numbers
            + self._keys.encoded.nbytes
            + 32 * blocks(self._shape[0])
            + len(bytes(self._provenance))
            + STRUCTURES
        )
        try:
            with self.partial.open("wb") as file:
                reserve(file, size)
        except OSError as problem:
            with suppress(OSError):
                self.partial.unlink()
            raise cannot_write(self.partial, problem, needed=size) from None

    def _start(self) -> None:
        """Create the file with contiguous data sets of their final size, so that writing rows changes no metadata."""
        self._file = h5py.File(self.partial, "w", libver=VERSIONS, locking=False)
        self._file.attrs["schema"] = self._storage.schema
        if self._storage.schema > 1:
            self._file.attrs["storage"] = np.bytes_(self._storage.text)
        self._file.attrs["provenance"] = self._provenance
        self._file.attrs["provenance_digest"] = np.bytes_(text_digest(self._provenance.decode()))
        self._file.create_dataset("keys", data=self._keys.encoded)
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        self._file.create_dataset("features", self._shape, self._dtype, dcpl=early)
        self._file.create_dataset("checksums", data=np.zeros((blocks(len(self._keys)), 32), np.uint8))
        self._file.flush()
        with self.partial.open("r+b") as file:  # HDF5 has emptied it, and left holes where rows will be
            reserve(file, self.partial.stat().st_size)

    def _resume(self) -> bool:
        """Open the partial file of an earlier writer and count its complete blocks."""
        if not self.partial.exists():
            return False
        try:
            self._file = h5py.File(self.partial, "r+", libver=VERSIONS, locking=False)
            same = (
                check_layout(self.partial, self._file) == self._storage
                and self._file.attrs["provenance"] == self._provenance
                and self._file["features"].shape == self._shape
                and np.array_equal(self._file["keys"][:], self._keys.encoded)
            )
            if same:
                self.done = self._whole_rows()
                return True
            self._file.close()
        except (FeatureError, OSError, KeyError, ValueError, RuntimeError, TypeError):
            with suppress(AttributeError, OSError, RuntimeError):
                self._file.close()
        self.partial.unlink(missing_ok=True)
        return False

    def _whole_rows(self) -> int:
        sums = self._file["checksums"][:]
        for number, stored in enumerate(sums):
            rows = self._file["features"][number * BLOCK : (number + 1) * BLOCK]
            if not np.array_equal(checksum(rows), stored):
                return number * BLOCK
        return int(self._shape[0])

    def write(self, features: npt.ArrayLike) -> None:
        """Append (m, d) finite rows, rounded to the file's type.

        Raises:
            FeatureError: another width, more rows than keys, or a number that is not finite in the file's type.
            RunError: the file cannot be written; earlier rows are kept.
        """
        array, keys = self._fitting(as_array(features)), self._keys.encoded[self.done :]
        for part in _parts(array):
            if not _finite(part, self._storage).all():
                wrong = np.flatnonzero(~np.concatenate([_finite(rows, self._storage) for rows in _parts(array)]))
                raise FeatureError(
                    f"{len(wrong)} features are not finite in {self._storage.word}",
                    found=first_of(keys[row].decode() for row in wrong),
                    next_step="check the method for a division by zero or an overflow",
                )
            self.write_stored(self._storage.encode(part))

    def _fitting(self, array: Array) -> Array:
        """Return rows that the file has room for."""
        left = self._shape[0] - self.done
        if array.ndim != 2 or array.shape[1] != self._storage.width or len(array) > left:
            raise FeatureError(
                "features do not match the file",
                found=array.shape,
                expected=f"at most {left} rows of {self._storage.width} numbers",
            )
        return array

    def write_stored(self, rows: Array) -> None:
        """Append (m, columns) rows that are as the file stores them.

        Raises:
            RunError: as ``write``.
        """
        try:
            while len(rows):
                start = self.done % BLOCK
                part, rows = rows[: BLOCK - start], rows[BLOCK - start :]
                self._block[start : start + len(part)] = part
                self._file["features"][self.done : self.done + len(part)] = part
                self.done += len(part)
                if self.done % BLOCK == 0 or self.done == self._shape[0]:
                    number = (self.done - 1) // BLOCK
                    self._file["checksums"][number] = checksum(self._block[: start + len(part)])
                    self._file.flush()
        except (OSError, RuntimeError) as problem:
            raise _disk(self.partial, problem) from None

    def __exit__(self, kind: type[BaseException] | None, *_raised: object) -> None:
        with self._held:
            self._end(kind)

    def _end(self, kind: type[BaseException] | None) -> None:
        """Close the file, and give it its name if it is complete."""
        try:
            if kind is None and self.done == self._shape[0]:
                sums = self._file["checksums"][:]
                digest = self._storage.digest(self._keys, sums)
                self._file.attrs["digest"] = np.bytes_(digest)
                self._file.close()
                self._read_back(digest)
                take_place(self.partial, self.path)
                return
            self._file.close()
        except (OSError, RuntimeError, KeyError) as problem:
            if kind is None:
                raise _disk(self.partial, problem) from None
        if kind is None:
            raise FeatureError(
                "features are missing at the end", where=self.partial, found=self.done, expected=self._shape[0]
            )

    def _read_back(self, digest: str) -> None:
        """Raise an OSError unless the closed file has its digest: h5py ignores some failures while it closes."""
        with h5py.File(self.partial, "r", locking=False) as file:
            if bytes(file.attrs["digest"]).decode() != digest:
                raise OSError("the end of the file was not written")


def write_features(
    path: str | Path,
    keys: Keys,
    features: npt.ArrayLike,
    *,
    dataset: str,
    method: str,
    dtype: str = "float32",
    scale: float | None = None,
    **provenance: Any,
) -> Path:
    """Write features that were computed elsewhere.

    Args:
        path: the file; an existing one is replaced in one step.
        keys: n image paths, as the protocol names them, in the order of the features: texts, paths or UTF-8 bytes.
        features: (n, d) finite numbers, stored as ``dtype``: an array, a table, a list of rows, or a tensor of any
            device, layout and float type, with or without a gradient.
        dataset: the protocol's name.
        method: name shown in tables.
        dtype: ``float32``, ``float16``, or ``int8``, of which the nearest integers to ``number / scale`` are stored.
        scale: of int8, one for the whole file; None to have the greatest magnitude at 127, and 1 for numbers that are
            int8 already. Files of one scale can be compared, as distractors are with a test.
        provenance: further fields of ``Provenance``: ``variant``, ``options``, ``seed``, ``metric``, ... With
            ``mirrored=True`` the keys are those of the pictures, and ``mirrored:`` before each for its mirror image.

    Raises:
        FeatureError: keys and features differ in number, a feature is not finite, a key is no text, the keys are one
            text or a set, or the type or its scale is none.
        RunError: the file cannot be written.

    Example:
        >>> write_features("f.h5", ["a.jpg"], [[1.0, 2.0]], dataset="veri776", method="mine").name  # doctest: +SKIP
        'f.h5'
    """
    named, array = stored_keys(keys), as_array(features)
    if array.ndim != 2 or len(array) != len(named):
        raise FeatureError("features do not match the keys", found=array.shape, expected=f"({len(named)}, d)")
    for field in ("options", "changes"):
        if field in provenance:
            provenance[field] = without_folders(provenance[field])
    try:
        about = Provenance(dataset=dataset, method=method, **provenance)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise FeatureError(
            f"the provenance of the features is invalid: {field}", found=first.get("input"), expected=wanted(first)
        ) from None
    storage = Storage(dtype, array.shape[1], _scale(array, scale)) if dtype == "int8" or scale is not None else dtype
    with FeatureWriter(path, named, array.shape[1], about, storage, resumable=False) as writer:
        writer.write(array)
    return Path(path)


def _scale(array: Array, given: object) -> float:
    """Return the scale of int8 that is given, or that fits the numbers."""
    if given is None:
        if array.dtype == np.int8:
            return 1.0
        wide = (part.astype(np.float64) for part in _parts(array))  # what is not finite is refused where it is written
        return int8_scale(
            max((float(np.abs(rows).max(initial=0, where=np.isfinite(rows))) for rows in wide), default=0)
        )
    if isinstance(given, bool) or not isinstance(given, int | float | np.floating | np.integer):
        raise FeatureError("features cannot have this scale", found=repr(given), expected="a number above 0")
    return float(given)


def stored_keys(keys: Keys | StoredKeys) -> StoredKeys:
    """Return keys as they are stored; an array of bytes is taken as it is, without a text for each.

    Raises:
        FeatureError: as ``as_keys`` and ``encode_keys``.
    """
    if isinstance(keys, StoredKeys):
        return keys
    if not (isinstance(keys, np.ndarray) and keys.ndim == 1 and keys.dtype.kind == "S" and len(keys)):
        return StoredKeys(encode_keys(as_keys(keys)))
    stored = StoredKeys(keys)
    try:
        stored.refuse()
    except UnicodeDecodeError as problem:
        raise FeatureError("a key is not text", found=repr(problem.object)) from None
    return stored


def _parts(array: Array) -> Iterator[Array]:
    """Yield the rows of an array that may be larger than memory, some at a time."""
    return (array[first : first + AT_ONCE] for first in range(0, len(array), AT_ONCE))


def _finite(rows: Array, storage: Storage) -> Array:
    """Return for each of (m, d) rows whether its numbers are finite, as floats of a file also once they are stored."""
    return np.asarray(np.isfinite(storage.encode(rows) if storage.word in FLOATS else rows).all(axis=1))


def _disk(path: Path, problem: Exception) -> RunError:
    return cannot_write(path, problem if isinstance(problem, OSError) else OSError(str(problem)))
