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
from collections import Counter
from collections.abc import Sequence
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

Array = npt.NDArray[Any]


def encode_keys(keys: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Return keys as fixed-length UTF-8.

    Raises:
        FeatureError: there is no key, or a key is repeated, empty, too long, or contains a NUL or half a character.
    """
    if not len(keys):
        raise FeatureError("a feature file needs at least one image")
    if len(set(keys)) < len(keys):
        twice = [key for key, count in Counter(keys).items() if count > 1]
        raise FeatureError("a key is repeated", found=first_of(twice))
    try:
        encoded = [key.encode() for key in keys]
    except UnicodeEncodeError as problem:
        raise FeatureError("a key is not text", found=repr(problem.object)) from None
    for stored in encoded:
        if not 0 < len(stored) <= LONGEST_KEY or b"\0" in stored:
            raise FeatureError(
                "a key cannot be stored", found=repr(stored[:80]), expected=f"1 to {LONGEST_KEY} bytes, no NUL"
            )
    return np.array(encoded, dtype=np.bytes_)


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def blocks(rows: int) -> int:
    """Return the number of checksums for a number of rows."""
    return -(-rows // BLOCK)


def checksum(block: Array) -> Array:
    """Return the SHA-256 of up to 256 rows as (32,) uint8."""
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(block).tobytes()).digest(), dtype=np.uint8)
