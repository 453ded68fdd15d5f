"""Each loop by its own definition, as plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.native import count, nearest, order, prepare, scores, similarity
from harness.kernel.native.tuples import (
    Ask,
    Asked,
    Block,
    Bound,
    Counts,
    Features,
    Nearest,
    PairComparison,
    Query,
    Rounded,
    RowBuffer,
    RowFrame,
    Scratch,
    Tile,
    UnitLists,
    UnitPairs,
)
from tests import reference
from tests.harness.kernel.plain import plain

NUMBERS = st.lists(st.integers(-9, 9), max_size=40)
COMPARISON = PairComparison(euclidean=False, tolerance=2.0**-48)


def floats(*values):
    return np.array(values, dtype=np.float32)


def lists(*rows):
    return UnitLists(
        np.cumsum([0, *map(len, rows)]).astype(np.int64),
        np.array([unit for row in rows for unit in row], dtype=np.int64),
    )


def block_of(rows, starts=None, first=0):
    norms = np.array([reference.ordered_sum(row * row) for row in rows.astype(np.float64)])
    return Block(rows, norms, np.arange(len(rows) + 1) if starts is None else np.array(starts), first)


def query_of(row):
    return Query(row, reference.ordered_sum(row.astype(np.float64) ** 2))


@given(NUMBERS, st.integers(-9, 9), st.integers(0, 40))
def test_scores_are_kept_from_a_limit_on_with_their_places(values, low, cut):
    row, room = floats(*values), len(values) + 1
    kept, places = np.zeros(room, np.float32), np.zeros(room, np.int32)
    first = min(cut, len(values))

    number = plain(scores.keep)(row, first, np.float32(low), kept, places)

    wanted = [place for place in range(first) if values[place] >= low]
    assert places[:number].tolist() == wanted
    assert kept[:number].tolist() == [values[place] for place in wanted]

    fewer = plain(scores.keep_on)(kept, places, number, np.float32(low + 2))
    wanted = [place for place in wanted if values[place] >= low + 2]
    assert places[:fewer].tolist() == wanted
    assert kept[:fewer].tolist() == [values[place] for place in wanted]


@given(NUMBERS, st.integers(-9, 9), st.integers(0, 5), st.integers(0, 40))
def test_scores_are_counted_and_flagged_with_both_limits_included(values, low, more, cut):
    row, high = floats(*values), low + more
    first = min(cut, len(values))
    some = values[:first]
    flags = np.zeros(-(-(len(values) + 1) // 8) * 8, dtype=np.uint8)
    found = np.full(len(values) + 9, -1)

    assert plain(scores.count_from)(row, first, low) == sum(value >= low for value in some)
    assert plain(scores.count_above)(row, first, high) == sum(value > high for value in some)
    reaching, above = plain(scores.count_band)(row, first, low, high)
    assert (reaching, above) == (sum(value >= low for value in some), sum(value > high for value in some))

    plain(scores.flag_within)(row, first, low, high, flags)
    assert flags[:first].tolist() == [low <= value <= high for value in some]
    plain(scores.flag_within)(row, first, 5, 5, flags)
    both = [place for place, value in enumerate(some) if low <= value <= high or value == 5]
    number = plain(scores.take_flags)(flags, flags.view(np.uint64), first, found)
    assert found[:number].tolist() == both
    assert not flags.any()


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.integers(0, 31), st.integers(0, 12))
def test_the_listed_units_of_a_query_and_a_block_are_blanked(before, own, first, units):
    row = np.arange(units + 2, dtype=np.float32)
    table = lists(sorted(before), sorted(own), [first, first + 1])

    plain(scores.blank)(row, units, table, 1, first)

    wanted = [place if place >= units or place + first not in own else scores.BLANK for place in range(units + 2)]
    assert row.tolist() == [float(value) for value in wanted]


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=4), min_size=1, max_size=8))
def test_a_row_of_images_becomes_one_of_units_with_the_greatest_of_each(units):
    row = floats(*(value for unit in units for value in unit))

    plain(scores.group_row)(row, np.cumsum([0, *map(len, units)]))

    assert row[: len(units)].tolist() == [max(unit) for unit in units]


def tile_of(product, *, bias=None, half=False, **more):
    product = np.asarray(product, dtype=np.float32)
    bits = (product.view(np.uint32) >> 16).astype(np.uint16)
    bias = np.zeros(product.shape[1], np.float32) if bias is None else floats(*bias)
    empty = {"begin": 0, "end": len(product), "penalties": np.empty((0, product.shape[1]), np.float32)}
    wide, narrow = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint16)
    given_ = {"wide": wide if half else product, "narrow": bits if half else narrow, "half": half, "bias": bias}
    return Tile(**{"block": None, "queries": None, "errors": None, "bound": None} | empty | given_ | more)


def buffer_of(width):
    images = np.empty(width, np.float32)
    return RowBuffer(images, images.view(np.uint32), np.empty(width, np.float32))


@pytest.mark.parametrize("half", [False, True])
def test_a_row_is_read_less_its_bias(half):
    buffer = buffer_of(3)

    plain(scores.read_row)(tile_of([[1, 2, 3], [1.5, -2, 0.25]], bias=[0.5, 1, -2], half=half), 1, buffer)

    assert buffer.images.tolist() == [1.0, -3.0, 2.25]


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


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_rows_are_centred_scaled_rounded_to_even_and_measured(euclidean, half):
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((4, 9)).astype(np.float32)
    rows[2] = 0
    norms = (rows.astype(np.float64) ** 2).sum(axis=1)
    centre, scale = rng.standard_normal(9) / 4, 0.25
    if half and euclidean:  # halfway between two of bfloat16, to an odd and to an even neighbour
        rows[0], centre[:] = np.float32(1 + 1 / 256), 0
        rows[1] = np.float32(1 + 3 / 256)
    wide, narrow = np.zeros((4, 9), np.float32), np.zeros((4, 9), np.uint16)
    buffer, sizes = np.empty(9, np.float32), np.empty((4, 4))

    out = Rounded(wide, narrow, half, sizes)
    plain(prepare.prepare)(
        Features(rows, norms), RowFrame(centre, scale, euclidean), out, buffer, buffer.view(np.uint32)
    )

    lengths = np.ones(4) if euclidean else np.sqrt(norms)
    directions = rows / np.where(lengths > 0, lengths, 1)[:, None]
    exact = (directions - centre) * scale
    rounded = (narrow.astype(np.uint32) << 16).view(np.float32) if half else wide
    assert not (wide if half else narrow).any()
    assert (np.abs(rounded - exact) <= np.abs(exact) * 2.0 ** (-8 if half else -24)).all()
    if half:
        import torch

        assert rounded.tolist() == torch.from_numpy(exact).float().bfloat16().float().tolist()
    values = rounded.astype(np.float64)
    wanted = np.stack(
        [
            np.linalg.norm(exact - values, axis=1),
            np.linalg.norm(values, axis=1),
            (exact * centre).sum(axis=1),
            (exact**2).sum(axis=1),
        ],
        axis=1,
    )
    assert sizes == pytest.approx(wanted, rel=1e-7, abs=1e-15)


BOUND = Bound(scale=0.5, rounding=2.0**-7, offset=3.0)


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


def ask_of(values, widths=()):
    return Ask(0, len(values), np.array(values, dtype=np.float64), np.array(widths, dtype=np.float64))


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


def test_a_settled_unit_is_closer_tied_or_neither():
    comparison = PairComparison(euclidean=False, tolerance=0.125)

    def settled(ask, similar):
        counts = Counts(np.zeros(4, np.int64), np.zeros(4, np.int64))
        plain(count.settle)(similar, ask, 1, 4, comparison, counts)
        return counts.closer.tolist(), counts.tied.tolist()

    values = [9.0, 0.375, 0.5, 0.75]
    assert settled(ask_of(values), 0.625) == ([0, 1, 0, 0], [0, 0, 1, 1])
    assert settled(ask_of(values), 0.5) == ([0, 0, 0, 0], [0, 1, 1, 0])
    assert settled(ask_of(values, [0.0, 0.25, 0.0625, 0.0625]), 0.625) == ([0, 0, 1, 0], [0, 1, 0, 0])


@pytest.mark.parametrize("euclidean", [False, True])
def test_the_least_similarity_is_found_among_scores_that_may_be_wrong(euclidean):
    rng = np.random.default_rng(6)
    rows = rng.standard_normal((31, 8)).astype(np.float32)
    block, query = block_of(rows[1:]), query_of(rows[0])
    metric = "euclidean" if euclidean else "cosine"
    wanted = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
    row = (np.array(wanted) + 0.2 * rng.uniform(-1, 1, 30)).astype(np.float32)
    row[np.argmin(wanted) - 1] = scores.BLANK
    kept = [value for value, score in zip(wanted, row, strict=True) if score > scores.BLANK]

    found = plain(nearest.least)(row, 30, query, block, 0.2, Bound(1.0, 2.0**-21, 0.5), euclidean, np.empty(32))

    assert found == min(kept)
    blank = np.full(30, scores.BLANK)
    bound = Bound(1.0, 2.0**-21, 0.5)
    assert plain(nearest.least)(blank, 30, query, block, 0.2, bound, euclidean, np.empty(32)) == math.inf


def scratch_of(units, positives):
    flags = np.zeros(-(-units // 8) * 8, np.uint8)
    return Scratch(
        bands=np.empty((positives, 2), np.float32),
        kept=np.empty(units, np.float32),
        places=np.empty(units, np.int32),
        flags=flags,
        words=flags.view(np.uint64),
        found=np.empty(units + 8, np.int64),
        guesses=np.full(units, np.nan),
        exacts=np.full(units, np.nan),
        touched=np.zeros(units + 1, np.int64),
        acc=np.empty(32),
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), positives=st.integers(1, 45), copies=st.booleans(), euclidean=st.booleans())
def test_a_row_is_counted_for_any_number_of_positives_and_no_similarity_twice(seed, positives, copies, euclidean):
    rng = np.random.default_rng(seed)
    units = 60
    rows = rng.integers(-2, 3, (units + 1, 6)).astype(np.float32)
    rows[0, 0] += 0.5
    if copies:
        rows[31:] = rows[1:31]
    block, query = block_of(rows[1:]), query_of(rows[0])
    metric = "euclidean" if euclidean else "cosine"
    similar = [reference.similarity(rows[0].astype(np.float64), row.astype(np.float64), metric) for row in rows[1:]]
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
            row, units, ask_of(values), query, block, scratch, PairComparison(euclidean, tolerance), counts
        )

    for place, value in enumerate(values):
        signs = [reference.comparison(similar[unit], value, 6, metric) for unit in range(units) if unit not in own]
        assert (counts.closer[place], counts.tied[place]) == (signs.count(1), signs.count(0))
    near = {
        unit
        for unit, score in enumerate(row)
        if score > scores.BLANK and any(low <= score <= high for low, high in scratch.bands)
    }
    assert set(scratch.touched[1 : 1 + scratch.touched[0]].tolist()) == near
    assert scratch.touched[0] == len(near)
    assert work == len(near) + (~np.isnan(scratch.exacts)).sum()
