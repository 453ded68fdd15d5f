"""One row of scores: from the products to the units that may be counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, loose

Array = Any

BLANK = np.float32(-1e38)
"""The score of a unit that is no negative."""

LOWEST = -4e37
"""Every score lies above it."""

HIGHEST = 3e38


@loose
def read_row(wide: Array, narrow: Array, half: bool, i: int, bias: Array, out: Array) -> None:
    """Write row i of the products less the bias, as float32 scores."""
    if half:
        bits = out.view(np.uint32)
        for j in range(bias.shape[0]):
            bits[j] = np.uint32(narrow[i, j]) << np.uint32(16)
        for j in range(bias.shape[0]):
            out[j] -= bias[j]
    else:
        for j in range(bias.shape[0]):
            out[j] = wide[i, j] - bias[j]


@compiled
def group_row(row: Array, starts: Array) -> None:
    """Reduce a row of images to a row of units, in place: each the greatest of its images."""
    for u in range(starts.shape[0] - 1):
        best = row[starts[u]]
        for j in range(starts[u] + 1, starts[u + 1]):
            best = max(best, row[j])
        row[u] = best


@compiled
def blank(row: Array, listed: Array, first: int) -> None:
    """Blank the listed units; the row's first is unit ``first``, the list is ascending."""
    for place in range(np.searchsorted(listed, first), listed.shape[0]):
        if listed[place] - first >= row.shape[0]:
            return
        row[listed[place] - first] = BLANK


@loose
def greatest(row: Array) -> np.float32:
    """Return the greatest score."""
    best: np.float32 = row[0]
    for j in range(1, row.shape[0]):
        best = row[j] if row[j] > best else best
    return best


@compiled
def count_within(row: Array, low: float, high: float) -> tuple[np.int32, np.int32]:
    """Return how many scores lie above ``high``, and how many at ``low`` or above."""
    above = np.int32(0)
    reaching = np.int32(0)
    for j in range(row.shape[0]):
        above += np.int32(row[j] > high)
        reaching += np.int32(row[j] >= low)
    return above, reaching


@compiled
def flag_within(row: Array, low: float, high: float, flags: Array) -> None:
    """Flag the units whose score lies from ``low`` to ``high``."""
    for u in range(row.shape[0]):
        flags[u] |= np.uint8(row[u] >= low) & np.uint8(row[u] <= high)
