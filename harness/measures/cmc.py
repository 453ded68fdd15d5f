"""CMC@k: whether a positive is among the k nearest units."""

from __future__ import annotations

from harness.measures.family import FloatArray, MeasureFamily, first_ranks
from harness.measures.ranks import PositiveRanks


def compute(ranks: PositiveRanks, k: int) -> FloatArray:
    """Return 1 for each query whose best positive has rank k or better, else 0."""
    return (first_ranks(ranks) <= k).astype("float64")


FAMILY = MeasureFamily(
    word="cmc",
    order=5,
    title="CMC@{k}",
    about="The share of the queries with a positive among the {k} nearest units.",
    source="Gray et al., Evaluating Appearance Models for Recognition, Reacquisition, and Tracking, PETS 2007",
    cutoff=True,
    formula=r"\mathrm{CMC}_k = \begin{cases} 1 & r_1 \leq k \\ 0 & r_1 > k \end{cases}",
    compute=compute,
)
