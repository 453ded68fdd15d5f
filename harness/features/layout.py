"""The contents of a feature file in schemas 1 and 2.

Attributes: ``schema``, and as fixed-length texts ``provenance`` (canonical JSON), ``provenance_digest``, and ``digest``
once the file is complete. Data sets, all contiguous and without filters: ``keys`` (n,) fixed-length UTF-8;
``features`` (n, d) little-endian float32 or float16; ``checksums`` (ceil(n / 256), 32) uint8, the SHA-256 of each block
of 256 rows, zero for blocks that are not written yet.

Schema 2 has one more attribute, ``storage`` (see ``storage``), and ``features`` of int8 or of packed bits. Files of
float32 and float16 are written in schema 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import FeatureError, first_of

SCHEMAS = (1, 2)
"""The first for float32 and float16, the second for int8 and binary features."""

VERSIONS = ("v108", "v108")
"""Version of HDF5's own structures: the first with checksums. A flipped bit in older ones can make the library loop or
crash, and newer ones cannot be opened again after the writing process was killed."""

BLOCK = 256
"""Rows per checksum; part of the schema, because the digest covers the checksums."""

LONGEST_KEY = 1024
"""Limit of a key in bytes."""

PORTION = 65_536
"""Keys that are looked at together."""

Array = npt.NDArray[Any]


def encode_keys(keys: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Return keys as fixed-length UTF-8.

    Raises:
        FeatureError: there is no key, or a key is repeated, empty, too long, or contains a NUL or half a character.
    """
    if not len(keys):
        raise FeatureError("a feature file needs at least one image")
    parts = [_encoded(keys[first : first + PORTION]) for first in range(0, len(keys), PORTION)]
    encoded = np.concatenate(parts)
    StoredKeys(encoded).refuse_repeated()
    return encoded


def _encoded(keys: Sequence[str]) -> npt.NDArray[np.bytes_]:
    try:
        encoded = [key.encode() for key in keys]
    except UnicodeEncodeError as problem:
        raise FeatureError("a key is not text", found=repr(problem.object)) from None
    for stored in encoded:
        if not 0 < len(stored) <= LONGEST_KEY or b"\0" in stored:
            raise _cannot_be_stored(stored)
    return np.array(encoded, dtype=np.bytes_)


def _cannot_be_stored(key: bytes) -> FeatureError:
    return FeatureError("a key cannot be stored", found=repr(key[:80]), expected=f"1 to {LONGEST_KEY} bytes, no NUL")


class StoredKeys:
    """The keys of a file as it stores them: one array in place of ten million texts, which take gigabytes.

    Args:
        encoded: (n,) fixed-length UTF-8.
    """

    def __init__(self, encoded: npt.NDArray[np.bytes_]) -> None:
        self.encoded = np.ascontiguousarray(encoded)

    def __len__(self) -> int:
        return len(self.encoded)

    def texts(self, first: int = 0, last: int | None = None) -> tuple[str, ...]:
        """Return the keys from ``first`` to ``last - 1`` as texts."""
        return tuple(key.decode() for key in self.encoded[first:last].tolist())

    @cached_property
    def order(self) -> npt.NDArray[np.int64] | None:
        """(n,) the rows in the order of their keys, which is that of their texts too; None if they have it already."""
        if all((part[:-1] < part[1:]).all() for part in self._portions(None, overlap=1)):
            return None
        return np.argsort(self.encoded)

    def portions(self, *, ordered: bool = False) -> Iterator[npt.NDArray[np.bytes_]]:
        """Yield all keys, some thousands at a time, in the file's order or in their own."""
        return self._portions(self.order if ordered else None)

    def _portions(self, order: npt.NDArray[np.int64] | None, overlap: int = 0) -> Iterator[npt.NDArray[np.bytes_]]:
        """Yield portions that have the first ``overlap`` keys of the next ones too."""
        for first in range(0, len(self), PORTION):
            rows = slice(first, first + PORTION + overlap)
            yield self.encoded[rows] if order is None else self.encoded[order[rows]]

    def refuse(self) -> None:
        """Refuse keys that no writer has stored.

        Raises:
            FeatureError: a key is repeated or empty, or contains a NUL.
            UnicodeDecodeError: a key is not UTF-8.
        """
        for portion in self.portions():
            letters = _letters(portion)
            wrong = (letters[:, 0] == 0) | ((letters[:, :-1] == 0) & (letters[:, 1:] != 0)).any(axis=1)
            wrong |= np.char.str_len(portion) > LONGEST_KEY
            if wrong.any():
                raise _cannot_be_stored(bytes(portion[int(np.argmax(wrong))]))
            for key in portion[(letters > 127).any(axis=1)].tolist():
                key.decode()
        self.refuse_repeated()

    def repeated(self) -> list[str]:
        """Return the keys that occur more than once, each once."""
        if self.order is None:
            return []
        twice = [
            key.decode()
            for portion in self._portions(self.order, overlap=1)
            for key in portion[1:][portion[1:] == portion[:-1]].tolist()
        ]
        return list(dict.fromkeys(twice))

    def refuse_repeated(self) -> None:
        """Raise a FeatureError if a key is repeated."""
        twice = self.repeated()
        if twice:
            raise FeatureError("a key is repeated", found=first_of(twice))

    def with_lengths(self) -> Iterator[bytes]:
        """Yield every key behind its length in four bytes, little-endian, many in one piece."""
        for portion in self.portions():
            letters, sizes = _letters(portion), np.char.str_len(portion).astype("<u4")
            table = np.concatenate([sizes[:, None].view(np.uint8), letters], axis=1)
            yield table[np.arange(table.shape[1]) < 4 + sizes[:, None]].tobytes()

    def sorted_lines(self) -> Iterator[bytes]:
        """Yield every key and a line feed behind it, in the order of the keys, many in one piece."""
        for portion in self.portions(ordered=True):
            sizes = np.char.str_len(portion)
            table = np.pad(_letters(portion), ((0, 0), (0, 1)))
            table[np.arange(len(portion)), sizes] = ord("\n")
            yield table[np.arange(table.shape[1]) <= sizes[:, None]].tobytes()


def _letters(keys: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint8]:
    """Return the bytes of (n,) keys as (n, longest); what a shorter key lacks is 0."""
    return np.ascontiguousarray(keys).view(np.uint8).reshape(len(keys), keys.dtype.itemsize)


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def blocks(rows: int) -> int:
    """Return the number of checksums for a number of rows."""
    return -(-rows // BLOCK)


def checksum(block: Array) -> Array:
    """Return the SHA-256 of up to 256 rows as (32,) uint8."""
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(block).tobytes()).digest(), dtype=np.uint8)
