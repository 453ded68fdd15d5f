"""The canonical similarity, the quick one, means, and the order by buckets."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.kernel.native import means, order, similarity
from harness.kernel.native.tuples import Block, Features, Means, Query, UnitPairs
from tests import reference
from tests.harness.kernel.native.plain import plain


@pytest.mark.parametrize("width", [1, 31, 32, 33, 70])
@pytest.mark.parametrize("euclidean", [False, True])
def test_similarities_are_those_of_the_written_order_of_sums(width, euclidean):
    rng = np.random.default_rng(width)
    rows = rng.standard_normal((5, width)).astype(np.float32)
    rows[3] = 0
    acc = np.full(32, 7.0)
    metric = "euclidean" if euclidean else "cosine"
    norms = np.empty(5)
    plain(similarity.squared_norms)(rows, norms, acc)
    assert norms.tolist() == [reference.ordered_sum(row * row) for row in rows.astype(np.float64)]

    block = Block(rows[1:], norms[1:], np.array([0, 1, 4]), first=6)
    pairs = UnitPairs(np.array([0, 0, 0, 2, 1, 1]), np.array([6, 7, 6, 6, 7, 6]))
    found = np.empty(6)
    plain(similarity.pair_similarities)(Features(rows, norms), block, pairs, euclidean, found, acc)
    table = [
        [reference.similarity(rows[q].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
        for q in range(3)
    ]
    units = [[row[0], max(row[1:])] for row in table]
    assert found.tolist() == [units[q][unit - 6] for q, unit in zip(*pairs, strict=True)]


def test_a_row_of_zeros_has_a_cosine_of_zero():
    row, zeros = np.ones(3, np.float32), np.zeros(3, np.float32)

    for one, other, norms in ((row, zeros, (3.0, 0.0)), (zeros, row, (0.0, 3.0)), (zeros, zeros, (0.0, 0.0))):
        assert plain(similarity.similarity)(one, other, *norms, False, np.empty(32)) == 0


def quick(row, other, norm, other_norm, *, euclidean):
    block = Block(other[None], np.array([other_norm]), np.array([0, 1]), first=0)
    return plain(similarity.quick_similarity)(Query(row, norm), block, 0, euclidean)


@pytest.mark.parametrize("euclidean", [False, True])
def test_quick_similarities_are_near_and_nan_out_of_range(euclidean):
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((2, 40)).astype(np.float32)
    metric = "euclidean" if euclidean else "cosine"

    def both(scale):
        a, b = rows * np.float32(scale)
        norms = [float((row.astype(np.float64) ** 2).sum()) for row in (a, b)]
        wanted = reference.similarity(a.astype(np.float64), b.astype(np.float64), metric)
        with np.errstate(all="ignore"):
            return quick(a, b, *norms, euclidean=euclidean), wanted

    for scale in (1.0, 1e-9, 1e13):
        found, wanted = both(scale)
        assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6 if not euclidean else 0)
    for scale in (1e-13, 1e16):
        assert math.isnan(both(scale)[0])
    for edge in (1e-20, 1e30):  # outside, not at, the range: nothing is known at its ends
        row = np.full(1, math.sqrt(edge), dtype=np.float32)
        inside = float(row[0]) ** 2 * (1.0001 if edge < 1 else 0.9999)
        outside = edge * (0.999 if edge < 1 else 1.001)
        other = row * np.float32(0 if euclidean else 1)
        if not euclidean:
            assert not math.isnan(quick(row, other, max(inside, 1.001e-20), inside, euclidean=False))
            assert math.isnan(quick(row, other, outside, outside, euclidean=False))


def test_margins_are_absolute_for_cosines_and_of_the_greater_distance():
    margin = plain(similarity.margin)

    assert margin(0.5, -0.25, False, 0.125) == 0.125
    assert margin(-4.0, -8.0, True, 0.125) == 1.0
    assert margin(-8.0, -4.0, True, 0.125) == 1.0


def test_sums_of_units_are_exact_whatever_the_order_of_their_rows():
    rows = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    rows[1:4, 0] = 1e18, 3, -1e18
    sums, rests, lost = np.full((3, 3), 9.0), np.full((3, 3), 9.0), np.ones((3, 3), np.uint8)

    plain(means.unit_sums)(rows, np.array([0, 1, 4, 6]), sums, rests, lost)

    for total, rest, part in zip(sums, rests, (rows[:1], rows[1:4], rows[4:]), strict=True):
        exact = [sum(map(Fraction, column.tolist())) for column in part.astype(np.float64).T]
        assert total.tolist() == [float(number) for number in exact]
        assert [Fraction(a) + Fraction(b) for a, b in zip(total.tolist(), rest.tolist(), strict=True)] == exact
    assert not lost.any()


def test_a_sum_that_two_numbers_cannot_hold_is_told():
    rows = np.array([[1.0], [2.0**-70], [2.0**-126]], dtype=np.float32)
    lost = np.zeros((1, 1), np.uint8)

    plain(means.unit_sums)(rows, np.array([0, 3]), np.empty((1, 1)), np.empty((1, 1)), lost)

    assert lost.tolist() == [[1]]


@pytest.mark.parametrize("width", [1, 32, 33, 70])
def test_the_distance_of_a_mean_is_that_of_the_sum_by_the_number_of_images(width):
    rng = np.random.default_rng(width)
    query, rows = (rng.standard_normal((n, width)).astype(np.float32) for n in (1, 3))
    sums, rests, lost = np.empty((1, width)), np.empty((1, width)), np.zeros((1, width), np.uint8)
    plain(means.unit_sums)(rows, np.array([0, 3]), sums, rests, lost)
    norms = np.ones(1)
    block = Block(sums, norms, np.array([0, 1]), 0, Means(rests, np.array([3.0])))
    out = np.empty(1)

    pairs = UnitPairs(np.array([0]), np.array([0]))
    plain(similarity.pair_similarities)(Features(query, norms), block, pairs, True, out, np.empty(32))
    near = plain(similarity.quick_similarity)(Query(query[0], 1.0), block, 0, True)

    exact = [
        Fraction(q) - sum(map(Fraction, column)) / 3
        for q, column in zip(query[0].tolist(), rows.T.tolist(), strict=True)
    ]
    wanted = -float(sum(step * step for step in exact))
    assert out[0] == pytest.approx(wanted, rel=1e-14)
    assert near == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("width", [1, 40, 70])
def test_the_rest_of_a_sum_is_a_part_of_it(width):
    """Rests are far smaller than this; their sign and place would not be seen."""
    rng = np.random.default_rng(width)
    query, total, rest = rng.integers(-8, 9, (3, width)) / 4

    found = plain(means.mean_distance)(query, total, rest, 2.0, np.full(32, 7.0))
    near = plain(means.quick_mean_distance)(query, total, rest, 2.0)

    wanted = ((query - (total + rest) / 2) ** 2).sum()
    assert found == wanted
    assert near == 4 * wanted


@given(st.lists(st.integers(0, 5), max_size=20), st.randoms(use_true_random=False))
def test_rows_are_ordered_by_bucket_then_as_given(buckets, chance):
    then = list(range(len(buckets)))
    chance.shuffle(then)
    starts = np.searchsorted(np.sort(buckets), np.arange(6))
    out = np.empty(len(buckets), np.int64)

    plain(order.by_bucket)(np.array(buckets, np.int64), np.array(then, np.int64), starts, out)

    assert out.tolist() == sorted(then, key=lambda row: (buckets[row], then.index(row)))
