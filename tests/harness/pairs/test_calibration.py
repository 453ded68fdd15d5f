"""Platt's curve and the expected calibration error, and their picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from harness.errors import DataError
from harness.pairs.calibration import EDGES, MIDDLES, STEPS, calibrate, fit, steps_of
from tests.harness.pairs.test_verification import counts_of


def steps(seed=0, slope=9.0, offset=-4.0):
    """Return pairs by steps whose share of one vehicle follows a curve."""
    rng = np.random.default_rng(seed)
    every = rng.integers(0, 400, STEPS)
    right = rng.binomial(every, 1 / (1 + np.exp(-(slope * MIDDLES + offset))))
    return right, every - right


def test_steps_hold_every_pair_once():
    rng = np.random.default_rng(1)
    positives, negatives = (np.clip(rng.normal(mean, 0.3, 500), -1, 1).tolist() for mean in (0.6, 0.1))

    found = steps_of([counts_of(positives, negatives, EDGES)] * 2)

    for column, values in zip(found, (positives, negatives), strict=True):
        expected = np.bincount(np.searchsorted(EDGES, values, side="right"), minlength=STEPS)
        assert column.tolist() == (2 * expected).tolist()


def test_the_curve_is_the_most_likely_one():
    right, wrong = steps()
    weights = right / right.sum() / 2, wrong / wrong.sum() / 2

    def loss(curve):
        x = curve[0] * MIDDLES + curve[1]
        return (weights[0] * np.logaddexp(0, -x)).sum() + (weights[1] * np.logaddexp(0, x)).sum()

    found = fit(right, wrong)

    best = minimize(loss, [1.0, 0.0], method="BFGS")
    assert (found.slope, found.offset) == pytest.approx(tuple(best.x), rel=1e-3)


def test_a_curve_that_holds_has_a_small_error_and_another_a_large_one():
    right, wrong = steps()
    curve = fit(right, wrong)

    assert calibrate(curve, right, wrong, "here").error < 0.02
    shifted = curve.model_copy(update={"offset": curve.offset + 3})
    assert calibrate(shifted, right, wrong, "here").error > 0.1


def test_pairs_that_a_threshold_separates_have_a_finite_curve():
    right, wrong = np.zeros(STEPS, dtype=np.int64), np.zeros(STEPS, dtype=np.int64)
    right[-1], wrong[0] = 5, 9

    assert 0 < fit(right, wrong).slope < 1e6


def test_similarities_the_wrong_way_round_cannot_be_calibrated():
    right, wrong = steps()

    with pytest.raises(DataError, match="cannot be calibrated"):
        fit(wrong, right)
