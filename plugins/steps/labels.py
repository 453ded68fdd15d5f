"""Steps by labels that every camera system knows: what camera saw an image, and to which track it belongs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import FeatureSets, Step
from harness.data.images import IntArray
from harness.postprocessing.mixing import scales, stored
from harness.steps.sets import FloatArray


class CameraMean(Step):
    """Subtracts from each image the mean of all images of its camera, queries and gallery together."""

    about = "normalisation per camera: each camera's mean is subtracted"
    source = (
        "Zhuang et al., Rethinking the Distribution Gap of Person Re-identification with Camera-based Batch "
        "Normalization, ECCV 2020, whose statistics of each test camera this applies to finished features"
    )
    needs = frozenset({"camera"})
    undefined = frozenset({"draws"})

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with features less their camera's mean."""
        cosine = sets.metric == "cosine"
        rows = np.concatenate([sets.rows("query"), sets.rows("gallery")])
        camera = np.concatenate([_label(sets.query_table.camera), _label(sets.gallery_table.camera)])
        weights = scales(rows, cosine=cosine)
        changed = np.empty_like(rows)
        for number in np.unique(camera):
            own = np.flatnonzero(camera == number)
            mean = summed(rows, weights, own) / len(own)
            for part in np.array_split(own, -(-len(own) // 1024)):
                changed[part] = stored(rows[part] * weights[part, None] - mean, cosine=cosine)
        queries = sets.query.shape[0]
        return sets.changed(query=changed[:queries], gallery=changed[queries:])


class TrackMean(Step):
    """Replaces each gallery image by the mean of its track, as far as the gallery has it."""

    about = "each gallery image answers with the mean of its track"
    source = (
        "Liu et al., A Deep Learning-based Approach to Progressive Vehicle Re-identification for Urban "
        "Surveillance, ECCV 2016, whose galleries are tracks"
    )
    needs = frozenset({"gallery.track"})

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with the means of tracks as gallery."""
        cosine = sets.metric == "cosine"
        rows, track = sets.rows("gallery"), _label(sets.gallery_table.track)
        weights = scales(rows, cosine=cosine)
        numbers, unit = np.unique(track, return_inverse=True)
        order = np.argsort(unit, kind="stable")
        edges = np.searchsorted(unit[order], np.arange(len(numbers) + 1))
        changed = np.empty_like(rows)
        for first, last in pairwise(edges):
            own = order[first:last]
            changed[own] = stored(summed(rows, weights, own)[None] / len(own), cosine=cosine)
        return sets.changed(gallery=changed)


def summed(rows: npt.NDArray[np.float32], weights: FloatArray, own: IntArray) -> FloatArray:
    """Return the weighted sum, (d,) float64, of some rows, added one after the other."""
    total = np.zeros(rows.shape[1])
    for row in own:
        total += rows[row] * weights[row]
    return total


def _label(column: IntArray | None) -> npt.NDArray[Any]:
    """Return a column that ``needs`` has asked for."""
    if column is None:
        raise ValueError("the chain has checked that the labels are there")
    return column
