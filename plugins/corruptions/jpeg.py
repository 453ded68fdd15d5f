"""Compression by JPEG, computed here in whole numbers, since encoders round differently from version to version.

Only what loses information is computed: colours, subsampling, cosine transform and quantisation. Coding is lossless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from harness.basics.seeds import Chance
from harness.corruptions.corruption import Corruption, Pixels, Scene
from plugins.corruptions.filters import WHOLE, Plane, enlarge, quotient, shrink

LUMA = """
16 11 10 16 24 40 51 61    12 12 14 19 26 58 60 55    14 13 16 24 40 57 69 56    14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
CHROMA = """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
"""The steps of quantisation in tables K.1 and K.2 of ITU-T T.81, row by row."""

COSINES = (8192, 8035, 7568, 6811, 5793, 4551, 3135, 1598)
"""cos(k π / 16) for k from 0 to 7, times 8192."""


def _cosine(k: int) -> int:
    """Return cos(k π / 16) times 8192, for any whole number."""
    k %= 32
    k = min(k, 32 - k)
    return COSINES[k] if k < 8 else 0 if k == 8 else -COSINES[16 - k]


BASIS = np.array([[_cosine((2 * x + 1) * u) if u else COSINES[4] for x in range(8)] for u in range(8)], np.int64)
"""The cosine transform of eight values, times 16384: row u has the weights of frequency u."""


class Jpeg(Corruption):
    """What JPEG of some ``quality`` leaves of a picture, with colours at half the size."""

    source = "ITU-T T.81, annexes A and K, with the scale of quality of the IJG; ImageNet-C's qualities"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"quality": 25},
        {"quality": 18},
        {"quality": 15},
        {"quality": 10},
        {"quality": 7},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:  # noqa: ARG002 - nothing is random
        """Return the picture after compression."""
        height, width = scene.pixels.shape[:2]
        edges = [(0, -height % 16), (0, -width % 16), (0, 0)]
        red, green, blue = np.moveaxis(np.pad(scene.pixels.astype(np.int64), edges, mode="edge"), 2, 0)
        luma = quotient(299 * red + 587 * green + 114 * blue, 1000)
        small = (len(luma) // 2, luma.shape[1] // 2)
        chroma = [
            shrink(quotient((colour - luma) * 1000, scale), small) for colour, scale in ((blue, 1772), (red, 1402))
        ]
        luma = lossy(luma - 128, _steps(LUMA, level["quality"])) + 128
        low, high = (enlarge(lossy(plane, _steps(CHROMA, level["quality"])) * WHOLE, luma.shape) for plane in chroma)
        unit = 1000 * WHOLE
        colours = [
            quotient(luma * unit + 1402 * high, unit),
            quotient(luma * unit - 344 * low - 714 * high, unit),
            quotient(luma * unit + 1772 * low, unit),
        ]
        whole = np.stack(colours, axis=2)[:height, :width]
        return np.clip(whole, 0, 255).astype(np.uint8)


def lossy(values: Plane, steps: Plane) -> Plane:
    """Return a plane after the transform and quantisation of its blocks of 8 by 8.

    Args:
        values: (height, width) int64, multiples of eight.
        steps: (8, 8) int64.
    """
    rows, columns = values.shape[0] // 8, values.shape[1] // 8
    blocks = values.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
    found = np.matmul(np.matmul(BASIS, blocks), BASIS.T)
    unit = 16384**2
    kept = quotient(found, unit * steps) * steps
    back = quotient(np.matmul(np.matmul(BASIS.T, kept), BASIS), unit)
    return back.transpose(0, 2, 1, 3).reshape(values.shape)


def _steps(table: str, quality: int) -> Plane:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    steps = np.array(table.split(), np.int64).reshape(8, 8)
    return np.clip((steps * scale + 50) // 100, 1, 255)
