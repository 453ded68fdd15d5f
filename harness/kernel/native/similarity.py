"""The canonical similarity of two rows, and a quick one in float32 that settles most doubts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner, inner_loose
from harness.kernel.native.prefetch import AHEAD, prefetch
from harness.kernel.native.tuples import Block, Features, UnitPairs

Array = Any

LANES = 32

SMALLEST, LARGEST = 1e-20, 1e30
"""Between these a float32 sum of products is only rounded; nothing overflows or vanishes to a degree that matters."""


@inner
def dot(a: Array, b: Array, acc: Array) -> float:
    """Return the inner product: term i goes to sum i modulo 32, then the sums are folded by halves."""
    for k in range(LANES):
        acc[k] = 0.0
    whole = a.shape[0] - a.shape[0] % LANES
    for start in range(0, whole, LANES):
        for k in range(LANES):
            acc[k] += np.float64(a[start + k]) * np.float64(b[start + k])
    for k in range(a.shape[0] - whole):
        acc[k] += np.float64(a[whole + k]) * np.float64(b[whole + k])
    return fold(acc)


@inner
def distance(a: Array, b: Array, acc: Array) -> float:
    """Return the squared distance, summed in the same order as ``dot``."""
    for k in range(LANES):
        acc[k] = 0.0
    whole = a.shape[0] - a.shape[0] % LANES
    for start in range(0, whole, LANES):
        for k in range(LANES):
            step = np.float64(a[start + k]) - np.float64(b[start + k])
            acc[k] += step * step
    for k in range(a.shape[0] - whole):
        step = np.float64(a[whole + k]) - np.float64(b[whole + k])
        acc[k] += step * step
    return fold(acc)


@inner
def fold(acc: Array) -> float:
    """Return the sum of the 32 sums: 16 and 16, 8 and 8, and so on."""
    width = LANES // 2
    while width > 0:
        for k in range(width):
            acc[k] += acc[k + width]
        width //= 2
    return float(acc[0])


@inner_loose
def quick_dot(a: Array, b: Array) -> np.float32:
    """Return the inner product, its terms rounded to float32 and added in the fastest order."""
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        total += np.float32(a[k] * b[k])
    return total


@inner_loose
def quick_distance(a: Array, b: Array) -> np.float32:
    """Return the squared distance, its steps rounded to float32 and added in the fastest order."""
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        # A mean is float64: rounded before it is subtracted, it would be wrong by its own size, not the distance's.
        step = np.float32(a[k] - b[k])
        total += step * step
    return total


@inner
def similarity(q: Array, g: Array, q_norm: float, g_norm: float, euclidean: bool, acc: Array) -> float:
    """Return the similarity of two rows whose squared norms are known."""
    if euclidean:
        return -distance(q, g, acc)
    if q_norm == 0.0 or g_norm == 0.0:
        return 0.0
    return dot(q, g, acc) / math.sqrt(q_norm * g_norm)


@inner
def quick_similarity(q: Array, g: Array, q_norm: float, g_norm: float, euclidean: bool) -> float:
    """Return the similarity to within 2^29 tolerances, or NaN if it may have left float32's range.

    With u = 2^-24, a term is wrong by 3 u of itself (a step, which is squared, and the square; stored rows are float32
    and means float64, whose own rounding is far below u), and the sum by (d - 1) u of the terms' magnitudes. So a
    squared distance is wrong by (d + 3) u of itself and a cosine by (d + 3) u, of (d + 32) u in 2^29 tolerances. Terms
    below float32's least normal number lose under 2^-126 each, at most d 2^-59 of a number above ``SMALLEST``.
    """
    if euclidean:
        square = float(quick_distance(q, g))
        return -square if SMALLEST < square < LARGEST else math.nan
    scale = math.sqrt(q_norm * g_norm)
    return float(quick_dot(q, g)) / scale if SMALLEST < scale < LARGEST else math.nan


@inner
def margin(a: float, b: float, euclidean: bool, tolerance: float) -> float:
    """Return the difference up to which two similarities tie."""
    return tolerance * max(-a, -b) if euclidean else tolerance


@compiled
def squared_norms(rows: Array, out: Array, acc: Array) -> None:
    """Write the inner product of each row with itself."""
    for i in range(rows.shape[0]):
        out[i] = dot(rows[i], rows[i], acc)


@compiled
def row_similarities(query: Array, rows: Array, euclidean: bool, out: Array, acc: Array) -> None:
    """Write the similarity of one query row and each of some gallery rows."""
    norm = dot(query, query, acc)
    for i in range(rows.shape[0]):
        out[i] = similarity(query, rows[i], norm, dot(rows[i], rows[i], acc), euclidean, acc)


@compiled
def unit_means(rows: Array, starts: Array, out: Array) -> None:
    """Write the float64 mean of the rows ``starts[u]:starts[u + 1]``, summed in their order."""
    for u in range(starts.shape[0] - 1):
        out[u] = 0.0
        for i in range(starts[u], starts[u + 1]):
            for k in range(rows.shape[1]):
                out[u, k] += np.float64(rows[i, k])
        for k in range(rows.shape[1]):
            out[u, k] /= starts[u + 1] - starts[u]


@compiled
def pair_similarities(
    queries: Features, block: Block, pairs: UnitPairs, euclidean: bool, out: Array, acc: Array
) -> None:
    """Write the similarity of each query row and unit of a block: the greatest over the unit's images."""
    rows, units, starts = pairs.rows, pairs.units, block.starts
    for p in range(rows.shape[0]):
        if p + AHEAD < rows.shape[0]:
            prefetch(block.rows, starts[units[p + AHEAD] - block.first])
        i, unit = rows[p], units[p] - block.first
        best = -np.inf
        for j in range(starts[unit], starts[unit + 1]):
            similar = similarity(queries.rows[i], block.rows[j], queries.norms[i], block.norms[j], euclidean, acc)
            best = max(best, similar)
        out[p] = best
