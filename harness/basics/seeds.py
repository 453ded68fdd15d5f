"""Seeds of random streams, each derived from the run's seed and the stream's name."""

from __future__ import annotations

import hashlib


def derive(seed: int, *words: str | int) -> int:
    """Return the seed of one stream, named by words such as ``"augment", stage, epoch, position``.

    It is an integer from 0 to 2**63 - 1, the same on every machine.

    Example:
        >>> derive(0, "network") == derive(0, "network") != derive(0, "network", 1)
        True
    """
    name = "\0".join(str(word) for word in (seed, *words)).encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest()) >> 1
