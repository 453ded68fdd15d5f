"""Random numbers for resampling: the raw bits of PCG64, which NumPy guarantees for all versions and machines.

NumPy gives no such guarantee for the distributions of ``numpy.random.Generator`` (NEP 19).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.basics.seeds import derive

IntArray = npt.NDArray[np.int64]


class Chance:
    """A stream of random choices.

    Args:
        seed: the same seed gives the same choices.
        words: the name of the stream; streams of one seed with different names are independent.
    """

    def __init__(self, seed: int, *words: str) -> None:
        self._bits = np.random.PCG64(derive(seed, *words))

    def picks(self, below: int, rows: int, columns: int) -> IntArray:
        """Return (rows, columns) int64 numbers from 0 to ``below - 1``, each as likely as 2**32 bits allow."""
        raw = self._bits.random_raw(rows * columns) >> np.uint64(32)
        return ((raw * np.uint64(below)) >> np.uint64(32)).astype(np.int64).reshape(rows, columns)
