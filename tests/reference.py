"""The measures and the ranks written straight from their definitions: slow, literal, no code of the kernel's."""

from __future__ import annotations

import math

import numpy as np

from harness.relevance import Draw, Relevance


def ordered_sum(terms):
    """Add float64 terms in the documented order: 32 sums in turn, then folded by halves."""
    sums = np.zeros(32)
    for first in range(0, len(terms), 32):
        part = terms[first : first + 32]
        sums[: len(part)] = sums[: len(part)] + part
    while len(sums) > 1:
        sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
    return float(sums[0])


def similarity(q, g, metric):
    """Return the canonical similarity of two rows of float64 numbers."""
    if metric == "euclidean":
        return -ordered_sum((q - g) * (q - g))
    q_norm, g_norm = ordered_sum(q * q), ordered_sum(g * g)
    return ordered_sum(q * g) / math.sqrt(q_norm * g_norm) if q_norm and g_norm else 0.0


def comparison(a, b, width, metric):
    """Return 1 where similarity a is closer than b, -1 where it is farther, 0 where they tie."""
    limit = (width + 32) * 2.0**-53
    if metric == "euclidean":
        limit *= max(-a, -b)
    return 0 if abs(a - b) <= limit else int(math.copysign(1, a - b))


def unit_similarities(query, gallery, relevance: Relevance, metric):
    """Return the similarity of one query to every unit."""
    unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
    answers = []
    for unit in range(relevance.units):
        images = gallery[unit_of == unit].astype(np.float64)
        if relevance.reduce == "mean feature":
            total = np.zeros(gallery.shape[1])
            for image in images:
                total = total + image
            answers.append(similarity(query, total / len(images), metric))
        else:
            answers.append(max(similarity(query, image, metric) for image in images))
    return answers


def rank(queries, gallery, relevance: Relevance, metric):
    """Return for each draw a list of (query, [(unit, closer, tied), ...]), positives best first, then by number."""
    rows = [unit_similarities(query.astype(np.float64), gallery, relevance, metric) for query in queries]
    draws = relevance.draws or (Draw(np.arange(relevance.queries), np.arange(relevance.units)),)
    return [
        [
            (int(query), _place(rows, relevance, draw, query, width=queries.shape[1], metric=metric))
            for query in draw.queries
        ]
        for draw in draws
    ]


def _place(rows, relevance, draw, query, *, width, metric):
    positives = set(relevance.positives.of(query).tolist())
    ignored = set(relevance.ignored.of(query).tolist())
    units = draw.units.tolist()
    placed = []
    for unit in units:
        if unit in positives:
            others = [
                comparison(rows[query][other], rows[query][unit], width, metric)
                for other in units
                if other not in positives and other not in ignored
            ]
            placed.append((unit, others.count(1), others.count(0)))
    return sorted(placed, key=lambda entry: (entry[1] + entry[2], entry[0]))


def ranking(entries, negatives):
    """Return a whole ranking as True for a positive and False for a negative, ties against the positives."""
    marks = [False] * negatives
    for _, closer, tied in reversed(entries):
        marks.insert(closer + tied, True)
    return marks


def precisions(marks):
    """Return the precision after each rank."""
    return [sum(marks[: rank + 1]) / (rank + 1) for rank in range(len(marks))]


def measure(word, marks):
    """Return a measure's value for one whole ranking, NaN without a positive."""
    name, _, cutoff = word.partition("@")
    total = sum(marks)
    if not total:
        return math.nan
    precision = precisions(marks)
    before = [1.0, *precision[:-1]]
    right = [rank for rank, mark in enumerate(marks) if mark]
    if name in {"cmc", "hit"}:
        return float(any(marks[: int(cutoff)]))
    if name == "ap":
        return sum(precision[rank] for rank in right) / total
    if name == "ap_trapezoid":
        return sum((precision[rank] + before[rank]) / 2 for rank in right) / total
    if name == "ap_truncated":
        found = [precision[rank] for rank in right if rank < int(cutoff)]
        return sum(found) / len(found) if found else 0.0
    assert name == "minp"
    return total / (right[-1] + 1)
