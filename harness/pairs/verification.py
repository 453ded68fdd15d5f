"""Measures of verification, as functions of the pooled pairs, and what of the counts each of them needs.

All pairs of a query and a gallery unit that the task's rule does not ignore are one pool: P positive pairs (one
vehicle) and N negative ones. At a threshold t a pair is accepted if its similarity is at least t; a of the positive and
b of the negative pairs are. TAR = a/P, FAR = b/N, FRR = 1 - TAR, TNR = 1 - FAR.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from harness.kernel.pooled.counts import PairCounts
from harness.pairs.rates import allowed, quotient

Mask = npt.NDArray[np.bool_]
Range = tuple[float, float]


@dataclass(frozen=True)
class Operation:
    """What a threshold accepts.

    Attributes:
        threshold: the similarity from which on a pair is accepted.
        accepted: positive pairs accepted.
        matches: all positive pairs.
        mistaken: negative pairs accepted.
        others: all negative pairs.
    """

    threshold: float
    accepted: int
    matches: int
    mistaken: int
    others: int

    @property
    def tar(self) -> float:
        """The share of the positive pairs that are accepted: the true accept rate, or recall."""
        return quotient(self.accepted, self.matches)

    @property
    def far(self) -> float:
        """The share of the negative pairs that are accepted: the false accept rate."""
        return quotient(self.mistaken, self.others)

    @property
    def tnr(self) -> float:
        """The share of the negative pairs that are refused: the true negative rate, or specificity."""
        return quotient(self.others - self.mistaken, self.others)

    @property
    def precision(self) -> float:
        """The share of positive pairs among those accepted; 0 if none is."""
        return quotient(self.accepted, self.accepted + self.mistaken)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, 2a / (P + a + b)."""
        return quotient(2 * self.accepted, self.matches + self.accepted + self.mistaken)


def operation_at(counts: PairCounts, threshold: float) -> Operation:
    """Return what a threshold accepts; it must be one of the marks, with exact counts."""
    place = counts.at(threshold)
    low, high = (int(bound[place]) for bound in counts.reached)
    if low != high:
        raise ValueError(f"the negatives that reach {threshold} are only known to be from {low} to {high}")
    return Operation(threshold, int(counts.accepted[place]), counts.matches, low, counts.negatives)


def within_far(counts: PairCounts, word: str) -> Operation | None:
    """Return the operation that accepts the most positives at a FAR of at most the rate; None if none can be accepted.

    TAR at FAR f is the greatest TAR of all thresholds whose FAR is at most f. TAR changes at positives' similarities
    only, so its threshold is one of these.
    """
    fitting = (counts.reached[1] <= allowed(word, counts.negatives)) & (counts.positives > 0)
    return operation_at(counts, float(counts.marks[fitting.argmax()])) if fitting.any() else None


def far_undecided(counts: PairCounts, word: str) -> Mask:
    """Return the marks of which the bounds do not say whether their FAR is at most the rate, and the first within."""
    most = allowed(word, counts.negatives)
    low, high = counts.reached
    found = (low <= most) & (high > most)
    fitting = np.flatnonzero((high <= most) & (counts.positives > 0))
    if len(fitting) and low[fitting[0]] != high[fitting[0]]:
        found[fitting[0]] = True
    return np.asarray(found)


def _crossed(counts: PairCounts, reached: npt.NDArray[np.int64]) -> Mask:
    """Return the marks at which FAR is at least FRR, b / N >= (P - a) / P, exactly."""
    refused = counts.matches - counts.accepted
    if counts.matches * max(counts.negatives, 1) < 2**62:
        return np.asarray(reached * counts.matches >= refused * counts.negatives)
    pairs = zip(reached.tolist(), refused.tolist(), strict=True)
    return np.array([b * counts.matches >= r * counts.negatives for b, r in pairs], dtype=np.bool_)


