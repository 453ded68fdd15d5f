"""Rows as the first pass multiplies them, with the figures that its error bound needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import loose
from harness.kernel.native.tuples import Features, Rounded, RoundedBytes, RowFrame

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


LEAST = 1e-30
"""A row whose greatest number is below is all zeros in bytes and words: what these stand for would leave float32."""


@loose
def prepare_bytes(
    features: Features, frame: RowFrame, out: RoundedBytes, first: int, buffer: Array, four: Array
) -> None:
    """Write rows as bytes and more finely, and the figures that the bounds need of each.

    Args:
        features: the rows.
        frame: how they are prepared.
        out: the prepared rows and their figures.
        first: number of the first row in the panels.
        buffer: scratch, (d,) float32.
        four: scratch, (k / 4,) uint32.
    """
    rows, norms, centre, scale, sizes = features.rows, features.norms, frame.centre, frame.scale, out.sizes
    bytes_of = four.view(np.int8)
    bytes_of[:] = 0
    for i in range(rows.shape[0]):
        factor = 1.0
        if not frame.euclidean:
            factor = 1.0 / np.sqrt(norms[i]) if norms[i] > 0.0 else 0.0
        greatest = np.float32(0.0)
        for k in range(rows.shape[1]):
            buffer[k] = np.float32((np.float64(rows[i, k]) * factor - centre[k]) * scale)
            greatest = max(greatest, abs(buffer[k]))
        byte = word = to_byte = to_word = np.float32(0.0)
        if greatest > np.float32(LEAST):
            byte, word = np.float32(greatest / np.float32(127.0)), np.float32(greatest / np.float32(32000.0))
            to_byte, to_word = np.float32(127.0) / greatest, np.float32(32000.0) / greatest
        out.byte[i], out.word[i] = byte, word
        total = np.int32(0)
        for k in range(rows.shape[1]):
            value = np.int8(np.rint(buffer[k] * to_byte))
            bytes_of[k] = value
            total = np.int32(total + np.int32(value))
        out.sums[i] = np.int32(-128 * total)
        residual = size = product = square = rest = finer = 0.0
        for k in range(rows.shape[1]):
            value = (np.float64(rows[i, k]) * factor - centre[k]) * scale
            rounded = np.float64(byte) * np.float64(bytes_of[k])
            residual += (value - rounded) * (value - rounded)
            size += rounded * rounded
            product += value * centre[k]
            square += value * value
        if out.wide.shape[0] > 0:
            for k in range(rows.shape[1]):
                out.wide[i, k] = buffer[k]
            for k in range(bytes_of.shape[0]):
                out.rows[i, k] = bytes_of[k]
        else:
            panel, place = (first + i) // 64, (first + i) % 64
            for k in range(four.shape[0]):
                out.panels[panel, k, place] = four[k] ^ np.uint32(0x80808080)
            for k in range(rows.shape[1]):
                number = np.int16(np.rint(buffer[k] * to_word))
                out.words[i, k] = number
                value = (np.float64(rows[i, k]) * factor - centre[k]) * scale
                rounded = np.float64(word) * np.float64(number)
                rest += (value - rounded) * (value - rounded)
                finer += rounded * rounded
        sizes[i, 0] = np.sqrt(residual)
        sizes[i, 1] = np.sqrt(size)
        sizes[i, 2] = product
        sizes[i, 3] = square
        sizes[i, 4] = np.sqrt(rest)
        sizes[i, 5] = np.sqrt(finer)
