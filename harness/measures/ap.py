"""Step AP: the mean of the precision at each positive."""

from __future__ import annotations

from harness.measures.family import FloatArray, MeasureFamily, means, places
from harness.measures.ranks import PositiveRanks


def compute(ranks: PositiveRanks, _k: int) -> FloatArray:
    """Return the average precision of each query."""
    return means(places(ranks) / ranks.ranks, ranks)


FAMILY = MeasureFamily(
    word="ap",
    order=1,
    title="mAP",
    about="The mean, over a query's positives, of the precision at each.",
    source="Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015",
    formula=r"\mathrm{AP} = \frac{1}{n} \sum_{i=1}^{n} \frac{i}{r_i}",
    compute=compute,
)
