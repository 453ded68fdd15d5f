"""Random draws of one image per vehicle, independent of machine and library versions."""

from __future__ import annotations

import hashlib

import numpy as np

from harness.data.images import ImageTable, IntArray

DEFINITION = "of each vehicle, the image with the least SHA-256 of '<seed>/<vehicle>/<path>' in UTF-8"
"""The draw in words; part of the fingerprint of every task with draws."""


def one_of_each(table: ImageTable, seeds: range) -> list[IntArray]:
    """Return the rows of one image per vehicle, (v,) int64 and ascending, for each seed.

    The draw follows ``DEFINITION``: it is independent of random generators, other vehicles and the order of rows.
    """
    vehicles = table.vehicle.tolist()
    names = [f"/{vehicle}/{path}".encode() for vehicle, path in zip(vehicles, table.paths, strict=True)]
    drawn = []
    for seed in seeds:
        prefix = hashlib.sha256(str(seed).encode())
        least: dict[int, tuple[bytes, int]] = {}
        for row, (vehicle, name) in enumerate(zip(vehicles, names, strict=True)):
            hasher = prefix.copy()
            hasher.update(name)
            candidate = (hasher.digest(), row)
            if vehicle not in least or candidate < least[vehicle]:
                least[vehicle] = candidate
        drawn.append(np.array(sorted(row for _, row in least.values()), dtype=np.int64))
    return drawn
