"""HIT@k: the name of CMC@k for galleries of tracks."""

from __future__ import annotations

from harness.measures.cmc import compute
from harness.measures.family import MeasureFamily

FAMILY = MeasureFamily(
    word="hit",
    order=6,
    title="HIT@{k}",
    about="The share of the queries with a right track among the {k} nearest tracks.",
    source="Liu et al., PROVID: Progressive and Multimodal Vehicle Reidentification, IEEE TMM 2018",
    cutoff=True,
    formula=r"\mathrm{HIT}_k = \begin{cases} 1 & r_1 \leq k \\ 0 & r_1 > k \end{cases}",
    compute=compute,
)
