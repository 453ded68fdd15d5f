"""Random streams: their seeds, each derived from the run's seed and the stream's name, and whole numbers from them."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]

ONE = 1 << 16
"""The standard deviation of ``Chance.normal``, whose numbers are whole."""


def derive(seed: int, *words: str | int) -> int:
    """Return the seed of one stream, named by words such as ``"augment", stage, epoch, position``.

    It is an integer from 0 to 2**63 - 1, the same on every machine.

    Example:
        >>> derive(0, "network") == derive(0, "network") != derive(0, "network", 1)
        True
    """
    name = "\0".join(str(word) for word in (seed, *words)).encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest()) >> 1


@contextmanager
def generators_at(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch for the block, and give them back as they were.

    A third party's code draws from these; the harness itself never does.
    """
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - the generator that others' code uses
    opened = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch's
    gpus = range(torch.cuda.device_count()) if opened else ()
    with torch.random.fork_rng(gpus):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - as above
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002 - as above


class Chance:
    """A stream of random choices: the raw bits of PCG64, which NumPy guarantees for all versions and machines.

    NumPy gives no such guarantee for the distributions of ``numpy.random.Generator`` (NEP 19).

    Args:
        seed: the same seed gives the same choices.
        words: the name of the stream; streams of one seed with different names are independent.

    Example:
        >>> Chance(0, "rain", 3).between(1, 6) == Chance(0, "rain", 3).between(1, 6)
        True
    """

    def __init__(self, seed: int, *words: str | int) -> None:
        import numpy as np

        self._bits = np.random.PCG64(derive(seed, *words))

    def picks(self, below: int, rows: int, columns: int) -> IntArray:
        """Return (rows, columns) int64 numbers from 0 to ``below - 1``, each as likely as 2**32 bits allow."""
        import numpy as np

        raw = self._bits.random_raw(rows * columns) >> np.uint64(32)
        return ((raw * np.uint64(below)) >> np.uint64(32)).astype(np.int64).reshape(rows, columns)

    def between(self, least: int, most: int) -> int:
        """Return one whole number, both ends included."""
        return least + int(self.picks(most - least + 1, 1, 1)[0, 0])

    def normal(self, *shape: int) -> IntArray:
        """Return nearly normal whole numbers of mean 0 and standard deviation ``ONE``, int64.

        Each is the sum of twelve uniform numbers of 16 bits (Irwin and Hall): whole numbers, which no library rounds.
        """
        import numpy as np

        count = math.prod(shape)
        words = self._bits.random_raw(3 * count)
        total = np.zeros(3 * count, np.int64)
        for place in range(0, 64, 16):
            total += ((words >> np.uint64(place)) & np.uint64(0xFFFF)).astype(np.int64)
        found: IntArray = total.reshape(count, 3).sum(axis=1) - 6 * (ONE - 1)
        return found.reshape(shape)
