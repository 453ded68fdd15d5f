"""Reading untrusted feature files: layout and checksums are verified before any number is used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from harness.basics.reading import check_regular
from harness.errors import FeatureError, first_of
from harness.features.given import Keys, as_keys
from harness.features.inspection import attribute, check_layout, checked_keys, damaged, read_provenance
from harness.features.kinds import refuse_foreign
from harness.features.layout import BLOCK, Array, blocks, checksum


class FeatureFile:
    """A feature file opened with ``FeatureFile.open``; each block of rows is verified when it is first read.

    Attributes:
        path: the path of the file.
        stored_keys: n image paths as the file stores them.
        provenance: the provenance of the features.
        digest: the digest of keys and features, 64 hexadecimal digits.
        storage: how the numbers are stored.
        shape: (n, d).
        dtype: float32 or float16, the type of the numbers as they are read and ranked.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self.storage = check_layout(path, file)
        if "digest" not in file.attrs:
            raise FeatureError(
                "the feature file is not complete", where=path, next_step="run the same extraction again"
            )
        self._features = file["features"]
        self._sums: Array = file["checksums"][:]
        self.shape: tuple[int, int] = (len(self._features), self.storage.width)
        self.dtype: np.dtype[Any] = self.storage.ranked
        self.stored_keys = checked_keys(path, file["keys"][:])
        self.provenance = read_provenance(path, file)
        self.digest = self.storage.digest(self.stored_keys, self._sums)
        if self.digest != attribute(path, file, "digest", 64):
            raise damaged(path, "its digest does not match its keys and checksums")
        self._checked = np.zeros(len(self._sums), np.bool_)

    @classmethod
    def open(cls, path: str | Path) -> FeatureFile:
        """Open a file for reading, as a context manager or until ``close``.

        Raises:
            FeatureError: the file is missing, damaged, incomplete, or differs from the schema in ``layout``.
        """
        path = Path(path)
        if path.exists() and not path.is_dir():
            check_regular(path, "the feature file", error=FeatureError)
        if not path.is_file():
            partial = path.with_name(path.name + ".partial")
            raise FeatureError(
                "the feature file is missing",
                where=path,
                found=f"{partial.name}, which is incomplete" if partial.is_file() else None,
                next_step="run the same extraction again to resume it" if partial.is_file() else None,
            )
        try:
            file = h5py.File(path, "r", locking=False)  # it changes no more, and some drives refuse locks
        except OSError as problem:
            refuse_foreign(path)
            raise damaged(path, str(problem)) from None
        try:
            return cls(path, file)
        except FeatureError:
            file.close()
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
            file.close()
            raise damaged(path, str(problem)) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> FeatureFile:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The n image paths as texts, in the file's order."""
        return self.stored_keys.texts()

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.keys)}

    def require(self, keys: Keys) -> npt.NDArray[np.int64]:
        """Return the (n,) row numbers of some keys.

        Raises:
            FeatureError: some keys have no feature, or are no keys: one text, a set, numbers.
        """
        keys = as_keys(keys)
        rows = list(map(self._row_of.get, keys))
        if None in rows:
            raise self._lacking([key for key, row in zip(keys, rows, strict=True) if row is None], len(keys))
        return np.array(rows, dtype=np.int64)

    def has(self, keys: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return (n,) which of some keys have a feature."""
        return np.fromiter((key in self._row_of for key in keys), np.bool_, len(keys))

    def _lacking(self, missing: Sequence[str], wanted: int) -> FeatureError:
        """Return the error for images without a feature, with two keys of the file beside two that are wanted."""
        known = set(missing)
        own = [key for key in self.keys if key not in known]
        error = FeatureError(
            f"{len(missing)} of {wanted} images have no feature",
            where=self.path,
            found=f"no feature for {first_of(missing, 2)}; the file has {first_of(own, 2)}",
            expected=f"a feature for every image; the file was written for '{self.provenance.dataset}'",
            next_step="name the protocol and the data set that the features belong to, or leave these images out "
            "with --skip-missing (the result is then not official)",
        )
        if len(missing) == wanted and _stems(missing) & _stems(own):
            error.next_step = (
                f"the keys differ in their folders or suffixes only: match them with 'bench features import "
                f"{self.path.name} --protocol NAME --data DIR --method NAME --out matched.h5'"
            )
        return error

    def rows(self, keys: Keys) -> FeatureRows:
        """Return the features of some keys as an array that is read when sliced.

        Raises:
            FeatureError: as ``require``.
        """
        return FeatureRows(self, self.require(keys))

    @property
    def all_rows(self) -> FeatureRows:
        """All features in the file's order as an array that is read when sliced."""
        return FeatureRows(self, range(len(self)))

    def read(self, keys: Keys | None = None) -> Array:
        """Return the (n, d) features of some keys in their order, or of all keys.

        Raises:
            FeatureError: as ``require``; or a block does not match its checksum, or a number is not finite.
        """
        return self.between(0, len(self)) if keys is None else self.rows(keys)[:]

    def between(self, start: int, stop: int) -> Array:
        """Return rows ``start`` to ``stop - 1`` as they are ranked, verified."""
        return self.storage.decode(self.stored(start, stop))

    def stored(self, start: int, stop: int) -> Array:
        """Return rows ``start`` to ``stop - 1`` as the file stores them, verified."""
        first, last = start // BLOCK, blocks(stop)
        if self._checked[first:last].all():
            return self._read(start, stop)
        whole = self._read(first * BLOCK, min(last * BLOCK, len(self)))
        for number in range(first, last):
            if not self._checked[number]:
                self._check(number, whole[(number - first) * BLOCK : (number - first + 1) * BLOCK])
        return whole[start - first * BLOCK : stop - first * BLOCK]

    def _read(self, start: int, stop: int) -> Array:
        try:
            rows: Array = self._features[start:stop]
        except (OSError, RuntimeError) as problem:
            raise damaged(self.path, str(problem)) from None
        return rows

    def _check(self, number: int, rows: Array) -> None:
        if not np.array_equal(checksum(rows), self._sums[number]):
            raise damaged(
                self.path, f"rows {number * BLOCK} to {number * BLOCK + len(rows) - 1} do not match their checksum"
            )
        if not _all_finite(rows):
            raise self._not_finite()
        self._checked[number] = True

    def _not_finite(self) -> FeatureError:
        """Return the error that counts all rows with NaN or infinity and names the first ones."""
        wrong: list[int] = []
        for start in range(0, len(self), 64 * BLOCK):
            rows = self._read(start, min(start + 64 * BLOCK, len(self)))
            wrong += (start + np.flatnonzero(~np.isfinite(rows).all(axis=1))).tolist()
        return FeatureError(
            f"{len(wrong)} features are not finite",
            where=self.path,
            found=first_of(self.stored_keys.texts(row, row + 1)[0] for row in wrong),
            next_step="check the method that wrote them for a division by zero or an overflow",
        )


class FeatureRows:
    """Selected rows of a feature file in a given order, with the shape, dtype and slicing that the kernel uses."""

    def __init__(self, file: FeatureFile, index: npt.NDArray[np.int64] | range) -> None:
        self._file = file
        self._index = index
        self.shape = (len(index), file.shape[1])
        self.dtype = file.dtype

    @property
    def digest(self) -> str:
        """The SHA-256 of the file's stored digest and of the rows that are selected, as 64 hexadecimal digits."""
        return hashlib.sha256(self._file.digest.encode() + np.asarray(self._index, "<i8").tobytes()).hexdigest()

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, numbers: npt.NDArray[np.int64]) -> FeatureRows:
        """Return some of these rows, in the order of their numbers."""
        index = self._index
        return FeatureRows(self._file, numbers + index.start if isinstance(index, range) else index[numbers])

    def __getitem__(self, rows: slice) -> Array:
        """Read the (m, d) features of a slice, checked."""
        index = self._index[rows]
        if not len(index):
            return np.empty((0, self.shape[1]), self.dtype)
        first, last = int(index[0]), int(index[-1])
        if isinstance(index, range) or (last - first + 1 == len(index) and (np.diff(index) == 1).all()):
            return self._file.between(first, last + 1)
        gathered = np.empty((len(index), self.shape[1]), self.dtype)
        order = np.argsort(index, kind="stable")
        number = index[order] // BLOCK
        for part in np.split(order, np.flatnonzero(np.diff(number)) + 1):
            start = int(index[part[0]]) // BLOCK * BLOCK
            block = self._file.between(start, min(start + BLOCK, len(self._file)))
            gathered[part] = block[index[part] - start]
        return gathered


def _all_finite(rows: Array) -> bool:
    """Say whether all numbers are finite; of float16 by their bits, since NumPy takes 17 times as long."""
    if rows.dtype == np.float16:
        return bool(((rows.view(np.uint16) & 0x7C00) != 0x7C00).all())
    return bool(np.isfinite(rows).all())


def _stems(keys: Sequence[str]) -> set[str]:
    return {PurePosixPath(key.replace("\\", "/")).stem for key in keys}
