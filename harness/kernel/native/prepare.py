"""Rows as the first pass multiplies them, with the figures that its error bound needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import loose
from harness.kernel.native.tuples import Features, Rounded, RoundedWhole, RowFrame
from harness.kernel.native.whole import LENGTH, PANEL

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
def prepare_whole(
    features: Features, frame: RowFrame, out: RoundedWhole, first: int, words: bool, buffer: Array, packed: Array
) -> None:
    """Write rows as whole numbers, and the figures that the bounds need of each.

    Args:
        features: the rows.
        frame: how they are prepared.
        out: the prepared rows and their figures.
        first: number of the first row in the panels.
        words: whether the numbers to multiply have 16 bits, not 8.
        buffer: scratch, (d,) float32.
        packed: scratch, (k,) uint32.
    """
    rows, norms, centre, scale, sizes = features.rows, features.norms, frame.centre, frame.scale, out.sizes
    of_8, of_16 = packed.view(np.int8), packed.view(np.int16)
    packed[:] = 0
    for i in range(rows.shape[0]):
        factor = 1.0
        if not frame.euclidean:
            factor = 1.0 / np.sqrt(norms[i]) if norms[i] > 0.0 else 0.0
        greatest = np.float32(0.0)
        product = square = 0.0
        for k in range(rows.shape[1]):
            value = (np.float64(rows[i, k]) * factor - centre[k]) * scale
            buffer[k] = np.float32(value)
            greatest = max(greatest, abs(buffer[k]))
            product += value * centre[k]
            square += value * value
        byte = word = to_byte = to_word = np.float32(0.0)
        if greatest > np.float32(LEAST):
            byte, word = np.float32(greatest / np.float32(127.0)), np.float32(greatest / np.float32(32000.0))
            if words:
                word = max(word, np.float32(np.sqrt(square) / LENGTH))
            to_byte, to_word = np.float32(127.0) / greatest, np.float32(1.0) / word
        step = word if words else byte
        out.step[i] = step
        total = np.int32(0)
        if words:
            for k in range(rows.shape[1]):
                of_16[k] = np.int16(np.rint(buffer[k] * to_word))
        else:
            for k in range(rows.shape[1]):
                value8 = np.int8(np.rint(buffer[k] * to_byte))
                of_8[k] = value8
                total = np.int32(total + np.int32(value8))
        out.sums[i] = np.int32(-128 * total)
        residual = size = rest = finer = 0.0
        for k in range(rows.shape[1]):
            value = (np.float64(rows[i, k]) * factor - centre[k]) * scale
            rounded = np.float64(step) * np.float64(of_16[k] if words else of_8[k])
            residual += (value - rounded) * (value - rounded)
            size += rounded * rounded
        if out.panels.shape[0] > 0:
            panel, place = (first + i) // PANEL, (first + i) % PANEL
            lift = np.uint32(0) if words else np.uint32(0x80808080)
            for k in range(packed.shape[0]):
                out.panels[panel, k, place] = packed[k] ^ lift
        else:
            for k in range(packed.shape[0]):
                out.rows[i, k] = packed[k]
        if out.wide.shape[0] > 0:
            for k in range(rows.shape[1]):
                out.wide[i, k] = buffer[k]
        if out.words.shape[0] > 0:
            out.word[i] = word
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
