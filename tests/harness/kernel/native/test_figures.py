"""The figures of the first pass by the formulas that the bounds' module proves, and of the canonical similarity."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from harness.kernel import bounds, exact
from harness.kernel.native.tuples import Bound
from tests import reference

RNG = np.random.default_rng(1)
ROWS = (3 * RNG.standard_normal((7, 5))).astype(np.float32)
NORMS = (ROWS.astype(np.float64) ** 2).sum(axis=1)


def measured(rows, scale, centre):
    rows = rows.astype(np.float64)
    lengths = bounds.Lengths(*(np.abs(RNG.standard_normal(len(rows))) for _ in range(3)))
    return bounds.Measured(lengths, rows @ centre, ((rows - centre) ** 2).sum(axis=1) * scale**2, scale)


def test_the_tolerance_is_width_and_32_units():
    assert exact.tolerance(1) == 33 * 2.0**-53
    assert exact.tolerance(2048) == 2080 * 2.0**-53


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_similarities_of_rows_are_the_canonical_ones(metric):
    found = exact.similarities(ROWS[0], ROWS, euclidean=metric == "euclidean")

    assert found.tolist() == [
        reference.similarity(ROWS[0].astype(np.float64), row.astype(np.float64), metric) for row in ROWS
    ]


def test_the_constants_are_those_of_the_proof():
    assert bounds.ACCUMULATION == 2.0**-23
    assert bounds.OUTPUT_FLOAT32 == 2.0**-21
    assert bounds.NONE == 0  # whole numbers are summed exactly
    # c / (1 - c) for c = 2^-8 (1 + 2^-8), and what subtraction and limits add; no more than a hundredth above.
    c = 2.0**-8 * (1 + 2.0**-8)
    least = c / (1 - c) + 2.0**-21
    assert least <= bounds.OUTPUT_BFLOAT16 <= 1.015 * least
    assert 1e29 < bounds.LARGEST_BIAS < 1e31


def test_the_centre_is_the_mean_of_the_rows_or_of_their_directions():
    assert bounds.centre_of(ROWS, NORMS, euclidean=True) == pytest.approx(ROWS.astype(np.float64).mean(axis=0))
    rows, norms = ROWS.copy(), NORMS.copy()
    rows[2] = norms[2] = 0
    directions = rows / np.where(norms > 0, np.sqrt(norms), 1)[:, None]
    assert bounds.centre_of(rows, norms, euclidean=False) == pytest.approx(directions.mean(axis=0))
    assert bounds.centre_of(ROWS[:0], NORMS[:0], euclidean=True).tolist() == [0] * 5
    tiny = np.full((2, 1), 1e-3)
    assert bounds.centre_of(tiny, tiny[:, 0] ** 2, euclidean=False) == pytest.approx([1.0])


def test_only_the_first_rows_make_the_centre():
    rows = np.zeros((bounds.CENTRED + 9, 1))
    rows[bounds.CENTRED :] = 100
    rows[bounds.CENTRED - 1] = bounds.CENTRED

    assert bounds.centre_of(rows, rows[:, 0] ** 2, euclidean=True).tolist() == [1]
    assert bounds.centre_of(rows, rows[:, 0] ** 2, euclidean=False).tolist() == [1 / bounds.CENTRED]


@pytest.mark.parametrize(
    ("norms", "centre", "scale"), [([9, 16], [0], 1 / 4), ([9, 16], [3, 4], 1 / 16), ([0.25], [0], 2)]
)
def test_the_scale_brings_the_longest_row_to_at_most_one(norms, centre, scale):
    norms, centre = np.array(norms, dtype=float), np.array(centre, dtype=float)

    assert bounds.scale_of(norms, centre, euclidean=True) == scale
    assert bounds.scale_of(norms, centre, euclidean=False) == 1
    assert bounds.scale_of(norms * 0, centre * 0, euclidean=True) == 1
    assert bounds.scale_of(np.empty(0), centre * 0, euclidean=True) == 1
    assert bounds.scale_of(np.full(1, 1e-8), np.zeros(1), euclidean=True) == 2.0**13


@pytest.mark.parametrize("euclidean", [False, True])
def test_scores_order_the_gallery_as_similarities_do(euclidean):
    """x . y - b is the target of the pair's similarity, in exact numbers: the definition of scores."""
    rows = ROWS.astype(np.float64)
    if not euclidean:
        rows = rows / np.sqrt(NORMS)[:, None]
    centre = np.linspace(-0.5, 1, 5)
    a, e = (0.25, 0.5) if euclidean else (1.0, 1.0)
    queries, gallery = measured(rows[:3], a, centre), measured(rows[3:], e, centre)
    if not euclidean:  # products are of the centred rows
        queries = bounds.Measured(queries.lengths, (rows[:3] - centre) @ centre, queries.squares, a)
        gallery = bounds.Measured(gallery.lengths, (rows[3:] - centre) @ centre, gallery.squares, e)
    scores = (a * (rows[:3] - centre)) @ (e * (rows[3:] - centre)).T - bounds.biases_of(
        queries, gallery, euclidean=euclidean
    )
    similar = rows[:3] @ rows[3:].T
    if euclidean:
        similar = -((rows[:3, None] - rows[None, 3:]) ** 2).sum(axis=2)
    shifts = bounds.shifts_of(queries, centre, euclidean=euclidean)
    targets = bounds.targets_of(similar, shifts[:, None], euclidean=euclidean) * a * e

    assert scores == pytest.approx(targets)
    bound = bounds.bound_of(queries, gallery, np.array([2.0, -3.0]), 0.5)
    assert bound == Bound(a * e, 0.5, 3.0)


