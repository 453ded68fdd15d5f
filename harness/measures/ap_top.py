"""AP of a list cut at k: precision at the positives among the k nearest, over all positives that fit into k places."""

from __future__ import annotations

import numpy as np

from harness.data.images import IntArray
from harness.measures.family import FloatArray, MeasureFamily, places
from harness.measures.ranks import PositiveRanks


def compute(ranks: PositiveRanks, k: int) -> FloatArray:
    """Return the summed precision at the positives of rank k or better, over min(n, k) for n positives."""
    query: IntArray = np.repeat(np.arange(len(ranks.asked)), ranks.counts)
    found = ranks.ranks <= k
    totals = np.bincount(query[found], weights=(places(ranks) / ranks.ranks)[found], minlength=len(ranks.asked))
    return np.asarray(totals / np.clip(ranks.counts, 1, k))


FAMILY = MeasureFamily(
    word="ap_top",
    order=4,
    title="mAP@{k}",
    about="The summed precision at the positives among the {k} nearest units, over the number of positives up to {k}.",
    source="the AI City Challenge, CVPR Workshops 2021, as commonly read: its code is not public",
    cutoff=True,
    formula=r"\mathrm{AP@}k = \frac{1}{\min(n, k)} \sum_{i : r_i \leq k} \frac{i}{r_i}",
    compute=compute,
)
