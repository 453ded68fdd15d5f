"""What a file of another program holds: numbers and texts by name, and the limits within which they are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import FeatureError, first_of

Array = npt.NDArray[Any]

LARGEST = 4 << 30
"""Limit in bytes of all numbers that are read into memory; a .npy is mapped instead, and may be larger."""

PACKED = 32
"""How many times its size a file may unpack to, besides what any may; features hardly get smaller by packing."""

MOST_NAMES = 1000
"""Limit of the arrays and lists in one file."""

LONGEST_TEXT = 4096
"""Limit of a text in characters."""

AS_NPY = "save the features as .npy, which is not read into memory as a whole"


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds that can be features, keys or labels.

    Attributes:
        path: the file.
        arrays: numbers (float, integer or bool) by name, of any shape; one without a name has the name "".
        texts: lists of texts by name.
        unusable: what cannot be used, by name, and why in a few words.
        decimal: whether the numbers were decimal text, whose digits say nothing of a type.
    """

    path: Path
    arrays: Mapping[str, Array] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    decimal: bool = False

    def listed(self) -> str:
        """Return everything in the file in one line: ``query_f (1678, 512) float32, names: 13257 texts``."""
        rows = [f"{name or 'an array'} {array.shape} {array.dtype}" for name, array in sorted(self.arrays.items())]
        rows += [f"{name}: {len(words)} texts" for name, words in sorted(self.texts.items())]
        rows += [f"{name or 'an array'}: {why}" for name, why in sorted(self.unusable.items())]
        return first_of(rows, 20) or "nothing"


def sorted_out(path: Path, found: Mapping[str, Array]) -> Contents:
    """Return arrays as contents: numbers of any shape, lists of texts, and the others with why they are unusable."""
    arrays: dict[str, Array] = {}
    texts: dict[str, tuple[str, ...]] = {}
    unusable: dict[str, str] = {}
    for name, array in found.items():
        if array.dtype.kind in "fiub":
            arrays[name] = array
        elif array.dtype.kind in "US" and array.ndim == 1:
            try:
                texts[name] = tuple(text.decode() if isinstance(text, bytes) else text for text in array.tolist())
            except UnicodeDecodeError:
                unusable[name] = "text that is not UTF-8"
        else:
            unusable[name] = "texts of several axes" if array.dtype.kind in "US" else f"values of type {array.dtype}"
    return Contents(path, arrays, texts, unusable)


def refuse_size(path: Path, size: int, name: str = "") -> None:
    """Raise a FeatureError if numbers of that many bytes are not to be read into memory."""
    if size > LARGEST:
        raise FeatureError(
            "the file says that it holds more than is read into memory",
            where=f"{path}: {name}" if name else path,
            found=f"{size} bytes",
            expected=f"at most {LARGEST} bytes",
            next_step=AS_NPY,
        )


def refuse_number(path: Path, names: int) -> None:
    """Raise a FeatureError if a file holds too many arrays and lists."""
    if names > MOST_NAMES:
        raise FeatureError("the file holds too many arrays", where=path, found=names, expected=f"at most {MOST_NAMES}")


def bytes_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the size of an array in bytes, without overflow."""
    return math.prod(map(int, shape)) * dtype.itemsize


def unreadable(path: Path, kind: str, problem: object, *, instead: str | None = None) -> FeatureError:
    """Return the error for a file that is not of its format, or damaged."""
    words = " ".join(str(problem).split())[:200]
    return FeatureError(f"the file cannot be read as {kind}", where=path, found=words or None, next_step=instead)
