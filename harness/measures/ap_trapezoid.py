"""Trapezoid AP: the area under the precision-recall curve by trapezoids, as in the released VeRi-776 code."""

from __future__ import annotations

from harness.measures.family import FloatArray, MeasureFamily, means, places
from harness.measures.ranks import PositiveRanks


def compute(ranks: PositiveRanks, _k: int) -> FloatArray:
    """Return for each query the mean of the precisions at each of its positives and just before it.

    The precision before the first rank is 1.
    """
    rank, place = ranks.ranks, places(ranks)
    before = (place - 1) / (rank - 1).clip(min=1)
    before[rank == 1] = 1.0
    return means((place / rank + before) / 2, ranks)


FAMILY = MeasureFamily(
    word="ap_trapezoid",
    order=2,
    title="mAP (trapezoid)",
    about="The area under the precision-recall curve by trapezoids; it never exceeds mAP.",
    source="the evaluation code released with VeRi-776; Philbin et al., CVPR 2007",
    formula=(
        r"\mathrm{AP} = \frac{1}{n} \sum_{i=1}^{n} \frac{1}{2} \left( \frac{i}{r_i} + p_i \right), \quad "
        r"p_i = \begin{cases} 1 & r_i = 1 \\ \frac{i - 1}{r_i - 1} & r_i > 1 \end{cases}"
    ),
    compute=compute,
)
