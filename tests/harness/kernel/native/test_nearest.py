"""Lists of the nearest, and the limits that spare most units a look."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.native import count, nearest, scores
from harness.kernel.native.scores import HIGHEST, LOWEST
from harness.kernel.native.tuples import Bound, Features, Listing, Nearest, PairComparison
from tests import reference
from tests.harness.kernel.native.plain import block_of, buffer_of, floats, lists, plain, query_of, scratch_of, tile_of
from tests.harness.kernel.native.tiles import held_of, listing_of

FINITE = st.floats(-(2.0**127), 2.0**127, width=32)
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

    found = plain(nearest.narrow)(row, units, low, wanted, 2 * wanted, error, Bound(1.0, 2.0**-20, 0.5))

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

    found = plain(nearest.narrow)(row, 17, np.float32(-9), 2, 4, 0.25, Bound(1.0, 0.125, 1.0))

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


def test_a_limit_is_raised_until_no_more_than_enough_are_certain():
    row, exact = floats(*range(16)), Bound(1.0, 0.0, 0.0)

    few, many = (plain(nearest.narrow)(row, 16, np.float32(-9), 2, enough, 0.0, exact) for enough in (2, 8))

    assert 13 < few <= 14
    assert 7 < many <= 8


@given(FINITE, FINITE)
def test_bits_in_order_compare_as_the_floats_do(one, other):
    first, second = (np.float32(value + 0.0).view(np.int32) for value in (one, other))  # -0.0 becomes 0.0

    placed = [plain(nearest.in_order)(bits) for bits in (first, second)]

    assert (placed[0] < placed[1]) == (one < other)
    assert [plain(nearest.in_order)(value) for value in placed] == [first, second]


def test_neighbouring_floats_are_neighbours_in_order():
    for value in (-1.0, -(2.0**-149), 1.0, 5e37):
        low, high = (np.float32(value), np.nextafter(np.float32(value), np.float32(np.inf)))
        below, above = (plain(nearest.in_order)(one.view(np.int32)) for one in (low, high))
        assert above == below + 1 or (below, above) == (-2, np.float32(-0.0).view(np.int32) ^ 0x7FFFFFFF)


def listing_of_rows(rows, *, euclidean, error=0.0, bound=None, shift=0.0, tolerance=2.0**-6) -> Listing:
    """Return the listing of a query, the first row, and of a block of the others."""
    query = query_of(rows[0])
    tile = tile_of(
        np.zeros((1, len(rows) - 1)),
        block=block_of(rows[1:]),
        queries=Features(rows[:1], np.array([query.norm])),
        errors=np.array([error]),
        bound=bound or Bound(1.0, 0.0, 0.0),
    )
    return listing_of(tile, np.array([shift]), PairComparison(euclidean, tolerance))


def holding(scores_of, limit, *, far=False, room=None):
    """Return room of one query that holds units with those scores, None for one that is not held."""
    units = [unit for unit, score in enumerate(scores_of) if score is not None]
    held = held_of(0, 1, room or len(units), limit)
    held.units[0, : len(units)] = units
    held.scores[0, : len(units)] = [-scores_of[unit] if far else scores_of[unit] for unit in units]
    held.numbers[0] = len(units)
    return held


def nobody(most, farthest=math.inf) -> Nearest:
    return Nearest(np.full((1, most), -1), np.full((1, most), np.nan), np.zeros(1, np.int64), np.array([farthest]))


@pytest.mark.parametrize(("error", "shift"), [(0.2, 0.0), (3.0, 0.0), (3.0, 99.0)])
@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("far", [False, True])
def test_what_is_wanted_is_found_among_scores_that_may_be_wrong(far, euclidean, error, shift):
    rng = np.random.default_rng(6)
    rows = np.abs(rng.standard_normal((31, 8))).astype(np.float32)
    metric = "euclidean" if euclidean else "cosine"
    similar = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
    bound = Bound(1.0, 2.0**-4, 0.5)
    # The wanted one's score is too bad and those of the others too good, each by the most that is allowed.
    right = (np.array(similar) + shift) / 2 if euclidean else np.array(similar) - shift
    side = -1 if far else 1
    wrong = side * 0.99 * (error + bound.rounding * (np.abs(right) + error + bound.offset))
    wanted = np.argmax(side * np.array(similar))
    scored = np.where(np.arange(30) == wanted, right - wrong, right + wrong)
    listing = listing_of_rows(rows, euclidean=euclidean, error=error, bound=bound, shift=shift)
    found = nobody(1)

    plain(nearest.settle)(far, query_of(rows[0]), listing, held := holding(scored, -3e38, far=far), np.empty(32), found)

    if not far:
        assert (found.units[0, 0], found.similarities[0, 0], found.numbers[0]) == (wanted, similar[wanted], 1)
        assert found.farthest[0] == math.inf
    else:
        assert found.farthest[0] == similar[wanted]
        assert found.numbers[0] == 0
    # What comes later has to be as good as what is listed, by the scores that it can have.
    limit = plain(nearest.limit_of)(similar[wanted], shift, error, bound, listing.comparison, -side)
    assert held.numbers[0] == 0
    assert held.limits[0] == side * limit


@pytest.mark.parametrize("euclidean", [False, True])
def test_nobody_is_listed_of_no_units_and_limits_never_fall(euclidean):
    rows = np.ones((2, 8), np.float32)
    listing = listing_of_rows(rows, euclidean=euclidean)
    for far, least in ((False, LOWEST), (True, -HIGHEST)):
        for limit in (least, 7.0):
            held, found = holding([], limit, room=3), nobody(1)
            plain(nearest.settle)(far, query_of(rows[0]), listing, held, np.empty(32), found)
            assert held.limits[0] == np.float32(limit)
            assert (found.numbers[0], found.farthest[0]) == (0, math.inf)


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
    rows = np.stack([query, *block.rows[[first, second]]])
    listing = listing_of_rows(rows, euclidean=euclidean, error=1e3, tolerance=72 * 2.0**-53)
    found = nobody(1)

    plain(nearest.settle)(False, one, listing, holding([0, 0], LOWEST), np.empty(32), found)

    assert (found.units[0, 0], found.similarities[0, 0]) == (1, exact[second])


@pytest.mark.parametrize("euclidean", [False, True])
def test_a_quick_look_leaves_out_what_is_certainly_farther_than_a_full_list(euclidean):
    rows = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    listing = listing_of_rows(rows, euclidean=euclidean, tolerance=2.0**-53)
    found = nobody(2)
    looks = {}
    for number, worst in (
        (0, -9.0),
        (1, -9.0),
        (2, -9.0),
        (2, -0.5),
    ):  # whose units have similarity 1 and 0, or 0 and -2
        found.numbers[0], found.similarities[0] = number, (9.0, worst)
        looks[number, worst] = [plain(nearest.is_farther)(query_of(rows[0]), unit, listing, found) for unit in (0, 1)]

    assert looks.pop((2, -0.5)) == [False, euclidean]
    assert set(map(tuple, looks.values())) == {(False, False)}
    found.similarities[0] = 9.0, 0.5
    assert plain(nearest.is_farther)(query_of(rows[0]), 1, listing, found)


@pytest.mark.parametrize("euclidean", [False, True])
def test_a_quick_look_leaves_out_units_one_by_one_and_no_farthest_one(euclidean):
    rows = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    listing = listing_of_rows(rows, euclidean=euclidean, error=1e3, tolerance=2.0**-53)
    listing = listing._replace(comparison=listing.comparison._replace(quick=True))
    found = nobody(1)
    found.numbers[0], found.similarities[0, 0], found.units[0, 0] = 1, -0.5 if euclidean else 0.5, 99

    for far in (False, True):
        limit = -HIGHEST if far else LOWEST
        held = holding([0.0, 0.0], limit, far=far)
        plain(nearest.settle)(far, query_of(rows[0]), listing, held, np.empty(32), found)

    assert found.units.tolist() == [[1]]
    assert found.farthest.tolist() == [-2.0 if euclidean else 0.0]


@pytest.mark.parametrize(("euclidean", "greatest"), [(False, 1.0), (True, 2 * 7 * 0.5 + 2 * (1 + 3.0))])
def test_the_error_of_a_list_is_that_of_the_scores_and_of_the_greatest_similarity_there_can_be(euclidean, greatest):
    """A scaled similarity is at most |x|^2 + 2 |x| |y| + 2 b, of x and y no longer than one; the shift is |x|^2."""
    listing = listing_of_rows(np.ones((2, 8), np.float32), euclidean=euclidean, bound=BOUND, shift=7.0)

    assert plain(nearest.slack_of)(0, 0.125, listing) == 0.125 + 8 * 2.0**-6 * greatest


def test_units_below_a_limit_are_dropped_and_the_others_keep_their_order():
    held = holding([3.0, 1.0, None, 2.0, 5.0, 0.0], LOWEST, room=7)

    held.numbers[0] = plain(scores.keep_on)(held.scores[0], held.units[0], held.numbers[0], np.float32(2))

    assert held.numbers[0] == 3
    assert held.units[0, :3].tolist() == [0, 3, 4]
    assert held.scores[0, :3].tolist() == [3, 2, 5]


@pytest.mark.parametrize("most", [1, 2])
def test_room_is_made_by_what_is_certainly_farther_than_twice_a_list(most):
    rows = np.random.default_rng(1).standard_normal((41, 8)).astype(np.float32)
    listing = listing_of_rows(rows, euclidean=False, tolerance=0.0)
    held, found = holding([float(unit) for unit in range(40)], LOWEST), nobody(most)

    plain(nearest.make_room)(False, query_of(rows[0]), listing, held, np.empty(32), found)

    left = held.numbers[0]
    assert most <= left <= 2 * most
    assert held.units[0, :left].tolist() == list(range(40 - left, 40))
    assert 39 - left < held.limits[0] <= 40 - left
    assert found.numbers[0] == 0


def test_if_most_may_be_wanted_all_are_settled_to_make_room():
    rows = np.random.default_rng(1).standard_normal((9, 8)).astype(np.float32)
    listing = listing_of_rows(rows, euclidean=False, error=1e3)
    held, found = holding([float(unit) for unit in range(8)], LOWEST), nobody(3)

    plain(nearest.make_room)(False, query_of(rows[0]), listing, held, np.empty(32), found)

    assert held.numbers[0] == 0
    assert found.numbers[0] == 3
    similar = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), "cosine") for row in rows[1:]]
    assert found.units[0].tolist() == np.argsort(-np.array(similar), kind="stable")[:3].tolist()


def one_row(score, *, euclidean, similar, farthest=math.inf):
    """Hold what may be wanted of a tile of one unit, beside a full list of one; return both sides and the list."""
    rows = np.random.default_rng(2).standard_normal((2, 8)).astype(np.float32)
    listing = listing_of_rows(rows, euclidean=euclidean, error=0.125, bound=BOUND, shift=7.0)
    tile = tile_of([[score]], block=listing.block, queries=listing.queries, errors=listing.errors, bound=listing.bound)
    near, far = held_of(0, 1, 2, LOWEST), held_of(0, 1, 2, -HIGHEST)
    found = Nearest(np.array([[9]]), np.array([[similar]]), np.ones(1, np.int64), np.array([farthest]))
    ends = 0, 1, listing, near, far, np.empty(32), found
    plain(nearest.settle_lists)(*ends)
    plain(nearest.list_tile)(tile, listing, lists([]), buffer_of(1), scratch_of(1, 0), near, far, found)
    held = near.numbers[0], far.numbers[0]
    plain(nearest.settle_lists)(*ends)
    return held, found


@pytest.mark.parametrize("euclidean", [False, True])
def test_the_farthest_is_looked_for_only_where_a_score_is_as_low_as_its_similarity_allows(euclidean):
    high = plain(nearest.limit_of)(-3.0, 7.0, 0.125, BOUND, PairComparison(euclidean, 2.0**-6), 1.0)

    def looks(score):
        return one_row(score, euclidean=euclidean, similar=-3.0, farthest=-3.0)[0][1] == 1

    assert looks(high)
    assert looks(np.nextafter(high, np.float32(-99)))
    assert not looks(np.nextafter(high, np.float32(99)))
    for score in (-1.0, 5.0):
        assert one_row(score, euclidean=euclidean, similar=-3.0)[1].farthest[0] < math.inf


@pytest.mark.parametrize("euclidean", [False, True])
def test_a_unit_whose_score_is_as_low_as_the_bound_allows_is_listed(euclidean):
    low = plain(nearest.limit_of)(-99.0, 7.0, 0.125, BOUND, PairComparison(euclidean, 2.0**-6), -1.0)

    held, found = one_row(low, euclidean=euclidean, similar=-99.0)
    assert (held[0], found.units.tolist()) == (1, [[0]])
    held, found = one_row(np.nextafter(low, np.float32(-999)), euclidean=euclidean, similar=-99.0)
    assert (held[0], found.units.tolist()) == (0, [[9]])
