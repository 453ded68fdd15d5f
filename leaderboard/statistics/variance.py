"""How far a mean may be from its expected value: the vehicles, the seeds of training, and the draws of a gallery.

Each source of chance contributes a variance. Their sum has degrees of freedom of its own (Satterthwaite, An approximate
distribution of estimates of variance components, 1946), which Student's t then takes into account: three seeds whose
means differ much say less than three hundred vehicles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.statistics.vehicles import ByVehicle, FloatArray, Runs

DIGITS = 6
"""Quantiles and p values are rounded to this many significant digits, so that every version of SciPy gives the same."""


@dataclass(frozen=True)
class Variance:
    """The variance of a mean, and how well it is known.

    Attributes:
        value: the squared standard error.
        doubt: the square of the estimate divided by its degrees of freedom, which adds up over independent sources.
    """

    value: float = 0.0
    doubt: float = 0.0

    @property
    def freedom(self) -> float:
        """Its degrees of freedom, at least 1; infinite without doubt."""
        return max(1.0, self.value**2 / self.doubt) if self.doubt else math.inf

    def __add__(self, other: Variance) -> Variance:
        """Return the variance of a sum of two independent parts."""
        return Variance(self.value + other.value, self.doubt + other.doubt)


CERTAIN = Variance()
"""No variance at all."""


def of_vehicles(values: ByVehicle) -> Variance:
    """Return the variance of a mean over queries if other vehicles of the same kind had been photographed."""
    squared, freedom = squared_errors(values.counts.astype(np.float64), values.residuals)
    return Variance(float(squared), float(squared) ** 2 / freedom)


def squared_errors(counts: FloatArray, residuals: FloatArray) -> tuple[FloatArray, float]:
    """Return the jackknife's squared standard errors of means over queries, and their degrees of freedom.

    The jackknife leaves out a vehicle with all its queries; the degrees of freedom are those of unequal groups.

    Args:
        counts: (v,) float64, the queries of each vehicle.
        residuals: (..., v) float64, as ``ByVehicle.residuals``.

    Returns:
        (...) float64, 0 for a single vehicle; and at least 1.
    """
    total, vehicles = float(counts.sum()), len(counts)
    if vehicles < 2:
        return np.zeros(residuals.shape[:-1]), 1.0
    left_out = residuals / (1.0 - counts / total)
    squares = counts**2
    groups = float(squares.sum()) ** 2 / float((squares**2).sum())
    return (vehicles - 1) / vehicles * (left_out**2).sum(axis=-1) / total**2, max(1.0, groups - 1.0)


def besides_vehicles(method: Runs) -> Variance:
    """Return what the seeds and the draws of a method add to the variance of its mean."""
    return SeedSpread.of([method]).of_mean(0) + of_draws(method.draws)


def of_draws(means: FloatArray) -> Variance:
    """Return the variance of the mean of some draws; zero for fewer than two."""
    if len(means) < 2:
        return CERTAIN
    value = _variance(means) / len(means)
    return Variance(value, value**2 / (len(means) - 1))


@dataclass(frozen=True)
class SeedSpread:
    """How much the seed of the training moves the methods that are compared.

    The spread between the seeds of one method is known badly from three of them. It is therefore taken as the methods'
    common one, or as the method's own where that is larger. What repeats of a training change about single vehicles
    alone is part of the variance over vehicles, and is subtracted here.

    Attributes:
        between: the variance between the runs of each method.
        within: the part of that variance that comes from single vehicles, common to the methods.
        runs: the number of runs of each method.
        freedom: the degrees of freedom of the common spread; 0 if no method has two runs.
    """

    between: tuple[float, ...]
    within: float
    runs: tuple[int, ...]
    freedom: int

    @classmethod
    def of(cls, methods: Sequence[Runs]) -> SeedSpread:
        """Return the spread of some methods on the same queries."""
        freedom = [len(one.runs) - 1 for one in methods]
        total = sum(freedom)
        if not total:
            return cls((0.0,) * len(methods), 0.0, (1,) * len(methods), 0)
        own = [_variance(np.array([run.mean for run in one.runs])) for one in methods]
        common = math.fsum(free * spread for free, spread in zip(freedom, own, strict=True)) / total
        within = math.fsum(_of_single_vehicles(one) for one in methods) / total
        return cls(tuple(max(spread, common) for spread in own), within, tuple(len(one.runs) for one in methods), total)

    def of_mean(self, *methods: int) -> Variance:
        """Return the variance of the mean of one method, or of the difference of two, given by their places."""
        if not self.freedom:
            return CERTAIN
        between = math.fsum(self.between[method] / self.runs[method] for method in methods)
        within = math.fsum(self.within / self.runs[method] for method in methods)
        value = max(0.0, between - within)
        return Variance(value, value**2 / self.freedom)


def _of_single_vehicles(method: Runs) -> float:
    """Return the sum over the runs of the variance of their means that comes from single vehicles."""
    residuals = np.array([run.residuals for run in method.runs])
    changes = residuals - residuals.mean(axis=0)
    vehicles, total = len(method.mean.counts), float(method.mean.counts.sum())
    squares = float((changes**2).sum())
    return squares / total**2 * (vehicles / max(1, vehicles - 1))


def _variance(values: FloatArray) -> float:
    """Return the sample variance; zero for one value."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)


def student_quantile(share: float, freedom: float) -> float:
    """Return a quantile of Student's t."""
    from scipy.special import ndtri, stdtrit

    return rounded(float(ndtri(share) if math.isinf(freedom) else stdtrit(freedom, share)))


def student_tails(t: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return the probability that Student's t is at least as far from 0."""
    from scipy.special import stdtr

    tails: FloatArray = 2.0 * stdtr(freedom, -np.abs(t))
    return tails


def rounded(value: float) -> float:
    """Return a number with ``DIGITS`` significant digits."""
    return float(f"{value:.{DIGITS - 1}e}")
