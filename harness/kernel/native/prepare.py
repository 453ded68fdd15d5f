"""Rows as the first pass multiplies them, with the figures that its error bound needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import loose
from harness.kernel.native.tuples import Features, Rounded, RowFrame

Array = Any


@loose
def prepare(features: Features, frame: RowFrame, out: Rounded, buffer: Array, bits: Array) -> None:
    """Write the rows as the first pass multiplies them, and the figures that the bounds need of each.

    Args:
        features: the rows.
        frame: how they are prepared.
        out: the prepared rows and their figures.
        buffer: scratch, (d,) float32.
        bits: the same memory as uint32.
    """
    rows, norms, centre, scale, sizes = features.rows, features.norms, frame.centre, frame.scale, out.sizes
    for i in range(rows.shape[0]):
        factor = 1.0
        if not frame.euclidean:
            factor = 1.0 / np.sqrt(norms[i]) if norms[i] > 0.0 else 0.0
        for k in range(rows.shape[1]):
            buffer[k] = np.float32((np.float64(rows[i, k]) * factor - centre[k]) * scale)
        if out.half:
            for k in range(rows.shape[1]):
                word = bits[k]
                bits[k] = (word + np.uint32(0x7FFF) + ((word >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
                out.narrow[i, k] = np.uint16(bits[k] >> np.uint32(16))
        else:
            for k in range(rows.shape[1]):
                out.wide[i, k] = buffer[k]
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
