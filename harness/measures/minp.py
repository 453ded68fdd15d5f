"""mINP: the number of positives divided by the rank of the last one."""

from __future__ import annotations

import numpy as np

from harness.measures.family import FloatArray, MeasureFamily
from harness.measures.ranks import PositiveRanks


def compute(ranks: PositiveRanks, _k: int) -> FloatArray:
    """Return for each query the number of positives divided by the rank of the last one."""
    values = np.zeros(len(ranks.asked))
    answered = ranks.counts > 0
    values[answered] = ranks.counts[answered] / ranks.ranks[ranks.starts[1:][answered] - 1]
    return values


FAMILY = MeasureFamily(
    word="minp",
    order=4,
    title="mINP",
    about="The number of a query's positives over the rank of the last one.",
    source="Ye et al., Deep Learning for Person Re-identification: A Survey and Outlook, IEEE TPAMI 2022",
    formula=r"\mathrm{mINP} = \frac{n}{r_n}",
    compute=compute,
)
