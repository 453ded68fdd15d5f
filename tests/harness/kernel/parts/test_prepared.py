"""Rows made ready for the first pass: what they are multiplied as, and how threads share them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from harness.kernel import prepared
from harness.kernel.bounds import centre_of, less_centre
from harness.kernel.exact import unit_sums
from harness.kernel.native.tuples import NO_MEANS, Features, Means
from harness.kernel.prepared import Workers, norms_of, prepare_rows
from tests.harness.kernel.native.plain import plain


@pytest.fixture(scope="module")
def workers():
    with ThreadPoolExecutor(1) as pool:
        yield Workers(pool, 1)


def test_one_thread_takes_all_rows_of_a_piece_at_once(workers):
    assert workers.share(3, 4, lambda part: (part.start, part.stop)) == [(0, 3)]
    assert workers.share(5, 4, lambda part: (part.start, part.stop)) == [(0, 3), (3, 5)]
    assert workers.share(0, 4, lambda part: (part.start, part.stop)) == []


def read(values):
    """Return prepared values as float64."""
    return (values if values.dtype == np.float32 else (values.astype(np.uint32) << 16).view(np.float32)).astype(float)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("sizes", [None, [3], [2, 1, 3]])
def test_rows_are_centred_scaled_and_measured(workers, half, euclidean, sizes):
    rng = np.random.default_rng(1)
    images = (rng.standard_normal((6 if sizes is None else sum(sizes), 5)) * 300 + 1000).astype(np.float32)
    centre = (
        (rng.standard_normal(5) + 900).astype(np.float32).astype(float) if euclidean else rng.standard_normal(5) / 9
    )
    rows, means = images, NO_MEANS
    wanted = images.astype(float)
    if sizes is not None:
        rows, means = unit_sums(images, np.cumsum([0, *sizes]))
        wanted = rows / np.array(sizes)[:, None]
    norms = norms_of(rows, workers)

    found = prepare_rows(Features(rows, norms), centre, workers, means, euclidean=euclidean, half=half)

    longest = np.linalg.norm(wanted, axis=1).max() + np.linalg.norm(centre)
    assert found.scale == (2.0 ** -np.ceil(np.log2(longest)) if euclidean else 1)
    if not euclidean:
        wanted /= np.linalg.norm(wanted, axis=1)[:, None]
    wanted = (wanted - centre) * found.scale
    values = read(found.values)
    assert values.shape == wanted.shape
    assert np.abs(values - wanted).max() <= 2.0 ** (-8 if half else -23) * np.abs(wanted).max()
    residuals = np.linalg.norm(values - wanted, axis=1)
    assert (residuals <= found.lengths.residual).all()
    assert found.lengths.residual == pytest.approx(residuals, rel=1e-3, abs=1e-10)
    assert found.lengths.rounded == pytest.approx(np.linalg.norm(values, axis=1))
    assert found.lengths.exact == pytest.approx(np.linalg.norm(wanted, axis=1))
    if not euclidean:
        assert found.products == pytest.approx(wanted @ centre)
    assert found.squares == pytest.approx((wanted**2).sum(axis=1))


def test_means_are_scaled_by_their_own_lengths(workers):
    """The mean has a length just below 8, the sum of its three images one of 24."""
    rows, means = unit_sums(np.tile(np.array([[7.9, 0]], np.float32), (3, 1)), np.array([0, 3]))

    found = prepare_rows(
        Features(rows, norms_of(rows, workers)), np.zeros(2), workers, means, euclidean=True, half=False
    )

    assert found.scale == 2.0**-3


@pytest.mark.parametrize("half", [False, True])
def test_several_pieces_are_prepared_like_one(workers, half):
    rows = np.random.default_rng(3).standard_normal((5000, 3)).astype(np.float32)
    norms, centre = norms_of(rows, workers), np.array([0.25, 0, 0.5])

    whole = prepare_rows(Features(rows, norms), centre, workers, euclidean=False, half=half)

    for part in (slice(0, 100), slice(4900, 5000)):
        own = prepare_rows(Features(rows[part], norms[part]), centre, workers, euclidean=False, half=half)
        assert read(whole.values[part]).tolist() == read(own.values).tolist()
        assert whole.squares[part].tolist() == own.squares.tolist()


@pytest.mark.parametrize("half", [False, True])
def test_a_row_of_many_numbers_is_prepared_within_its_arrays(workers, monkeypatch, half):
    """As plain Python: compiled loops do not notice an index out of range."""
    monkeypatch.setattr(prepared, "prepare", plain(prepared.prepare))
    row = np.arange(1, 6, dtype=np.float32)[None]

    found = prepare_rows(Features(row, norms_of(row, workers)), np.zeros(5), workers, euclidean=True, half=half)

    assert read(found.values).tolist() == [[1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8]]


def test_what_rounding_took_from_a_sum_is_in_the_mean_less_the_centre():
    sums, rests = np.array([[1.0, 7.0, 3.0]]), np.array([[2.0**-60, -(2.0**-55), 2.0**-53]])
    centre = np.array([0.5, 3.5, 0.1875])

    found = less_centre(sums, Means(rests, np.array([2.0])), centre)

    for k in range(3):
        exact = (Fraction(sums[0, k]) - 2 * Fraction(centre[k]) + Fraction(rests[0, k])) / 2
        assert abs(Fraction(found[0, k]) - exact) <= 5 * Fraction(2) ** -53 * abs(exact)


def test_the_centre_is_the_mean_of_directions_or_a_float32_mean_of_rows():
    rows = np.array([[0.25, 0], [0, 8], [3, 3], [0, 0]], dtype=np.float32)
    norms = (rows.astype(float) ** 2).sum(axis=1)
    third = np.array([[1], [1], [2]], dtype=np.float32)

    assert centre_of(rows, norms, euclidean=False) == pytest.approx((1 + np.sqrt(0.5)) / 4, rel=1e-15)
    mean = centre_of(third, third[:, 0].astype(float) ** 2, euclidean=True)
    assert mean.dtype == np.float64
    assert mean.tolist() == [float(np.float32(4 / 3))]
    assert centre_of(rows[:0], norms[:0], euclidean=True).tolist() == [0, 0]
