"""Rows of scores: read, reduced to units, blanked, kept, counted and flagged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.kernel.native import scores
from harness.kernel.native.tuples import Whole
from tests.harness.kernel.native.plain import buffer_of, floats, lists, plain, tile_of

NUMBERS = st.lists(st.integers(-9, 9), max_size=40)


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
    reaching, above = plain(scores.count_band)(row, first, low, high)
    assert (reaching, above) == (sum(value >= low for value in some), sum(value > high for value in some))

    plain(scores.flag_within)(row, first, low, high, flags)
    assert flags[:first].tolist() == [low <= value <= high for value in some]
    plain(scores.flag_within)(row, first, 5, 5, flags)
    both = [place for place, value in enumerate(some) if low <= value <= high or value == 5]
    number = plain(scores.take_flags)(flags, flags.view(np.uint64), first, found)
    assert found[:number].tolist() == both
    assert not flags.any()


def test_flags_are_looked_at_to_the_last_and_no_further():
    flags, found = np.ones(16, np.uint8), np.empty(17, np.int64)

    assert plain(scores.take_flags)(flags, flags.view(np.uint64), 16, found) == 16
    assert found[:16].tolist() == list(range(16))


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


@pytest.mark.parametrize("half", [False, True])
def test_a_row_is_read_less_its_bias(half):
    buffer = buffer_of(3)

    plain(scores.read_row)(tile_of([[1, 2, 3], [1.5, -2, 0.25]], bias=[0.5, 1, -2], half=half), 1, buffer)

    assert buffer.images.tolist() == [1.0, -3.0, 2.25]


def test_a_row_of_whole_numbers_is_read_in_its_steps_less_its_bias():
    buffer = buffer_of(3)
    products = np.array([[9] * 6, [9, 9, 6, -4, 3 << 20, 9]], np.int32)
    whole = Whole(products, 2, floats(7, 7, 7, 7, 0.5), floats(1, 0.25, 2), np.empty((0, 0), np.float32), np.empty(0))
    tile = tile_of([[0, 0, 0]], bias=[0.5, 1, -2], begin=3)

    plain(scores.read_row)(tile._replace(wide=tile.wide[:0], whole=whole), 1, buffer)

    assert buffer.images.tolist() == [6 * 0.5 - 0.5, -4 * 0.125 - 1, 3 * 2.0**20 + 2]