def equal_error(counts: PairCounts) -> tuple[float, float]:
    """Return the equal error rate and the threshold of the mark at or above which FAR first is at least FRR.

    The operating points (FAR, FRR) of all thresholds, joined by straight lines in the order of the thresholds, meet the
    diagonal FAR = FRR in one point. Between two positives only FAR moves, and at one FRR moves, or both if negatives
    tie with it; so only the counts at that positive matter.
    """
    own = np.flatnonzero(counts.positives > 0)
    crossed = _crossed(counts, counts.reached[0])[own]
    place = int(own[np.flatnonzero(crossed)[-1]])  # at the lowest positive FRR is 0
    matches, others = counts.matches, counts.negatives
    accepted = int(counts.accepted[place])
    before = int(counts.positives[place])
    above, reached = int(counts.above[0][place]), int(counts.reached[0][place])
    threshold = float(counts.marks[place])
    x, y = Fraction(above, others), Fraction(matches - accepted + before, matches)
    if x >= y:  # it was crossed between the positive before and this one, where FRR stands still
        return float(y), threshold
    far, frr = Fraction(reached, others) - x, Fraction(-before, matches)
    return float(x + far * (y - x) / (far - frr)), threshold


def equal_undecided(counts: PairCounts) -> Mask:
    """Return the marks near the crossing whose counts the equal error rate still needs."""
    low, high = (_crossed(counts, bound) for bound in counts.reached)
    found = (low != high) & (counts.positives > 0)
    own = np.flatnonzero(low & (counts.positives > 0))
    if len(own) and counts.above[0][own[-1]] != counts.above[1][own[-1]]:
        found[own[-1]] = True
    return np.asarray(found)


def best_f1(counts: PairCounts) -> Operation:
    """Return the operation of the greatest F1, at the greatest such threshold."""
    value = _f1(counts, counts.reached[0], counts.accepted)
    value[counts.positives == 0] = -1
    near = np.flatnonzero(value >= value.max() * (1 - 1e-12))
    found = [operation_at(counts, float(counts.marks[place])) for place in near]
    return max(
        found, key=lambda one: (Fraction(2 * one.accepted, one.matches + one.accepted + one.mistaken), one.threshold)
    )


def f1_undecided(counts: PairCounts) -> Mask:
    """Return the marks that may have the greatest F1 and whose counts are not exact."""
    low, high = counts.reached
    least, greatest = (_f1(counts, reached, counts.accepted) for reached in (high, low))
    own = counts.positives > 0
    best = least[own].max()
    return np.asarray((greatest >= best * (1 - 1e-12)) & (low != high) & own)


def _f1(counts: PairCounts, reached: npt.NDArray[np.int64], accepted: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.asarray(2 * accepted / (counts.matches + accepted + reached))


def roc_area(counts: PairCounts) -> float:
    """Return the area under the curve of TAR over FAR: how often a positive pair is more similar than a negative one.

    A tie counts one half. It is the exact quotient of integers, rounded once.
    """
    twice = 0
    for positives, above, tied in zip(
        counts.positives.tolist(), counts.above[0].tolist(), counts.tied.tolist(), strict=True
    ):
        twice += positives * (2 * (counts.negatives - above) - tied)
    return quotient(twice, 2 * counts.matches * counts.negatives)


def pr_area(counts: PairCounts) -> float:
    """Return the area under the curve of precision over recall as average precision over the pool.

    The sum over the thresholds, from the highest, of the precision times the step of the recall, without interpolation.
    """
    steps = counts.positives > 0
    found, reached, accepted = counts.positives[steps], counts.reached[0][steps], counts.accepted[steps]
    return math.fsum((found * (accepted / (accepted + reached))).tolist()) / counts.matches


def ranges(masks: Sequence[Mask], counts: PairCounts) -> list[Range]:
    """Return the ranges of similarity that some masks of marks cover, joined where they meet, ascending."""
    found: list[Range] = []
    for mask in masks:
        places = np.flatnonzero(mask)
        if len(places):
            found.append((float(counts.marks[places[0]]), float(counts.marks[places[-1]])))
    joined: list[Range] = []
    for low, high in sorted(found):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
