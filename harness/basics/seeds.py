"""Seeds of random streams, each derived from the run's seed and the stream's name."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager


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
