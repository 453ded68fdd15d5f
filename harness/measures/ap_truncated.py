"""Truncated AP: the average precision within the k nearest units, divided by the number of positives among them."""

from __future__ import annotations

import numpy as np

from harness.data.images import IntArray
from harness.measures.family import FloatArray, MeasureFamily, places
from harness.measures.ranks import PositiveRanks


def compute(ranks: PositiveRanks, k: int) -> FloatArray:
    """Return the mean precision at the positives of rank k or better, 0 without such a positive."""
    query: IntArray = np.repeat(np.arange(len(ranks.asked)), ranks.counts)
    found = ranks.ranks <= k
    hits = np.bincount(query[found], minlength=len(ranks.asked))
    totals = np.bincount(query[found], weights=(places(ranks) / ranks.ranks)[found], minlength=len(ranks.asked))
    return np.asarray(totals / np.maximum(hits, 1))


FAMILY = MeasureFamily(
    word="ap_truncated",
    order=3,
    title="mAP (first {k})",
    about="The mean precision at the positives among the {k} nearest units; other positives are ignored.",
    source="a convention of public code for VERI-Wild",
    cutoff=True,
    formula=(
        r"\mathrm{AP}_k = \begin{cases} \frac{1}{m} \sum_{i=1}^{m} \frac{i}{r_i} & m > 0 \\ 0 & m = 0 \end{cases}, "
        r"\quad m = \left| \{ i : r_i \leq k \} \right|"
    ),
    compute=compute,
)
