"""The canonical similarity of two rows, and a quick one in float32 that settles most doubts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner, inner_loose
from harness.kernel.native.fold import LANES, fold
from harness.kernel.native.means import mean_distance, quick_mean_distance
from harness.kernel.native.prefetch import AHEAD, prefetch
from harness.kernel.native.tuples import Block, Features, Query, UnitPairs

Array = Any

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
def block_similarity(query: Query, block: Block, row: int, euclidean: bool, acc: Array) -> float:
    """Return the similarity of a query and a row of a block, which may be a sum that stands for a mean."""
    means = block.means
    if euclidean and means.images.shape[0] > 0:
        return -mean_distance(query.row, block.rows[row], means.rests[row], means.images[row], acc)
    return similarity(query.row, block.rows[row], query.norm, block.norms[row], euclidean, acc)


@inner
def quick_similarity(query: Query, block: Block, row: int, euclidean: bool) -> float:
    """Return the similarity to within 2^29 tolerances, or NaN if it may have left float32's range.

    With u = 2^-24, a term is wrong by 3 u of itself (a step, which is squared, and the square; stored rows are float32,
    and a step to a mean is float64, whose own rounding is far below u), and the sum by (d - 1) u of the terms'
    magnitudes. So a squared distance is wrong by (d + 3) u of itself and a cosine by (d + 3) u, of (d + 32) u in 2^29
    tolerances. Terms below float32's least normal number lose under 2^-126 each, at most d 2^-59 of a number above
    ``SMALLEST``.
    """
    means = block.means
    if euclidean:
        images = 1.0
        if means.images.shape[0] > 0:
            images = means.images[row]
            square = float(quick_mean_distance(query.row, block.rows[row], means.rests[row], images))
        else:
            square = float(quick_distance(query.row, block.rows[row]))
        return -square / (images * images) if SMALLEST < square < LARGEST else math.nan
    scale = math.sqrt(query.norm * block.norms[row])
    return float(quick_dot(query.row, block.rows[row])) / scale if SMALLEST < scale < LARGEST else math.nan


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
def pair_similarities(
    queries: Features, block: Block, pairs: UnitPairs, euclidean: bool, out: Array, acc: Array
) -> None:
    """Write the similarity of each query row and unit of a block: the greatest over the unit's images."""
    rows, units, starts = pairs.rows, pairs.units, block.starts
    for p in range(rows.shape[0]):
        if p + AHEAD < rows.shape[0]:
            prefetch(block.rows, starts[units[p + AHEAD] - block.first])
        query, unit = Query(queries.rows[rows[p]], queries.norms[rows[p]]), units[p] - block.first
        best = -np.inf
        for j in range(starts[unit], starts[unit + 1]):
            best = max(best, block_similarity(query, block, j, euclidean, acc))
        out[p] = best
