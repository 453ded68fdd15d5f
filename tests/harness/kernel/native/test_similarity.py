"""The canonical similarity, the quick one, means, and the order by buckets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.kernel.native import order, similarity
from harness.kernel.native.tuples import Block, Features, UnitPairs
from tests import reference
from tests.harness.kernel.native.plain import plain


@pytest.mark.parametrize("width", [1, 31, 32, 33, 70])
@pytest.mark.parametrize("euclidean", [False, True])
def test_similarities_are_those_of_the_written_order_of_sums(width, euclidean):
    rng = np.random.default_rng(width)
    rows = rng.standard_normal((5, width)).astype(np.float32)
    rows[3] = 0
    acc, out = np.full(32, 7.0), np.empty(5)
    metric = "euclidean" if euclidean else "cosine"
    wanted = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows]

    plain(similarity.row_similarities)(rows[0], rows, euclidean, out, acc)
    assert out.tolist() == wanted

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
            return plain(similarity.quick_similarity)(a, b, *norms, euclidean), wanted

    for scale in (1.0, 1e-9, 1e13):
        quick, wanted = both(scale)
        assert quick == pytest.approx(wanted, rel=1e-5, abs=1e-6 if not euclidean else 0)
    for scale in (1e-13, 1e16):
        assert math.isnan(both(scale)[0])
    for edge in (1e-20, 1e30):  # outside, not at, the range: nothing is known at its ends
        row = np.full(1, math.sqrt(edge), dtype=np.float32)
        inside = float(row[0]) ** 2 * (1.0001 if edge < 1 else 0.9999)
        outside = edge * (0.999 if edge < 1 else 1.001)
        other = row * np.float32(0 if euclidean else 1)
        if not euclidean:
            assert not math.isnan(plain(similarity.quick_similarity)(row, other, max(inside, 1.001e-20), inside, False))
            assert math.isnan(plain(similarity.quick_similarity)(row, other, outside, outside, False))


def test_margins_are_absolute_for_cosines_and_of_the_greater_distance():
    margin = plain(similarity.margin)

    assert margin(0.5, -0.25, False, 0.125) == 0.125
    assert margin(-4.0, -8.0, True, 0.125) == 1.0
    assert margin(-8.0, -4.0, True, 0.125) == 1.0


def test_means_are_sums_in_the_order_of_rows_over_their_number():
    rows = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    out = np.full((3, 3), 9.0)

    plain(similarity.unit_means)(rows, np.array([0, 1, 4, 6]), out)

    for mean, part in zip(out, (rows[:1], rows[1:4], rows[4:]), strict=True):
        total = np.zeros(3)
        for row in part.astype(np.float64):
            total = total + row
        assert mean.tolist() == (total / len(part)).tolist()


@given(st.lists(st.integers(0, 5), max_size=20), st.randoms(use_true_random=False))
def test_rows_are_ordered_by_bucket_then_as_given(buckets, chance):
    then = list(range(len(buckets)))
    chance.shuffle(then)
    starts = np.searchsorted(np.sort(buckets), np.arange(6))
    out = np.empty(len(buckets), np.int64)

    plain(order.by_bucket)(np.array(buckets, np.int64), np.array(then, np.int64), starts, out)

    assert out.tolist() == sorted(then, key=lambda row: (buckets[row], then.index(row)))
