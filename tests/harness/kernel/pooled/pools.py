"""Every pair of a problem in a list, by the literal reference."""

from __future__ import annotations

import numpy as np

from tests import reference


def pooled(problem, metric):
    """Return the similarities of each query to its positives and to its negatives; of draws, in the first."""
    relevance = problem.relevance
    valid = np.ones(relevance.units, dtype=bool)
    asked = range(relevance.queries)
    if relevance.draws:
        valid = np.isin(np.arange(relevance.units), relevance.draws[0].units)
        asked = relevance.draws[0].queries.tolist()
    rows = []
    for query in asked:
        similar = reference.unit_similarities(
            problem.queries[query].astype(np.float64), problem.gallery, relevance, metric
        )
        positives, ignored = (set(lists.of(query).tolist()) for lists in (relevance.positives, relevance.ignored))
        rows.append(
            (
                [similar[unit] for unit in sorted(positives) if valid[unit]],
                [similar[unit] for unit in range(relevance.units) if valid[unit] and unit not in positives | ignored],
            )
        )
    return rows


def pool(problem, metric):
    """Return the similarities of all positive and of all negative pairs."""
    rows = pooled(problem, metric)
    return [one for right, _ in rows for one in right], [one for _, wrong in rows for one in wrong]
