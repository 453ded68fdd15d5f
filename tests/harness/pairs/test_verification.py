"""Measures of verification against the literal reference and scikit-learn, on random lists with ties."""

from __future__ import annotations

import numpy as np
import pytest

from harness.kernel.pooled.counts import PairCounts
from harness.pairs.verification import best_f1, equal_error, operation_at, pr_area, roc_area, within_far
from tests.harness.pairs import reference

RATES = ("0.5", "0.1", "0.01", "0.0001")


def random_lists(seed):
    """Return positives and negatives with many ties."""
    rng = np.random.default_rng(seed)
    digits = int(rng.integers(0, 4))
    sizes = rng.integers(1, 25), rng.integers(1, 60)
    step = rng.choice([0.0, 0.5, 1.5])
    return (
        np.round(rng.standard_normal(size) + shift, digits).tolist()
        for size, shift in zip(sizes, (step, 0), strict=True)
    )


def counts_of(positives, negatives, thresholds=()):
    marks = np.unique([*positives, *thresholds])
    other = np.sort(negatives)
    up_to = np.searchsorted(other, marks, side="right")
    above = len(other) - up_to
    return PairCounts(
        marks=marks,
        positives=np.array([positives.count(mark) for mark in marks.tolist()]),
        above=np.stack([above, above]),
        tied=up_to - np.searchsorted(other, marks),
        negatives=len(other),
    )


def check_against_the_reference(seed):
    positives, negatives = random_lists(seed)
    threshold = round(float(np.random.default_rng(seed).standard_normal()), 1)
    counts = counts_of(positives, negatives, [threshold])
    for rate in RATES:
        found = within_far(counts, rate)
        assert (found.tar if found else 0) == float(reference.tar_at_far(positives, negatives, rate))
    assert equal_error(counts)[0] == float(reference.equal_error(positives, negatives))
    assert roc_area(counts) == float(reference.roc_area(positives, negatives))
    assert pr_area(counts) == pytest.approx(float(reference.pr_area(positives, negatives)), abs=1e-14)
    assert best_f1(counts).f1 == float(reference.best_f1(positives, negatives))
    found = operation_at(counts, threshold)
    tar, far = reference.rates_at(threshold, positives, negatives)
    assert (found.tar, found.far, found.tnr) == (float(tar), float(far), float(1 - far))
    assert found.f1 == float(reference.f1_at(threshold, positives, negatives))


@pytest.mark.parametrize("part", range(3))
def test_every_measure_is_that_of_the_literal_reference(part):
    for seed in range(100 * part, 100 * part + 100):
        check_against_the_reference(seed)


def check_against_scikit_learn(seed, metrics):
    positives, negatives = random_lists(seed)
    counts = counts_of(positives, negatives)
    right = [1] * len(positives) + [0] * len(negatives)
    scores = [*positives, *negatives]
    far, tar, thresholds = metrics.roc_curve(right, scores, drop_intermediate=False)
    assert roc_area(counts) == pytest.approx(metrics.roc_auc_score(right, scores), abs=1e-12)
    assert pr_area(counts) == pytest.approx(metrics.average_precision_score(right, scores), abs=1e-12)
    for rate in RATES:
        found = within_far(counts, rate)
        assert (found.tar if found else 0) == pytest.approx(tar[far <= float(rate)].max(), abs=1e-12)
    best = best_f1(counts)
    said = [score >= best.threshold for score in scores]
    assert best.f1 == pytest.approx(metrics.f1_score(right, said), abs=1e-12)
    assert best.tnr == pytest.approx(metrics.recall_score(right, said, pos_label=0, zero_division=0), abs=1e-12)
    assert best.f1 >= max(metrics.f1_score(right, [s >= t for s in scores]) for t in thresholds[1:]) - 1e-12


def test_measures_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    for seed in range(8):
        check_against_scikit_learn(seed, metrics)


def test_equal_similarities_have_an_equal_error_rate_of_one_half():
    counts = counts_of([0.5] * 3, [0.5] * 7)

    assert equal_error(counts) == (0.5, 0.5)
    assert roc_area(counts) == 0.5
    assert within_far(counts, "0.5") is None


def test_perfect_similarities_have_no_error():
    counts = counts_of([0.9, 0.8], [0.1, 0.2, 0.3])

    assert equal_error(counts) == (0.0, 0.8)
    assert roc_area(counts) == pr_area(counts) == best_f1(counts).f1 == 1.0
    assert within_far(counts, "1e-05").threshold == 0.8


def test_a_rate_is_the_decimal_that_is_written():
    counts = counts_of([0.5], [0.6, *[0.1] * 9])

    assert within_far(counts, "0.1").tar == 1.0


def test_an_operation_needs_exact_counts():
    counts = counts_of([0.5], [0.6, 0.1])
    unsure = PairCounts(counts.marks, counts.positives, np.array([[0], [1]]), counts.tied, 2)

    with pytest.raises(ValueError, match="only known to be from 0 to 1"):
        operation_at(unsure, 0.5)
    with pytest.raises(KeyError):
        operation_at(counts, 0.4)
