"""Ranks in exact rational arithmetic: what the real numbers say that stored rows define, without any rounding."""

from __future__ import annotations

import math
from fractions import Fraction

BITS = 400


def mean(rows):
    """Return the mean of some rows, number by number."""
    return [sum(map(Fraction, column)) / len(rows) for column in zip(*rows.tolist(), strict=True)]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def similarity(query, other, metric):
    """Return minus the squared distance; or the cosine times its absolute value, which is rational and orders alike."""
    if metric == "euclidean":
        return -sum((x - y) ** 2 for x, y in zip(query, other, strict=True))
    product, squares = dot(query, other), dot(query, query) * dot(other, other)
    return product * abs(product) / squares if squares else Fraction(0)


def clearly_apart(a, b, width, metric):
    """Say whether two similarities differ by more than two tolerances, and so may not tie."""
    tolerance = Fraction(width + 32, 2**53)
    if metric == "euclidean":
        return abs(a - b) > 2 * tolerance * max(-a, -b)
    return abs(_root(a) - _root(b)) > 2 * tolerance


def _root(square):
    """Return the cosine of a similarity, to within 2^-200."""
    root = Fraction(math.isqrt((abs(square.numerator) << BITS) // square.denominator), 2 ** (BITS // 2))
    return root if square > 0 else -root


def verdict(answer, positive, negatives, width, metric):
    """Return what is wrong with the counts of one positive, or an empty text.

    Args:
        answer: (closer, tied).
        positive: its similarity, see ``similarity``.
        negatives: theirs.
        width: numbers a row.
        metric: the metric.
    """
    closer, tied = answer
    equal = sum(other == positive for other in negatives)
    ahead = [other for other in negatives if other > positive]
    sure = sum(clearly_apart(positive, other, width, metric) for other in ahead)
    unsure = sum(not clearly_apart(positive, other, width, metric) for other in negatives if other != positive)
    if tied < equal:
        return f"{equal} are equally near, {tied} tie"
    if tied > equal + unsure:
        return f"{equal} are equally near and {unsure} nearly so, {tied} tie"
    if not sure <= closer <= len(ahead):
        return f"{len(ahead)} are nearer, {sure} of them clearly, {closer} count as nearer"
    if closer + tied < equal + len(ahead):
        return f"{len(ahead)} are nearer and {equal} equally near, {closer} + {tied} count"
    return ""
