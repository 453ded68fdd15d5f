"""Units that answer by the mean of their images: exact sums of rows, and the distance of a row and a mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner, inner_loose
from harness.kernel.native.fold import LANES, fold

Array = Any


@inner
def error_of_sum(a: float, b: float, total: float) -> float:
    """Return what rounding took from ``total``, the float64 sum of a and b: a float64 too (Knuth's TwoSum)."""
    part = total - a
    return (a - (total - part)) + (b - part)


@compiled
def unit_sums(rows: Array, starts: Array, sums: Array, rests: Array, lost: Array) -> None:
    """Write the sum of the rows ``starts[u]:starts[u + 1]`` of each unit u, as the sum of two float64.

    Args:
        rows: (n, d) finite.
        starts: (units + 1,).
        sums: (units, d) the exact sums, rounded to float64.
        rests: (units, d) what this rounding took; the two are the exact sum.
        lost: (units, d) uint8: 1 where two float64 may not have held a sum underway, and both results are void.
    """
    for u in range(starts.shape[0] - 1):
        sums[u] = 0.0
        rests[u] = 0.0
        lost[u] = 0
        for i in range(starts[u], starts[u + 1]):
            for k in range(rows.shape[1]):
                value, high, low = np.float64(rows[i, k]), sums[u, k], rests[u, k]
                sums[u, k] = high + value
                error = error_of_sum(high, value, sums[u, k])
                rests[u, k] = low + error
                lost[u, k] |= np.uint8(error_of_sum(low, error, rests[u, k]) != 0.0)
        for k in range(rows.shape[1]):
            high, low = sums[u, k], rests[u, k]
            sums[u, k] = high + low
            rests[u, k] = error_of_sum(high, low, sums[u, k])


@inner
def mean_step(a: float, total: float, rest: float, images: float) -> float:
    """Return a number less a mean, times the images of the mean; see ``exact`` for its error."""
    return (images * a - total) - rest


@inner
def mean_distance(a: Array, sums: Array, rests: Array, images: float, acc: Array) -> float:
    """Return the squared distance of a row and a mean, summed in the same order as ``dot``."""
    for k in range(LANES):
        acc[k] = 0.0
    whole = a.shape[0] - a.shape[0] % LANES
    for start in range(0, whole, LANES):
        for k in range(LANES):
            step = mean_step(np.float64(a[start + k]), sums[start + k], rests[start + k], images)
            acc[k] += step * step
    for k in range(a.shape[0] - whole):
        step = mean_step(np.float64(a[whole + k]), sums[whole + k], rests[whole + k], images)
        acc[k] += step * step
    return fold(acc) / (images * images)


@inner_loose
def quick_mean_distance(a: Array, sums: Array, rests: Array, images: float) -> np.float32:
    """Return the squared distance of a row and a mean, times the square of the images, added in the fastest order."""
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        # A loose loop may add the rest to the sum, which loses it; so the step is in a function that is not loose.
        step = np.float32(mean_step(np.float64(a[k]), sums[k], rests[k], images))
        total += step * step
    return total
