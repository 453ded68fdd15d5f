"""Galleries of several sizes: which images of a gallery each of them has, nested, seeded, and the same everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import UsageError

ALL = "all"
DOUBLINGS = 8
"""The sizes of a curve for which none are given: all images, half of them, and so on."""

MOST_SIZES, MOST_REPEATS = 50, 100
MOST_SUBSETS = 250
"""Sizes times repeats at most: each may add a group, which takes 16 bytes for each right answer."""


def read_sizes(words: str, images: int, *, what: str) -> tuple[int, ...]:
    """Return sizes in ascending order, each once.

    Args:
        words: numbers of images, shares with a point in them, and ``all``: ``1000,0.5,all``; empty for the default.
        images: how many there are.
        what: they are, for messages.

    Raises:
        UsageError: a word is no size, there are fewer images, or the sizes are too many.

    Example:
        >>> read_sizes("10,0.5,all", 40, what="distractors"), read_sizes("", 100, what="distractors")
        ((10, 20, 40), (1, 2, 3, 6, 12, 25, 50, 100))
    """
    if not words.strip():
        return tuple(sorted({max(images >> times, 1) for times in range(DOUBLINGS)}))
    found = {_size(word.strip(), images, what) for word in words.split(",")}
    if len(found) > MOST_SIZES:
        raise UsageError("too many sizes", found=len(found), expected=f"at most {MOST_SIZES}")
    return tuple(sorted(found))


def _size(word: str, images: int, what: str) -> int:
    if word == ALL:
        return images
    size = 0
    if word.isascii() and word.isdigit() and len(word) <= 15:
        size = int(word)
    elif word.isascii() and word.replace(".", "", 1).isdigit() and float(word) <= 1:
        size = round(float(word) * images)
    if size < 1:
        raise UsageError(
            "this is no size of a gallery",
            found=f"--sizes {word[:40]}",
            expected=f"a number of {what} from 1, a share of them such as 0.1, or 'all'",
        )
    if size > images:
        raise UsageError(
            f"there are not so many {what}",
            found=f"--sizes {word}",
            expected=f"at most {images:,}",
            next_step="leave this size out, or say 'all'",
        )
    return size


@dataclass(frozen=True, eq=False)
class Nested:
    """Subsets of n images: for each repeat one of each size, the smaller ones within the larger ones.

    All images stand in one order, which the seed and their keys decide. Each repeat starts at another place of it, the
    places as far apart as they can be, and takes as many images as the size says, behind the last the first again. So
    repeats of a size up to n / repeats share no image, and all repeats of size n have all images.

    Attributes:
        place: (n,) int64, each image's place in the order.
        sizes: ascending.
        repeats: at least 1.
    """

    place: IntArray
    sizes: tuple[int, ...]
    repeats: int

    @classmethod
    def of(cls, keys: Sequence[str], sizes: Sequence[int], *, repeats: int, seed: int) -> Nested:
        """Return the subsets of images with these keys; the order of the keys does not matter.

        Raises:
            UsageError: there are too many subsets.
        """
        if len(sizes) * repeats > MOST_SUBSETS:
            raise UsageError(
                "too many subsets for one pass",
                found=f"{len(sizes)} sizes with {repeats} repeats",
                expected=f"at most {MOST_SUBSETS} sizes times repeats",
                next_step="ask for fewer with --sizes or --repeats",
            )
        digests = [hashlib.sha256(f"{seed}/{key}".encode()).digest() for key in keys]
        place = np.empty(len(keys), dtype=np.int64)
        place[sorted(range(len(keys)), key=digests.__getitem__)] = np.arange(len(keys))
        return cls(place, tuple(sizes), repeats)

    @property
    def _starts(self) -> list[int]:
        return [repeat * len(self.place) // self.repeats for repeat in range(self.repeats)]

    @property
    def _edges(self) -> IntArray:
        ends = {(start + size) % len(self.place) for start in self._starts for size in self.sizes}
        return np.array(sorted({*self._starts, *ends}), dtype=np.int64)

    @property
    def buckets(self) -> IntArray:
        """(n,) int64 from 0: images with equal numbers are in the same subsets."""
        return np.searchsorted(self._edges, self.place, side="right") - 1

    def taken(self, repeat: int, size: int) -> npt.NDArray[np.bool_]:
        """Return for each bucket whether its images are in a subset: (b,) bool."""
        return (self._edges - self._starts[repeat]) % len(self.place) < size
