"""Weighted means of features, the arithmetic that expansion and augmentation share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.kernel.memory import aligned
from harness.kernel.native.fold import LANES
from harness.kernel.native.similarity import squared_norms
from harness.steps.sets import FeatureArray, FeatureSets, FloatArray, Side

ROWS = 256
"""Images whose means are computed at once."""


def lengths(rows: npt.NDArray[np.floating]) -> FloatArray:
    """Return the (n,) float64 lengths of some rows, summed in the kernel's one order."""
    squares = np.empty(len(rows))
    squared_norms(rows, squares, aligned(LANES))
    return np.sqrt(squares)


def scales(rows: npt.NDArray[np.floating], *, cosine: bool) -> FloatArray:
    """Return what each row is multiplied by before it is added to others: 1 / length under cosine, else 1.

    A row of zeros stays one.
    """
    if not cosine:
        return np.ones(len(rows))
    sizes = lengths(rows)
    return np.divide(1.0, sizes, out=np.zeros(len(rows)), where=sizes > 0)


def stored(rows: FloatArray, *, cosine: bool) -> FeatureArray:
    """Return (n, d) float64 rows as features: under cosine their directions, else as they are."""
    scaled = rows * scales(rows, cosine=True)[:, None] if cosine else rows
    return np.ascontiguousarray(scaled, dtype=np.float32)


def mix(sets: FeatureSets, side: Side, units: IntArray, weights: FloatArray, own: float = 1.0) -> FeatureArray:
    """Return for each image of one side the weighted mean of itself and some gallery images.

    Under cosine, directions are added and the result is a direction. Terms are added in the order of the list, the
    image itself first, in float64, so that the digits depend on nothing but the features.

    Args:
        sets: the features.
        side: the images to change.
        units: (n, k) rows of the gallery.
        weights: (n, k) float64, their weights, not negative.
        own: the weight of the image itself, above 0.

    Returns:
        (n, d) float32.
    """
    cosine = sets.metric == "cosine"
    gallery = sets.rows("gallery")
    rows = gallery if side == "gallery" else sets.rows("query")
    gallery_scales, row_scales = scales(gallery, cosine=cosine), scales(rows, cosine=cosine)
    shares, total = weights * gallery_scales[units], own + weights.sum(axis=1)
    mixed = np.empty_like(rows)
    for first in range(0, len(rows), ROWS):
        part = slice(first, first + ROWS)
        acc = rows[part] * (own * row_scales[part])[:, None]
        for place in range(units.shape[1]):
            acc += gallery[units[part, place]] * shares[part, place, None]
        mixed[part] = stored(acc / total[part, None], cosine=cosine)
    return mixed
