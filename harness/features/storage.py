"""How the numbers of features are stored, and what the kernel ranks: the stored numbers, exactly.

float32 and float16 are ranked as they are; every float16 is a float32.

int8 has one scale for the whole file. A value is scale * integer; the kernel ranks the integers. One scale multiplies
all similarities of a file alike, so it moves no rank and makes no tie. A scale for each row would move the ranks of
Euclidean distances by its own rounding. Squared distances of integers are integers, so two distances tie if and only if
they are equal.

binary is one bit a number, packed, the first in the highest bit of a byte; spare bits of the last byte are 0. The
kernel ranks a bit as +1 or -1. Of d bits, h of which differ, the cosine is (d - 2 h) / d and the squared distance 4 h:
either metric ranks by the Hamming distance h, and two images tie if and only if theirs are equal. (A task that ranks
tracks by their mean features takes the means of +1 and -1.)
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import FeatureError
from harness.features.layout import Array, StoredKeys

DTYPES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "int8": np.dtype("i1"),
    "binary": np.dtype("u1"),
}
"""The type in the file by the word in records and on the command line."""

FLOATS = ("float32", "float16")

LARGEST_WIDTH = 1 << 24
"""Limit of the numbers a feature; no network comes near it."""


def int8_scale(greatest: float) -> float:
    """Return the scale of int8 at which the greatest magnitude is 127; 1 if all numbers are 0."""
    return greatest / 127 if greatest > 0 else 1.0


def note_of(word: str, width: int) -> str:
    """Return one sentence for readers of a result of features that are stored in that type, or an empty text."""
    notes = {
        "int8": "The features are int8; ranks are those of the stored integers, and their one scale moves none.",
        "binary": f"The features are {width} bits, ranked by their Hamming distance.",
    }
    return notes.get(word, "")


@dataclass(frozen=True)
class Storage:
    """How the features of one file are stored; see the module.

    Attributes:
        word: ``float32``, ``float16``, ``int8`` or ``binary``.
        width: numbers a feature, d.
        scale: of int8, more than 0; 1 for all others.

    Raises:
        FeatureError: an unknown word, no width, or an impossible scale.
    """

    word: str
    width: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.word not in DTYPES:
            raise FeatureError("features cannot be stored in this type", found=self.word, expected=" or ".join(DTYPES))
        if not 1 <= self.width <= LARGEST_WIDTH:
            raise FeatureError(
                "features have no width", found=self.width, expected=f"a width from 1 to {LARGEST_WIDTH}"
            )
        if not (math.isfinite(self.scale) and self.scale > 0) or (self.word != "int8" and self.scale != 1):
            raise FeatureError("features cannot have this scale", found=self.scale, expected="a number above 0")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers in the file."""
        return DTYPES[self.word]

    @property
    def ranked(self) -> np.dtype[Any]:
        """The type of the numbers that the kernel reads."""
        return self.dtype if self.word in FLOATS else DTYPES["float32"]

    @property
    def columns(self) -> int:
        """Numbers a row in the file; a byte holds eight bits."""
        return -(-self.width // 8) if self.word == "binary" else self.width

    @property
    def schema(self) -> int:
        """The schema of the file."""
        return 1 if self.word in FLOATS else 2

    @property
    def text(self) -> str:
        """The attribute ``storage`` of schema 2: ``int8 512 0x1.0p-7``, ``binary 512 0x1.0p+0``."""
        return f"{self.word} {self.width} {float(self.scale).hex()}"

    @classmethod
    def parse(cls, text: str) -> Storage:
        """Return the storage of a ``text``.

        Raises:
            ValueError: it is none; a FeatureError if a number in it is impossible.
        """
        word, width, scale = text.split(" ")
        found = cls(word, int(width), float.fromhex(scale))
        if found.text != text or found.schema == 1:
            raise ValueError(f"'{text}' is not how it would have been written")
        return found

    @property
    def note(self) -> str:
        """One sentence for readers of a result, empty for float32 and float16."""
        return note_of(self.word, self.width)

    def encode(self, values: Array) -> Array:
        """Return (n, d) numbers as the file stores them: rounded to its type, or the bits of those above 0."""
        if self.word == "binary":
            return np.packbits(values > 0, axis=1)
        if self.word == "int8":
            return np.clip(self._steps(values), -128, 127).astype(np.int8)
        with np.errstate(over="ignore"):
            return values.astype(self.dtype)

    def _steps(self, values: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.rint(values.astype(np.float64) / self.scale)

    def cut(self, values: Array) -> int:
        """Return how many of (n, d) numbers are beyond what int8 can say with this scale, and become its ends."""
        if self.word != "int8":
            return 0
        steps = self._steps(values)
        return int(((steps < -128) | (steps > 127)).sum())

    def decode(self, stored: Array) -> Array:
        """Return (n, d) numbers that the kernel ranks: the integers of int8, +1 and -1 for bits."""
        if self.word == "binary":
            bits = np.unpackbits(np.ascontiguousarray(stored), axis=1, count=self.width)
            return bits.astype(np.float32) * 2 - 1
        return stored.astype(np.float32) if self.word == "int8" else stored

    def digest(self, keys: StoredKeys, checksums: Array) -> str:
        """Return the digest of a file's keys and features, independent of their provenance."""
        about = f"{self.dtype.name}" if self.schema == 1 else self.text
        hasher = hashlib.sha256(f"{self.schema} {len(keys)} {self.width} {about}\n".encode())
        for piece in keys.with_lengths():
            hasher.update(piece)
        hasher.update(np.ascontiguousarray(checksums).tobytes())
        return hasher.hexdigest()
