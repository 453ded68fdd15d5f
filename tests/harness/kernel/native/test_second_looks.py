"""Second looks at scores of bytes: finer scores from words of 16 bits, in place of those that do not decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.native import count, scores
from harness.kernel.native.tuples import Counts, PairComparison, Query, Words
from tests import reference
from tests.harness.kernel.native.plain import ask_of, block_of, floats, plain, scratch_of
from tests.harness.kernel.native.tiles import literal_counts, rows_of_units

ROW = np.zeros(2, np.float32)
PREPARED = floats(9, 9, 9, 0.5, -2, 3).reshape(2, 3)
WORDS = Words(
    np.array([[2, 1, 0], [-4, 0, 1], [100, 7, -3], [0, 300, 1], [8, -8, 2]], np.int16),
    floats(0.5, 0.25, 2, 1, 4),
    floats(1, -1, 0.5, 0, 8),
)
FINER = [-1.5, 1.25, 53.5, -597, 96]
"""Scores of the second query: (0.5 a - 2 b + 3 c) step - bias."""


def looked_at(starts=None):
    """Return the query and the block of these words."""
    block = block_of(np.zeros((5, 3), np.float32), starts)._replace(words=WORDS)  # once with as many units as numbers
    return Query(ROW, 0.0, PREPARED, 1), block


def test_a_finer_score_is_the_product_with_the_words_in_their_steps_less_the_bias():
    query, block = looked_at()

    found = [plain(count.finer_score)(query, block, row) for row in range(5)]

    assert found == FINER
    assert [type(score) for score in found] == [float] * 5


@pytest.mark.parametrize(
    ("starts", "units", "wanted", "images"),
    [
        (None, [4, 2, 0], {4: 96, 2: 53.5, 0: -1.5}, 3),
        ([0, 1, 3, 5], [2, 1], {2: 96, 1: 53.5}, 4),
        ([0, 1, 3, 5], [0], {0: -1.5}, 1),
        ([0, 2, 3, 4, 5], [2, 0], {2: -597, 0: 1.25}, 3),
    ],
)
def test_the_finer_score_of_a_unit_is_the_greatest_of_its_images(starts, units, wanted, images):
    query, block = looked_at(starts)
    found, out = np.array([1, 1, *units, 1]), np.full(5, np.nan)

    work = plain(count.finer_scores)(found, 2, 2 + len(units), query, block, out)

    assert work == images
    assert {unit: out[unit] for unit in range(5) if not math.isnan(out[unit])} == wanted


def refined(row, bands, first, last, *, known=(), places=None):
    """Return the row after a second look, the number of finer scores, and the scratch."""
    query, block = looked_at()
    scratch = scratch_of(5, len(bands))
    scratch.bands[:] = bands
    for unit, score in known:
        scratch.guesses[unit] = score
        scratch.touched[0] += 1
        scratch.touched[scratch.touched[0]] = unit
    if places is not None:
        scratch.places[: len(places)] = places
    table = floats(*row)
    work = plain(count.refine)(table, len(row), places is not None, first, last, query, block, scratch)
    assert not scratch.flags.any()
    return table.tolist(), work, scratch


@pytest.mark.parametrize(
    ("bands", "part", "looked"),
    [
        ([(1, 2), (3, 4)], (0, 2), {1, 2, 3, 4}),
        ([(1, 1), (3, 3)], (0, 2), {1, 3}),  # what is between two bands decides
        ([(0, 3), (1, 1), (3, 4)], (0, 3), {0, 1, 2, 3, 4}),  # one band within another
        ([(0, 2), (1, 1), (3, 3)], (0, 3), {0, 1, 2, 3}),
        ([(0, 0), (2, 2), (4, 4)], (1, 2), {2}),
        ([(0, 0), (2, 3), (4, 4)], (1, 3), {2, 3, 4}),
        ([(0, 1), (0.5, 2), (4, 4)], (0, 2), {0, 1, 2}),
        ([(7, 8), (9, 9)], (0, 2), set()),
    ],
)
def test_scores_within_a_band_are_replaced_by_finer_ones_and_no_others(bands, part, looked):
    row, work, scratch = refined([0, 1, 2, 3, 4], bands, *part)

    assert row == [FINER[unit] if unit in looked else unit for unit in range(5)]
    assert work == len(looked)
    assert scratch.touched[: 1 + len(looked)].tolist() == [len(looked), *sorted(looked)]
    assert {unit for unit in range(5) if not math.isnan(scratch.guesses[unit])} == looked


def test_a_finer_score_is_computed_once():
    row, work, scratch = refined([0, 1, 2, 3, 4], [(1, 4)], 0, 1, known=[(2, -7.0), (4, 5.0)])

    assert row == [0, FINER[1], -7, FINER[3], 5]
    assert work == 2
    assert scratch.touched[:5].tolist() == [4, 2, 4, 1, 3]
    assert refined([0, 1, 2, 3, 4], [(0, 4)], 0, 1, known=[(unit, 0.5) for unit in range(5)])[:2] == ([0.5] * 5, 0)


def test_scores_that_were_kept_are_replaced_by_those_of_their_units():
    row, work, scratch = refined([5, 1, 2], [(1, 2)], 0, 1, places=[0, 3, 4])

    assert row == [5, FINER[3], FINER[4]]
    assert work == 2
    assert scratch.touched[:3].tolist() == [2, 3, 4]


def within(score, bands):
    """Say whether a score is in one of the bands."""
    return any(low <= score <= high for low, high in bands)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    positives=st.integers(1, 45),
    copies=st.booleans(),
    several=st.booleans(),
    euclidean=st.booleans(),
)
def test_a_row_of_bytes_is_counted_with_no_more_second_looks_than_its_bands_ask_for(
    seed, positives, copies, several, euclidean
):
    rng = np.random.default_rng(seed)
    units = 60
    rows, starts = rows_of_units(rng, units, several=several, copies=copies)
    images = len(rows) - 1
    metric = "euclidean" if euclidean else "cosine"
    of_images = np.array(
        [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
    )
    similar = np.maximum.reduceat(of_images, starts[:-1])
    greatest = max(np.abs(similar).max(), np.abs(of_images).max())
    error, fine = 0.05 * greatest, 0.01 * greatest
    # Scores as wrong as their bands allow: the bytes' by five parts of a hundred, the words' by one.
    rough = (of_images + 0.99 * error * rng.choice([-1, 0.3, 1], images)).astype(np.float32)
    steps = (greatest / (20_000 + 1000 * rng.integers(0, 5, images))).astype(np.float32)
    bias = (greatest * rng.uniform(-0.1, 0.1, images)).astype(np.float32)
    values = np.rint((of_images + 0.9 * fine * rng.choice([-1, 0.3, 1], images) + bias) / steps).astype(np.int16)
    words = Words(np.stack([values, np.full(images, 2), np.ones(images)], axis=1).astype(np.int16), steps, bias)
    block = block_of(rows[1:], starts)._replace(words=words)
    prepared = floats(*[7] * 6, 1, 1, -2).reshape(3, 3)
    number = 2 if seed % 2 else 0  # of three queries, or the only one
    norm = reference.ordered_sum(rows[0].astype(np.float64) ** 2)
    query = Query(rows[0], norm, prepared[2 - number :], number)

    own = set(rng.choice(units, positives, replace=False).tolist())
    wanted = sorted(similar[unit] for unit in own)
    of_units = np.maximum.reduceat(rough, starts[:-1])
    row = np.array([scores.BLANK if unit in own else of_units[unit] for unit in range(units)], np.float32)
    before, scratch = row.copy(), scratch_of(units, positives)
    scratch.bands[:] = [(value - error, value + error) for value in wanted]
    scratch.finer[:] = [(value - fine, value + fine) for value in wanted]
    counts = Counts(np.zeros(positives, np.int64), np.zeros(positives, np.int64))

    comparison = PairComparison(euclidean, (6 + 32) * 2.0**-53)
    work = plain(count.count_row)(row, units, ask_of(wanted), query, block, scratch, comparison, counts)

    others = set(range(units)) - own
    for place, value in enumerate(wanted):
        assert (counts.closer[place], counts.tied[place]) == literal_counts(similar, others, value, metric)
    sizes = np.diff(starts)
    near, doubtful = set(), set()
    for first, last in [
        (0, count.FIRST),
        *((at, at + count.GROUP) for at in range(count.FIRST, positives, count.GROUP)),
    ]:
        near |= {unit for unit in range(units) if within(before[unit], scratch.bands[first:last])}
        doubtful |= {unit for unit in near if within(np.float32(scratch.guesses[unit]), scratch.finer[first:last])}
    assert set(scratch.touched[1 : 1 + scratch.touched[0]].tolist()) == near
    assert scratch.touched[0] == len(near)
    assert set(np.flatnonzero(~np.isnan(scratch.exacts)).tolist()) == doubtful
    assert work == sum(sizes[unit] for unit in near) + sum(sizes[unit] for unit in doubtful)
