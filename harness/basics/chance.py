"""Random numbers that are the same on every machine: the raw bits of PCG64, which NumPy guarantees for all versions.

NumPy gives no such guarantee for the distributions of ``numpy.random.Generator`` (NEP 19).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.basics.seeds import derive

IntArray = npt.NDArray[np.int64]

ONE = 1 << 16
"""The standard deviation of the normal numbers, which are whole."""


class Chance:
    """A stream of random choices.

    Args:
        seed: the same seed gives the same choices.
        words: the name of the stream; streams of one seed with different names are independent.

    Example:
        >>> Chance(0, "rain", 3).between(1, 6) == Chance(0, "rain", 3).between(1, 6)
        True
    """

    def __init__(self, seed: int, *words: str | int) -> None:
        self._bits = np.random.PCG64(derive(seed, *words))

    def picks(self, below: int, rows: int, columns: int) -> IntArray:
        """Return (rows, columns) int64 numbers from 0 to ``below - 1``, each as likely as 2**32 bits allow."""
        raw = self._bits.random_raw(rows * columns) >> np.uint64(32)
        return ((raw * np.uint64(below)) >> np.uint64(32)).astype(np.int64).reshape(rows, columns)

    def between(self, least: int, most: int) -> int:
        """Return one whole number, both ends included."""
        return least + int(self.picks(most - least + 1, 1, 1)[0, 0])

    def normal(self, *shape: int) -> IntArray:
        """Return nearly normal whole numbers of mean 0 and standard deviation ``ONE``, int64.

        Each is the sum of twelve uniform numbers of 16 bits (Irwin and Hall): whole numbers, which no library rounds.
        """
        count = math.prod(shape)
        words = self._bits.random_raw(3 * count)
        total = np.zeros(3 * count, np.int64)
        for place in range(0, 64, 16):
            total += ((words >> np.uint64(place)) & np.uint64(0xFFFF)).astype(np.int64)
        found: IntArray = total.reshape(count, 3).sum(axis=1) - 6 * (ONE - 1)
        return found.reshape(shape)