def test_slacks_are_eight_tolerances_of_what_a_target_is_made_of():
    eight, values, shifts = 8 * 42 * 2.0**-53, np.array([-2.0, 0.5, 3.0]), np.array([1.0, 4.0, 0.25])

    assert bounds.slacks_of(values, shifts, 10, euclidean=True).tolist() == [eight * 3, eight * 4.5, eight * 3.25]
    assert bounds.slacks_of(values, shifts, 10, euclidean=False).tolist() == [eight * 2, eight, eight * 3]


def test_biases_beyond_float32_are_cut():
    assert bounds.rounded_biases(np.array([0.1, 1e40, -1e40])).tolist() == [
        np.float32(0.1),
        np.float32(bounds.LARGEST_BIAS),
        -np.float32(bounds.LARGEST_BIAS),
    ]


def test_lengths_are_above_what_was_measured_by_little():
    sizes = np.array([[0.5, 2.0, -7.0, 9.0], [0.0, 0.0, 1.0, 0.0]])
    little = 4 * 42 * 2.0**-53

    found = bounds.lengths(sizes, 10)

    assert found.rounded == pytest.approx(np.array([2.0, 0.0]), rel=2e-9)
    assert (found.rounded >= [2.0, 0.0]).all()
    assert found.exact == pytest.approx(np.array([3.0, 0.0]) + little, rel=2e-9)
    assert found.exact[0] > 3.0 + little
    assert found.residual[0] == pytest.approx(0.5, rel=2e-9)
    assert found.residual[0] > 0.5 * (1 + 0.9e-9)
    assert found.residual[1] == pytest.approx(little + 10 * 2.0**-100, rel=1e-12, abs=0)
    none = bounds.lengths(np.array([[0.0, 0.0, 0.0, 9.0]]), 10)
    assert none.residual[0] == pytest.approx(little * (1 + 3.0) + 10 * 2.0**-100, rel=1e-8, abs=0)
    assert (none.exact[0] - 3.0 * (1 + 1e-9)) == pytest.approx(little, rel=0.02, abs=0)


def lengths_of(residual, rounded, exact_):
    return bounds.Lengths(np.array(residual), np.array(rounded), np.array(exact_))


def test_lengths_of_rows_in_float32_are_twice_their_greatest_error():
    rough = lengths_of([0.5, 0.25, 0.125], [2.0, 3.0, 1.0], [4.0, 0.5, 0.0])

    finer = bounds.as_float32(rough)

    assert finer.exact.tolist() == [4.0, 0.5, 0.0]
    assert finer.rounded.tolist() == [4 * (1 + 2.0**-23), 0.5 * (1 + 2.0**-23), 0]
    assert finer.residual.tolist() == [4 * 2.0**-23 + 2.0**-100, 0.5 * 2.0**-23 + 2.0**-100, 2.0**-100]


