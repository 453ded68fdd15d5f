"""Positives' bands, doubts, and the counts of one row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.native import count, scores
from harness.kernel.native.tuples import Asked, Bound, Counts, PairComparison
from tests import reference
from tests.harness.kernel.native.plain import ask_of, block_of, floats, plain, query_of, scratch_of
from tests.harness.kernel.native.tiles import literal_counts, rows_of_units

BOUND = Bound(scale=0.5, rounding=2.0**-7, offset=3.0)
COMPARISON = PairComparison(euclidean=False, tolerance=2.0**-48)


def test_bands_are_the_targets_with_their_errors_and_the_rounding_of_outputs():
    asked = {"targets": np.array([9.0, 4.0, -6.0, 1e39, -1e39]), "slacks": np.array([9.0, 0.5, 0.25, 0.0, 0.0])}
    others = dict.fromkeys([name for name in Asked._fields if name not in asked])
    bands = np.empty((4, 2), np.float32)

    plain(count.draw_bands)(Asked(**asked | others), 1, 5, 0.125, BOUND, bands)

    for band, target, slack in zip(bands[:2], (4.0, -6.0), (0.5, 0.25), strict=True):
        middle, width = target * 0.5, 0.125 + slack * 0.5
        width += 2.0**-7 * (abs(middle) + width + 3.0)
        assert band.tolist() == [middle - width, middle + width]
    assert bands[2].tolist() == [np.float32(3e38), np.float32(3e38)]
    assert bands[3].tolist() == [np.float32(-4e37), np.float32(-4e37)]


@pytest.mark.parametrize("euclidean", [False, True])
def test_the_similarity_of_a_unit_is_the_greatest_of_its_images(euclidean):
    rows = np.random.default_rng(5).standard_normal((6, 8)).astype(np.float32)
    block, query = block_of(rows[1:], [0, 2, 3, 5]), query_of(rows[0])
    metric = "euclidean" if euclidean else "cosine"
    every = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
    wanted = [max(every[:2]), every[2], max(every[3:])]

    exact = [plain(count.canonical)(query, block, unit, euclidean, np.empty(32)) for unit in range(3)]
    quick = [plain(count.coarse)(query, block, unit, euclidean) for unit in range(3)]

    assert exact == wanted
    assert quick == pytest.approx(wanted, rel=1e-5)
    block.norms[3:] = block.rows[3:] = 0
    assert math.isnan(plain(count.coarse)(query, block, 2, False))


def test_a_quick_similarity_near_a_tie_is_doubtful():
    margin = count.COARSE * COMPARISON.tolerance
    doubtful = plain(count.is_doubtful)
    ask = ask_of([0.0, 0.5, 0.75])

    assert count.COARSE == 2.0**30
    assert doubtful(math.nan, ask, 1, 1, COMPARISON)
    assert doubtful(0.5 + margin, ask, 0, 3, COMPARISON)
    assert doubtful(0.5 - margin, ask, 0, 2, COMPARISON)
    assert not doubtful(0.5 + 1.001 * margin, ask, 0, 3, COMPARISON)
    assert not doubtful(0.75, ask, 0, 2, COMPARISON)
    assert not doubtful(0.0, ask, 1, 3, COMPARISON)
    with_width = ask_of([0.0, 0.5], [0.0, 0.125])
    assert doubtful(0.625 + margin, with_width, 1, 2, COMPARISON)
    assert doubtful(0.375, with_width, 1, 2, COMPARISON)
    assert not doubtful(0.5, with_width, 1, 2, COMPARISON)
    assert doubtful(0.625, ask_of([0.5], [0.125]), 0, 1, COMPARISON)
    assert not doubtful(0.5, ask_of([0.5], [0.125]), 0, 1, COMPARISON)


def test_a_settled_unit_is_closer_tied_or_neither():
    comparison = PairComparison(euclidean=False, tolerance=0.125)

    def settled(ask, similar):
        counts = Counts(np.zeros(4, np.int64), np.zeros(4, np.int64))
        plain(count.settle)(similar, ask, 1, 4, comparison, counts)
        return counts.closer.tolist(), counts.tied.tolist()

    values = [9.0, 0.375, 0.5, 0.75]
    assert settled(ask_of(values), 0.625) == ([0, 1, 0, 0], [0, 0, 1, 1])
    assert settled(ask_of(values), 0.5) == ([0, 0, 0, 0], [0, 1, 1, 0])
    one = Counts(np.zeros(1, np.int64), np.zeros(1, np.int64))
    plain(count.settle)(0.75, ask_of([0.5], [0.25]), 0, 1, comparison, one)
    assert (one.closer.tolist(), one.tied.tolist()) == ([0], [1])
    assert settled(ask_of(values, [0.0, 0.25, 0.0625, 0.0625]), 0.625) == ([0, 0, 1, 0], [0, 1, 0, 0])


@pytest.mark.parametrize("starts", [None, [0, 1, 3, 5], [0, 2, 3, 4, 5]])
@pytest.mark.parametrize("kept", [False, True])
def test_units_found_get_a_quick_similarity_unless_they_have_one(starts, kept):
    rows = np.random.default_rng(7).standard_normal((6, 3)).astype(np.float32)  # once with as many units as numbers
    block, query = block_of(rows[1:], starts), query_of(rows[0])
    quick = [plain(count.coarse)(query, block, unit, False) for unit in range(len(block.starts) - 1)]
    scratch = scratch_of(5, 1)
    scratch.places[:3] = [2, 0, 1]
    scratch.found[:3] = [1, 2, 0] if kept else [0, 1, 2]
    scratch.guesses[1] = scratch.exacts[1] = 7
    scratch.touched[:2] = 1, 1

    work = plain(count.guess_units)(3, kept, query, block, scratch, False)

    sizes = np.diff(block.starts)
    assert work == sizes[0] + sizes[2]
    assert scratch.guesses[:3].tolist() == [quick[0], 7, quick[2]]
    assert np.isnan(scratch.guesses[3:]).all()
    assert scratch.touched[:4].tolist() == [3, 1, 0, 2]
    assert plain(count.guess_units)(3, kept, query, block, scratch, False) == 0


@pytest.mark.parametrize("starts", [None, [0, 1, 3, 5]])
@pytest.mark.parametrize("kept", [False, True])
def test_units_found_get_their_canonical_similarity_once_and_are_touched_once(starts, kept):
    rows = np.random.default_rng(7).standard_normal((6, 3)).astype(np.float32)
    block, query = block_of(rows[1:], starts), query_of(rows[0])
    exact = [plain(count.canonical)(query, block, unit, False, np.empty(32)) for unit in range(len(block.starts) - 1)]
    scratch = scratch_of(5, 1)
    scratch.places[:3] = [2, 0, 1]
    scratch.found[:3] = [1, 2, 0] if kept else [0, 1, 2]
    scratch.guesses[2] = 7  # as a finer score has been computed, and the unit touched
    scratch.exacts[1] = 9
    scratch.touched[:3] = 2, 1, 2

    work = plain(count.compute_units)(3, kept, query, block, scratch, False)

    sizes = np.diff(block.starts)
    assert work == sizes[0] + sizes[2]
    assert scratch.exacts[:3].tolist() == [exact[0], 9, exact[2]]
    assert scratch.touched[:4].tolist() == [3, 1, 2, 0]
    assert np.isnan(scratch.exacts[3:]).all()
    assert plain(count.compute_units)(3, kept, query, block, scratch, False) == 0


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("finer", [False, True])
def test_a_score_on_the_edge_of_a_band_is_decided_by_its_similarity(finer, known):
    rows = np.array([[1, 0], [1, 1], [1, 1], [1, 1], [1, 1]], np.float32)
    block, query = block_of(rows[1:]), query_of(rows[0])
    bands = floats(1, 2, 2, 3).reshape(2, 2)
    scratch, query = scratch_of(4, 2), query._replace(prepared=rows if finer else rows[:0])
    scratch.bands[:], scratch.finer[:] = (0, bands) if finer else (bands, 0)
    scratch.found[:4] = range(4)
    scratch.guesses[:] = np.float32(np.sqrt(0.5))
    if known:
        scratch.exacts[:] = [plain(count.canonical)(query, block, unit, False, np.empty(32)) for unit in range(4)]
    counts = Counts(np.zeros(3, np.int64), np.zeros(3, np.int64))
    ask = ask_of([np.sqrt(0.5), np.sqrt(0.5), 0.25])._replace(begin=1)

    # All four are as near as the first positive and nearer than the second; the bands say of which they are asked.
    table = floats(1, 2, 2.5, 3)
    work = plain(count.settle_units)(table, 4, False, 0, 2, ask, query, block, scratch, COMPARISON, counts)

    assert work == (0 if known else 2)  # a quick look is enough for those that are asked of the second alone
    assert counts.tied.tolist() == [0, 2, 0]
    assert counts.closer.tolist() == [0, 0, 3]


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 999),
    positives=st.integers(1, 45),
    copies=st.booleans(),
    several=st.booleans(),
    euclidean=st.booleans(),
    quick=st.booleans(),
)
def test_a_row_is_counted_for_any_number_of_positives_and_no_similarity_twice(
    seed, positives, copies, several, euclidean, quick
):
    rng = np.random.default_rng(seed)
    units = 60
    rows, starts = rows_of_units(rng, units, several=several, copies=copies)
    sizes = np.diff(starts)
    block, query = block_of(rows[1:], starts), query_of(rows[0])
    metric = "euclidean" if euclidean else "cosine"
    every = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
    similar = np.maximum.reduceat(every, starts[:-1])
    own = set(rng.choice(units, positives, replace=False).tolist())
    values = sorted(similar[unit] for unit in own)
    row = np.array([scores.BLANK if unit in own else value for unit, value in enumerate(similar)], np.float32)
    scratch = scratch_of(units, positives)
    error = 0.05 * max(map(abs, similar))
    scratch.bands[:] = [(value - error, value + error) for value in values]
    tolerance = (6 + 32) * 2.0**-53
    counts = Counts(np.zeros(positives, np.int64), np.zeros(positives, np.int64))

    with np.errstate(all="ignore"):
        work = plain(count.count_row)(
            row, units, ask_of(values), query, block, scratch, PairComparison(euclidean, tolerance, quick), counts
        )

    others = set(range(units)) - own
    for place, value in enumerate(values):
        assert (counts.closer[place], counts.tied[place]) == literal_counts(similar, others, value, metric)
    near = {
        unit
        for unit, score in enumerate(row)
        if score > scores.BLANK and any(low <= score <= high for low, high in scratch.bands)
    }
    assert set(scratch.touched[1 : 1 + scratch.touched[0]].tolist()) == near
    assert scratch.touched[0] == len(near)
    exact = sizes[~np.isnan(scratch.exacts)].sum()
    looked = sum(sizes[unit] for unit in near)
    assert (work, exact) == ((looked + exact, exact) if quick else (looked, looked))
