"""Rows as the first pass multiplies them, with the figures that its error bound needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import loose

Array = Any


@loose
def prepare(
    rows: Array,
    norms: Array,
    centre: Array,
    euclidean: bool,
    scale: float,
    half: bool,
    wide: Array,
    narrow: Array,
    sizes: Array,
    buffer: Array,
    bits: Array,
) -> None:
    """Write the rows as the first pass multiplies them, and what the bounds need to know of each.

    Args:
        rows: (n, d) features.
        norms: (n,) squared norms.
        centre: (d,) float64, taken from the normalised rows (cosine) or from the rows as they are.
        euclidean: the metric.
        scale: a power of two that brings the rows to a length of about one; 1 for cosine.
        half: whether to write bfloat16 to ``narrow`` (as uint16) or float32 to ``wide``.
        wide: (n, d) float32, one row where it is not the target.
        narrow: (n, d) uint16, one row where it is not the target.
        sizes: (n, 4): norm of the rounding residual, norm of the rounded row, product with the centre, squared norm.
        buffer: scratch, (d,) float32.
        bits: the same memory as uint32.
    """
    for i in range(rows.shape[0]):
        factor = 1.0
        if not euclidean:
            factor = 1.0 / np.sqrt(norms[i]) if norms[i] > 0.0 else 0.0
        for k in range(rows.shape[1]):
            buffer[k] = np.float32((np.float64(rows[i, k]) * factor - centre[k]) * scale)
        if half:
            for k in range(rows.shape[1]):
                word = bits[k]
                bits[k] = (word + np.uint32(0x7FFF) + ((word >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
                narrow[i, k] = np.uint16(bits[k] >> np.uint32(16))
        else:
            for k in range(rows.shape[1]):
                wide[i, k] = buffer[k]
        residual = size = product = square = 0.0
        for k in range(rows.shape[1]):
            value = (np.float64(rows[i, k]) * factor - centre[k]) * scale
            rounded = np.float64(buffer[k])
            residual += (value - rounded) * (value - rounded)
            size += rounded * rounded
            product += value * centre[k]
            square += value * value
        sizes[i, 0] = np.sqrt(residual)
        sizes[i, 1] = np.sqrt(size)
        sizes[i, 2] = product
        sizes[i, 3] = square