@pytest.mark.parametrize("size", [1.0, 2.0**-60, 2.0**-120, 2.0**-140, 2.0**-160])
def test_no_row_in_float32_is_further_off_or_longer_than_its_lengths(size):
    # Half ways between two of float32: nothing is rounded by more; the second and the third to what is longer.
    rows = size * np.array([[1 + 2.0**-24] * 9, [1 - 2.0**-25] * 9, [1 + 3 * 2.0**-24] * 9, RNG.standard_normal(9)])

    def norms(table):  # exact sums of squares, and roots rounded up
        squares = [sum(Fraction(value) ** 2 for value in row) for row in table]
        return np.array([float(np.sqrt(float(square * 2**640)) * 2.0**-320) * (1 + 2.0**-50) for square in squares])

    exact_rows = [[Fraction(float(value)) for value in row] for row in rows]
    rounded = [[Fraction(float(value)) for value in row] for row in rows.astype(np.float32)]
    rests = [[a - b for a, b in zip(*pair, strict=True)] for pair in zip(exact_rows, rounded, strict=True)]
    length = norms(exact_rows) + 4 * bounds.tolerance(9)  # as ``lengths`` makes it

    finer = bounds.as_float32(bounds.Lengths(length * 0, length * 0, length))

    assert (finer.residual >= norms(rests)).all()
    assert (finer.rounded >= norms(rounded)).all()


def test_the_error_of_products_is_the_sum_of_steps_1_to_3():
    queries = lengths_of([0.25, 0.5], [2.0, 3.0], [5.0, 7.0])
    gallery = lengths_of([0.125, 0.0625], [11.0, 13.0], [17.0, 19.0])
    terms = 12 * 2.0**-9
    wanted = [
        exact_ * 0.125 + residual * 13 + terms / (1 - terms) * rounded * 13
        for residual, rounded, exact_ in ((0.25, 2, 5), (0.5, 3, 7))
    ]

    assert bounds.product_error(queries, gallery, 10, 2.0**-9) == pytest.approx(np.array(wanted), rel=1e-12)
    usual = 12 * 2.0**-23
    assert bounds.product_error(queries, gallery, 10)[0] == pytest.approx(
        5 * 0.125 + 0.25 * 13 + usual / (1 - usual) * 2 * 13, rel=1e-12
    )
    assert np.isinf(bounds.product_error(queries, gallery, 10, 0.5 / 12)).all()
    assert np.isfinite(bounds.product_error(queries, gallery, 10, 0.499 / 12)).all()
    assert np.isinf(bounds.product_error(queries, lengths_of([], [], []), 10)).tolist() == [True, True]
    whole = bounds.product_error(queries, gallery, 10, bounds.NONE)
    assert whole == pytest.approx(np.array([5 * 0.125 + 0.25 * 13, 7 * 0.125 + 0.5 * 13]), rel=1e-15)
    nothing = lengths_of([0.0], [0.0], [0.0])
    assert bounds.product_error(nothing, nothing, 10).tolist() == [10 * 2.0**-100]


def test_the_error_of_scores_adds_that_of_biases():
    queries, gallery = lengths_of([0.25], [2.0], [5.0]), lengths_of([0.125], [11.0], [17.0])
    products = bounds.product_error(queries, gallery, 10, 2.0**-9)
    eight = 8 * 42 * 2.0**-53

    assert bounds.errors_of(queries, gallery, 10, 2.0**40, 2.0**-9).tolist() == (products + eight * 2.0**40).tolist()
    assert np.isinf(bounds.errors_of(queries, gallery, 10, bounds.LARGEST_BIAS)).all()
    assert bounds.errors_of(queries, gallery, 10, 0.0).tolist() == bounds.product_error(queries, gallery, 10).tolist()


def test_a_band_is_the_target_with_its_width_and_the_outputs_rounding():
    targets, widths = np.array([4.0, -6.0, 1e39, -1e39]), np.array([0.5, 0.25, 0.0, 0.0])

    low, high = bounds.band_of(targets, widths, Bound(1.0, 2.0**-7, 3.0))

    for place in (0, 1):
        width = widths[place] + 2.0**-7 * (abs(targets[place]) + widths[place] + 3.0)
        assert [low[place], high[place]] == [targets[place] - width, targets[place] + width]
    assert low[2:].tolist() == [np.float32(3e38), np.float32(-4e37)]
    assert high[2:].tolist() == [np.float32(3e38), np.float32(-4e37)]


def test_a_score_below_is_two_widths_and_their_rounding_below():
    found = bounds.below(np.array([4.0, -6.0, -1e39]), np.array([0.5, 0.25, 0.0]), Bound(1.0, 2.0**-3, 3.0))

    for place, (score, error) in enumerate([(4.0, 0.5), (-6.0, 0.25)]):
        width = error + 2.0**-3 * (abs(score) + error + 3.0)
        assert found[place] == score - 2 * width - 4 * 2.0**-3 * width
    assert found[2] == np.float32(-4e37)
