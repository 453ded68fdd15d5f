"""The pictures of a report: small JPEG copies of the images that it shows, as far as they are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from harness.basics.progress import progress
from harness.data.dataset import Dataset
from harness.data.pictures import decode, size_on_disk
from harness.errors import DataError

SIDE = 128
"""The longer side in pixels."""

QUALITY = 80

LEFT_OUT, MISSING, UNREADABLE = 0, -1, -2
"""In place of a picture's number: it was not chosen, its file is not there, or its file cannot be decoded."""

FOLDER = "pictures"


@dataclass
class Pictures:
    """The small copies in a report's folder.

    Attributes:
        dataset: where the images are.
        folder: the folder of the report.
        numbers: for each key the number of its copy, from 1, or ``MISSING`` or ``UNREADABLE``.
    """

    dataset: Dataset
    folder: Path
    numbers: dict[str, int] = field(default_factory=dict)
    copied: int = 0

    def of(self, key: str) -> int:
        """Return the number of a key's copy, or why there is none."""
        return self.numbers.get(key, LEFT_OUT)

    def count(self, state: int) -> int:
        """Return how many of the chosen images are ``MISSING`` or ``UNREADABLE``."""
        return sum(number == state for number in self.numbers.values())

    def copy(self, wanted: Sequence[Sequence[str]], most: int) -> None:
        """Copy the images of as many groups of keys as together need no more than ``most`` copies."""
        with progress("copying pictures") as advance:
            for done, keys in enumerate(wanted, 1):
                new = [key for key in dict.fromkeys(keys) if key not in self.numbers]
                if self.copied + len(new) > most:
                    break
                for key in new:
                    self.numbers[key] = self._copied(key)
                advance(done, len(wanted))

    def _copied(self, key: str) -> int:
        try:
            path = self.dataset.file(key)
        except DataError:
            return MISSING
        try:
            width, height = size_on_disk(path, self.dataset.formats)
            scale = min(1.0, SIDE / max(width, height))
            size = max(1, round(height * scale)), max(1, round(width * scale))
            pixels = decode(path, size, self.dataset.formats)
        except DataError:
            return UNREADABLE
        self.copied += 1
        place = self.folder / file_name(self.copied)
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(place, "JPEG", quality=QUALITY)
        return self.copied


def file_name(number: int) -> str:
    """Return the path of a copy in the folder of the report."""
    return f"{FOLDER}/{number:05d}.jpg"


def in_turns(orders: Iterable[Sequence[int]]) -> list[int]:
    """Return the first of each order, then the second of each, and so on, each number once.

    Example:
        >>> in_turns([[1, 2, 3], [3, 2, 1]])
        [1, 3, 2]
    """
    return list(dict.fromkeys(one for row in zip_longest(*orders) for one in row if one is not None))
