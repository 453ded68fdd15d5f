"""Rows as the first pass multiplies them, with the figures that its error bound needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.kernel.native.compiled import inner_loose, loose
from harness.kernel.native.tuples import Features, Floats
from harness.kernel.native.whole import LENGTH, PANEL

Array = Any


class RowFrame(NamedTuple):
    """How rows are prepared.

    Attributes:
        centre: (d,) float64, taken from the normalised rows (cosine) or from the rows as they are.
        scale: a power of two that brings the rows to a length of about one; 1 for cosine.
        euclidean: the metric.
    """

    centre: Floats
    scale: float
    euclidean: bool


class Rounded(NamedTuple):
    """Prepared rows.

    Attributes:
        wide: (n, d) float32, (0, d) if they are bfloat16.
        narrow: (n, d) bfloat16 as uint16, (0, d) if they are float32.
        half: whether they are bfloat16.
        sizes: (n, 4): norm of the rounding residual, norm of the rounded row, product with the centre, squared norm.
    """

    wide: npt.NDArray[np.float32]
    narrow: npt.NDArray[np.uint16]
    half: bool
    sizes: Floats


class RoundedWhole(NamedTuple):
    """Rows prepared as bytes or as words of 16 bits: those of queries, or those of a gallery; see ``multiply``.

    Attributes:
        rows: (n, k) uint32 of queries, (0, k) of a gallery.
        panels: (panels, k, 64) uint32 of a whole gallery, (0, k, 64) of queries.
        step: (n,) float32, what a number of one stands for.
        sums: (n,) int32, minus 128 times the sum of the bytes; 0 for words.
        wide: (n, d) float32 of queries that are multiplied as bytes, for second looks; else (0, d).
        words: (n, d) int16 of a gallery likewise; else (0, d).
        word: (n,) float32, what one of these stands for; else (0,).
        sizes: (n, 6): norm of the residual, norm of the rounded row, product with the centre, squared norm, and of the
            words for second looks the norms of what they leave of the row in float32 and of the rounded row.
    """

    rows: npt.NDArray[np.uint32]
    panels: npt.NDArray[np.uint32]
    step: npt.NDArray[np.float32]
    sums: npt.NDArray[np.int32]
    wide: npt.NDArray[np.float32]
    words: npt.NDArray[np.int16]
    word: npt.NDArray[np.float32]
    sizes: Floats


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


@inner_loose
def write_numbers(row: Array, to_one: np.float32, words: bool, of_8: Array, of_16: Array) -> int:
    """Write a prepared row as whole numbers of 8 or 16 bits, and return the sum of those of 8."""
    total = np.int32(0)
    if words:
        for k in range(row.shape[0]):
            of_16[k] = np.int16(np.rint(row[k] * to_one))
    else:
        for k in range(row.shape[0]):
            number = np.int8(np.rint(row[k] * to_one))
            of_8[k] = number
            total = np.int32(total + np.int32(number))
    return int(total)


@inner_loose
def write_packed(packed: Array, words: bool, out: RoundedWhole, i: int, image: int) -> None:
    """Write a row to the panels, as that of an image, or if there are none to row i of the queries."""
    if out.panels.shape[0] > 0:
        panel, place = image // PANEL, image % PANEL
        lift = np.uint32(0) if words else np.uint32(0x80808080)
        for k in range(packed.shape[0]):
            out.panels[panel, k, place] = packed[k] ^ lift
    else:
        for k in range(packed.shape[0]):
            out.rows[i, k] = packed[k]


@inner_loose
def write_words(row: Array, to_word: np.float32, out: RoundedWhole, i: int) -> None:
    """Write a prepared row as words for second looks, and the norms of their residual and of the rounded row."""
    rest = finer = 0.0
    for k in range(row.shape[0]):
        number = np.int16(np.rint(row[k] * to_word))
        out.words[i, k] = number
        rounded = np.float64(out.word[i]) * np.float64(number)
        rest += (np.float64(row[k]) - rounded) * (np.float64(row[k]) - rounded)
        finer += rounded * rounded
    out.sizes[i, 4] = np.sqrt(rest)
    out.sizes[i, 5] = np.sqrt(finer)


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
        out.sums[i] = -128 * write_numbers(buffer, to_word if words else to_byte, words, of_8, of_16)
        residual = size = 0.0
        for k in range(rows.shape[1]):
            value = (np.float64(rows[i, k]) * factor - centre[k]) * scale
            rounded = np.float64(step) * np.float64(of_16[k] if words else of_8[k])
            residual += (value - rounded) * (value - rounded)
            size += rounded * rounded
        write_packed(packed, words, out, i, first + i)
        if out.wide.shape[0] > 0:
            for k in range(rows.shape[1]):
                out.wide[i, k] = buffer[k]
        if out.words.shape[0] > 0:
            out.word[i] = word
            write_words(buffer, to_word, out, i)
        sizes[i, 0] = np.sqrt(residual)
        sizes[i, 1] = np.sqrt(size)
        sizes[i, 2] = product
        sizes[i, 3] = square
