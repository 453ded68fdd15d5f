"""Verification and open-set measures, literally: every pair in a list, every threshold tried. Slow and independent.

Similarities are given; they are compared as the float64 that they are.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise


def rates_at(threshold, positives, negatives):
    """Return TAR and FAR as fractions."""
    return (
        Fraction(sum(one >= threshold for one in positives), len(positives)),
        Fraction(sum(one >= threshold for one in negatives), len(negatives)),
    )


def operating_points(positives, negatives):
    """Return (TAR, FAR) of no pair accepted and then of each threshold, falling."""
    thresholds = sorted({*positives, *negatives}, reverse=True)
    return [(Fraction(0), Fraction(0)), *(rates_at(threshold, positives, negatives) for threshold in thresholds)]


def tar_at_far(positives, negatives, rate):
    """Return the greatest TAR of all thresholds whose FAR is at most the rate, a decimal text."""
    return max(tar for tar, far in operating_points(positives, negatives) if far <= Fraction(rate))


def equal_error(positives, negatives):
    """Return where the joined operating points (FAR, FRR) first meet the diagonal."""
    points = [(far, 1 - tar) for tar, far in operating_points(positives, negatives)]
    for (x, y), (x2, y2) in pairwise(points):
        if x2 >= y2:
            share = (y - x) / ((x2 - x) - (y2 - y))
            return x + share * (x2 - x)
    raise AssertionError("accepting everything has FRR 0")


def roc_area(positives, negatives):
    """Return how often a positive is above a negative; ties count one half."""
    wins = sum(2 * (p > n) + (p == n) for p in positives for n in negatives)
    return Fraction(wins, 2 * len(positives) * len(negatives))


def pr_area(positives, negatives):
    """Return the sum of precision times the step of recall."""
    total, before = Fraction(0), Fraction(0)
    for threshold in sorted({*positives, *negatives}, reverse=True):
        right = sum(one >= threshold for one in positives)
        wrong = sum(one >= threshold for one in negatives)
        recall = Fraction(right, len(positives))
        total += (recall - before) * Fraction(right, right + wrong)
        before = recall
    return total


def f1_at(threshold, positives, negatives):
    """Return the harmonic mean of precision and recall, 0 if nothing right is accepted."""
    right = sum(one >= threshold for one in positives)
    wrong = sum(one >= threshold for one in negatives)
    if right == 0:
        return Fraction(0)
    precision, recall = Fraction(right, right + wrong), Fraction(right, len(positives))
    return 2 * precision * recall / (precision + recall)


def best_f1(positives, negatives):
    """Return the greatest F1 of all thresholds."""
    return max(f1_at(threshold, positives, negatives) for threshold in {*positives, *negatives})


def fpir(threshold, unknown):
    """Return the share of the queries without a right answer, each by its similarities, that find somebody."""
    return Fraction(sum(any(one >= threshold for one in wrong) for wrong in unknown), len(unknown))


def fnir(threshold, known):
    """Return the share of the queries, each by its right and wrong similarities, that do not find the right vehicle.

    They find it if its best similarity is above all wrong ones and reaches the threshold.
    """
    missed = 0
    for right, wrong in known:
        best = max(right)
        missed += not (best >= threshold and all(best > one for one in wrong))
    return Fraction(missed, len(known))


def fnir_at_fpir(known, unknown, rate):
    """Return the least FNIR of all thresholds whose FPIR is at most the rate; a threshold may be above all."""
    every = {one for right, wrong in known for one in (*right, *wrong)} | {one for wrong in unknown for one in wrong}
    fitting = [threshold for threshold in every if fpir(threshold, unknown) <= Fraction(rate)]
    return min([Fraction(1), *(fnir(threshold, known) for threshold in fitting)])
