"""How far a similarity can be read as the probability that two images show one vehicle.

Fit. Platt's logistic curve p(s) = 1 / (1 + exp(-(a s + b))) on the pairs of held-out vehicles, by maximum likelihood
(Platt, Advances in Large Margin Classifiers 1999). In a task nearly all pairs are negative; so all positive pairs
together get as much weight as all negative ones, and p is the probability where both are as frequent.

Error. The expected calibration error over 15 bins of equal width (Naeini et al., AAAI 2015; Guo et al., ICML 2017): the
weighted mean of the difference between the share of positive pairs in a bin and its mean p, with the same weights.

Both need of the pairs only how many have a cosine in each of 2,048 steps from -1 to 1, which are counted exactly; a
pair counts with the middle of its step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import DataError
from harness.kernel.pooled.counts import PairCounts
from harness.pairs.result import Bin, Calibration, Curve

STEPS = 2048
EDGES: tuple[float, ...] = tuple((np.arange(1, STEPS) / (STEPS // 2) - 1).tolist())
"""The similarities at which pairs have to be counted."""

MIDDLES = (np.arange(STEPS) + 0.5) / (STEPS // 2) - 1

BINS = 15

ROUNDS = 100
"""Newton steps; a fit takes about ten."""

RIDGE = 1e-6
"""The weight of a^2 in the fit, which keeps a finite where a threshold separates all pairs."""

FloatArray = npt.NDArray[np.float64]


def steps_of(counts: Sequence[PairCounts]) -> tuple[IntArray, IntArray]:
    """Return how many positive and how many negative pairs have a cosine in each step, (2048,) int64 each.

    The counts are exact and have all ``EDGES`` among their marks; those of several draws are added up.
    """
    positives, negatives = np.zeros(STEPS, dtype=np.int64), np.zeros(STEPS, dtype=np.int64)
    for one in counts:
        places = np.searchsorted(one.marks, EDGES)
        positives -= np.diff(one.accepted[places], prepend=one.matches, append=0)
        negatives -= np.diff(one.reached[0][places], prepend=one.negatives, append=0)
    return positives, negatives


def fit(positives: IntArray, negatives: IntArray) -> Curve:
    """Return Platt's curve for pairs counted by steps.

    Raises:
        DataError: the curve does not rise: similar images are not more often of one vehicle.
    """
    right, wrong = (column / (2 * column.sum()) for column in (positives, negatives))
    weight = right + wrong
    a, b = 1.0, 0.0
    for _ in range(ROUNDS):
        p = _logistic(a * MIDDLES + b)
        slope = _sum(MIDDLES * (right - weight * p)) - RIDGE * a
        rise = _sum(right - weight * p)
        spread = weight * p * (1 - p)
        aa, ab, bb = _sum(spread * MIDDLES**2) + RIDGE, _sum(spread * MIDDLES), _sum(spread) + 1e-12
        whole = aa * bb - ab * ab
        step = ((bb * slope - ab * rise) / whole, (aa * rise - ab * slope) / whole)
        size = max(abs(step[0]), abs(step[1]))
        scale = min(1.0, 10.0 / size) if size else 1.0
        a, b = a + scale * step[0], b + scale * step[1]
        if size < 1e-10:
            break
    if not (math.isfinite(a) and math.isfinite(b)) or a <= 0:
        raise DataError(
            "the pairs cannot be calibrated",
            found=f"a slope of {a:.3g}: pairs of one vehicle are not more similar than others",
            expected="features that tell vehicles apart",
        )
    return Curve(slope=a, offset=b)


def calibrate(curve: Curve, positives: IntArray, negatives: IntArray, fitted_on: str) -> Calibration:
    """Return the expected calibration error of a curve on pairs counted by steps, and its bins."""
    right, wrong = (column / (2 * column.sum()) for column in (positives, negatives))
    p = _logistic(curve.slope * MIDDLES + curve.offset)
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    bins = []
    for number in range(BINS):
        own = place == number
        weight = _sum((right + wrong)[own])
        if weight:
            mean = min(max(_sum(((right + wrong) * p)[own]) / weight, 0.0), 1.0)
            share = min(_sum(right[own]) / weight, 1.0)
            pairs = int(positives[own].sum()), int(negatives[own].sum())
            bins.append(Bin(probability=mean, same=share, weight=weight, positives=pairs[0], negatives=pairs[1]))
    error = math.fsum(one.weight * abs(one.same - one.probability) for one in bins)
    return Calibration(curve=curve, fitted_on=fitted_on, error=min(error, 1.0), bins=tuple(bins))


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -700, 700))))


def _sum(values: FloatArray) -> float:
    """Return a sum that is rounded once."""
    return math.fsum(values.tolist())
