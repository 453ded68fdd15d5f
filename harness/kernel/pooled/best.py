"""The most similar positive and the most similar negative of every query, by canonical similarity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from harness.kernel.gallery import Rows
from harness.kernel.pooled.counts import FloatArray
from harness.kernel.ranking import nearest_units
from harness.kernel.settings import Settings
from harness.kernel.walk import open_walk
from harness.tasks.relevance import Relevance


@dataclass(frozen=True, eq=False)
class Best:
    """The greatest canonical similarities of each query.

    Attributes:
        right: (q,) float64, to a positive; minus infinity without one.
        wrong: (q,) float64, to a negative; minus infinity without one.
    """

    right: FloatArray
    wrong: FloatArray


def best_answers(queries: Rows, gallery: Rows, relevance: Relevance, settings: Settings) -> Best:
    """Return the greatest similarities of each query to a positive and to a negative; of draws, in the first.

    Raises:
        FeatureError: the features do not fit the relevance or each other, or are not finite.
    """
    one = replace(settings, nearest=1)
    right = np.full(relevance.queries, -np.inf)
    with open_walk(queries, gallery, relevance, one) as walk:
        for first, last in pairwise(walk.edges()):
            plan = walk.plan.part(first, last)
            rows = np.repeat(plan.queries, plan.positives.sizes)
            np.maximum.at(right, rows, walk.similarities(plan, walk.asked(plan)))
    hidden = relevance.positives.union(relevance.ignored, relevance.units)
    wrong = nearest_units(queries, gallery, replace(relevance, ignored=hidden), one).similarity[:, 0]
    return Best(right, np.where(np.isnan(wrong), -np.inf, wrong))
