"""Lists of the nearest, and the limits that spare most units a look."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.native import count, nearest, scores
from harness.kernel.native.tuples import Bound, Features, Nearest, PairComparison
from tests import reference
from tests.harness.kernel.native.plain import block_of, buffer_of, floats, lists, plain, query_of, tile_of

BOUND = Bound(scale=0.5, rounding=2.0**-7, offset=3.0)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("euclidean", [False, True])
def test_limits_of_lists_are_targets_with_their_errors(euclidean, side):
    comparison = PairComparison(euclidean, 2.0**-6)

    found = plain(nearest.limit_of)(-5.0, 2.0, 0.125, BOUND, comparison, side)

    target = (-5.0 + 2.0) / 2 * 0.5 if euclidean else -5.0 - 2.0
    width = 0.125 + 8 * 2.0**-6 * ((2.0 + 5.0) * 0.5 if euclidean else 1)
    width += 2.0**-7 * (abs(target) + width + 3.0)
    assert found == np.float32(target + side * width)
    far = 1e39 * side
    assert plain(nearest.limit_of)(far, 0.0, 0.0, BOUND, PairComparison(False, 0.0), side) == np.float32(
        3e38 if side > 0 else -4e37
    )


def test_the_least_and_greatest_scores_leave_blanks_out():
    row = floats(3, scores.BLANK, -2, 7, 9)

    assert plain(nearest.lowest)(row, 4) == -2
    assert plain(nearest.highest)(row, 4) == 7
    assert plain(nearest.lowest)(floats(scores.BLANK), 1) == np.float32(3e38)
    assert plain(nearest.highest)(row, 0) == np.float32(-3e38)
    assert plain(nearest.highest)(floats(-2e38, scores.BLANK), 2) == scores.BLANK


@settings(max_examples=60)
@given(st.integers(0, 99), st.integers(20, 200), st.integers(1, 8))
def test_a_limit_is_raised_as_far_as_the_wanted_stay_certain(seed, units, wanted):
    row = np.random.default_rng(seed).standard_normal(units).astype(np.float32)
    row[1] = scores.BLANK
    error = 2.0**-12
    low = np.float32(-1.5)

    found = plain(nearest.narrow)(row, units, low, wanted, error, Bound(1.0, 2.0**-20, 0.5))

    best = np.sort(row)[::-1]
    apart = 2 * (error + 2.0**-20 * (1 + error + 0.5))
    assert found >= low
    assert found == low or best[wanted - 1] - found >= apart
    # ... and far enough that few others are looked at.
    assert found == low or (row >= found).sum() <= 2 * wanted + (np.abs(row - found) < 8 * error).sum()
    assert found > low or (row >= low).sum() <= 2 * wanted


def test_a_raised_limit_is_two_widths_below():
    row = floats(*range(16), -5)
    width = 0.25 + 0.125 * (12 + 0.25 + 1.0)

    found = plain(nearest.narrow)(row, 17, np.float32(-9), 2, 0.25, Bound(1.0, 0.125, 1.0))

    # Of -5 to 15 the middles are 5, 10, 12.5, with three scores at or above the last.
    width = 0.25 + 0.125 * (12.5 + 0.25 + 1.0)
    assert found == np.float32(12.5 - 2 * width - 4 * 0.125 * width)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), max_size=30), st.integers(1, 5))
def test_lists_keep_the_nearest_and_equal_ones_in_the_order_of_coming(pairs, most):
    units, values = np.full((2, most), -1), np.full((2, most), np.nan)
    table = Nearest(units, values, np.zeros(2, np.int64), np.empty(0))
    query, similar = (np.array([pair[place] for pair in pairs], np.int64) for place in (0, 1))

    plain(nearest.insert_pairs)(table, query, np.arange(len(pairs)), similar.astype(np.float64))

    for own in range(2):
        wanted = sorted((-value, unit) for unit, (number, value) in enumerate(pairs) if number == own)[:most]
        assert table.numbers[own] == len(wanted)
        assert units[own].tolist() == [unit for _, unit in wanted] + [-1] * (most - len(wanted))
        assert values[own][: len(wanted)].tolist() == [-value for value, _ in wanted]


@pytest.mark.parametrize(("error", "shift"), [(0.2, 0.0), (3.0, 0.0), (3.0, 99.0)])
@pytest.mark.parametrize("euclidean", [False, True])
def test_the_least_similarity_is_found_among_scores_that_may_be_wrong(euclidean, error, shift):
    rng = np.random.default_rng(6)
    rows = np.abs(rng.standard_normal((31, 8))).astype(np.float32)
    block, query = block_of(rows[1:]), query_of(rows[0])
    metric = "euclidean" if euclidean else "cosine"
    wanted = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
    bound = Bound(1.0, 2.0**-4, 0.5)
    # The least score is too high and the others too low, each by the most that is allowed.
    right = np.array(wanted) + shift
    wrong = 0.99 * (error + bound.rounding * (np.abs(right) + error + bound.offset))
    row = np.where(np.arange(30) == np.argmin(wanted), right + wrong, right - wrong).astype(np.float32)
    row[np.argmax(wanted)] = scores.BLANK
    kept = [value for value, score in zip(wanted, row, strict=True) if score > scores.BLANK]

    found = plain(nearest.least)(row, 30, query, block, error, bound, euclidean, np.empty(32))

    assert found == min(kept)
    certain = np.array(wanted, np.float32)
    assert plain(nearest.least)(certain, 30, query, block, 0.0, Bound(1.0, 0.0, 0.0), euclidean, np.empty(32)) == min(
        wanted
    )
    blank = np.full(30, scores.BLANK)
    assert plain(nearest.least)(blank, 30, query, block, error, bound, euclidean, np.empty(32)) == math.inf


@pytest.mark.parametrize("euclidean", [False, True])
def test_a_unit_that_a_quick_look_puts_below_a_full_list_by_its_rounding_alone_is_looked_at_again(euclidean):
    rng = np.random.default_rng(3)
    row = rng.standard_normal(40).astype(np.float32) + 1
    query = np.ones(40, np.float32)
    block = block_of(np.stack([rng.permutation(row) for _ in range(60)]))  # equal in real numbers, not when rounded
    one = query_of(query)
    exact = [plain(count.canonical)(one, block, unit, euclidean, np.empty(32)) for unit in range(60)]
    quick = [plain(count.coarse)(one, block, unit, euclidean) for unit in range(60)]
    first, second = next((a, b) for a in range(60) for b in range(60) if quick[b] < exact[a] < exact[b])
    two = block_of(block.rows[[first, second]])
    comparison = PairComparison(euclidean, 72 * 2.0**-53)
    tile = tile_of(
        [[0, 0]],
        block=two,
        queries=Features(query[None], np.array([one.norm])),
        errors=np.array([1e3]),
        bound=Bound(1.0, 0.0, 0.0),
    )
    found = Nearest(np.full((1, 1), -1), np.full((1, 1), np.nan), np.zeros(1, np.int64), np.empty(0))

    plain(nearest.list_tile)(tile, lists([]), np.zeros(1), buffer_of(2), np.empty(32), comparison, found)

    assert (found.units[0, 0], found.similarities[0, 0]) == (1, exact[second])


def one_row(score, *, euclidean, similar, errors=0.125, shift=7.0, farthest=math.inf, recorded=False):
    """Bring a full list of one up to date with a tile of one unit; return the list and the errors that were told.

    Args:
        score: of the unit.
        euclidean: the metric.
        similar: the least similarity in the list.
        errors: of the query's scores.
        shift: of its targets.
        farthest: the least similarity so far.
        recorded: whether the loops that take the errors are not called but only told.
    """
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((2, 8)).astype(np.float32)
    comparison = PairComparison(euclidean, 2.0**-6)
    told = {}
    list_tile = plain(nearest.list_tile)
    for name, place in {"least": 4, "list_row": 3}.items() if recorded else ():
        list_tile.__globals__[name] = lambda *given, name=name, place=place: told.setdefault(name, given[place])
    query = query_of(rows[0])
    found = Nearest(np.array([[9]]), np.array([[similar]]), np.ones(1, np.int64), np.array([farthest]))
    tile = tile_of(
        [[score]],
        block=block_of(rows[1:]),
        queries=Features(rows[:1], np.array([query.norm])),
        errors=np.array([errors]),
        bound=BOUND,
    )
    list_tile(tile, lists([]), np.array([shift]), buffer_of(1), np.empty(32), comparison, found)
    return found, told


@pytest.mark.parametrize(("euclidean", "greatest"), [(False, 1.0), (True, 2 * 7 * 0.5 + 2 * (1 + 3.0))])
def test_the_error_of_a_list_is_that_of_the_scores_and_of_the_greatest_similarity_there_can_be(euclidean, greatest):
    """A scaled similarity is at most |x|^2 + 2 |x| |y| + 2 b, of x and y no longer than one; the shift is |x|^2."""
    _, told = one_row(0.5, euclidean=euclidean, similar=-3.0, recorded=True)

    assert told == dict.fromkeys(("least", "list_row"), 0.125 + 8 * 2.0**-6 * greatest)


@pytest.mark.parametrize("euclidean", [False, True])
def test_the_farthest_is_looked_for_only_where_a_score_is_as_low_as_its_similarity_allows(euclidean):
    high = plain(nearest.limit_of)(-3.0, 7.0, 0.125, BOUND, PairComparison(euclidean, 2.0**-6), 1.0)

    def looks(score):
        return "least" in one_row(score, euclidean=euclidean, similar=-3.0, farthest=-3.0, recorded=True)[1]

    assert looks(high)
    assert looks(np.nextafter(high, np.float32(-99)))
    assert not looks(np.nextafter(high, np.float32(99)))
    assert one_row(-1.0, euclidean=euclidean, similar=-3.0)[0].farthest[0] < math.inf


@pytest.mark.parametrize("euclidean", [False, True])
def test_a_unit_whose_score_is_as_low_as_the_bound_allows_is_listed(euclidean):
    low = plain(nearest.limit_of)(-99.0, 7.0, 0.125, BOUND, PairComparison(euclidean, 2.0**-6), -1.0)

    assert one_row(low, euclidean=euclidean, similar=-99.0)[0].units.tolist() == [[0]]
    assert one_row(np.nextafter(low, np.float32(-999)), euclidean=euclidean, similar=-99.0)[0].units.tolist() == [[9]]
