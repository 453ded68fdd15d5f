"""One row of scores: from the products to those that may be counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import inner, inner_loose
from harness.kernel.native.tuples import RowBuffer, Tile, UnitLists

Array = Any

BLANK = np.float32(-1e38)
"""The score of a unit that is no negative."""

LOWEST = -4e37
"""A number below every score."""

HIGHEST = 3e38


@inner_loose
def read_row(tile: Tile, i: int, buffer: RowBuffer) -> None:
    """Write row i of the products less the bias to the buffer's images."""
    if tile.whole.steps.shape[0] > 0:
        products = tile.whole.products[i, tile.whole.first :]
        _read_whole(products, tile.whole.factors[tile.begin + i], tile.whole.steps, tile.bias, buffer.images)
    elif tile.half:
        _read_half(tile.narrow[i], tile.bias, buffer.images, buffer.bits)
    else:
        _read_wide(tile.wide[i], tile.bias, buffer.images)


# With rows of their own as arguments, these loops take a third of the time that the same lines take in ``read_row``.


@inner_loose
def _read_whole(products: Array, factor: np.float32, steps: Array, bias: Array, out: Array) -> None:
    for j in range(bias.shape[0]):
        out[j] = np.float32(products[j]) * (factor * steps[j]) - bias[j]


@inner_loose
def _read_half(products: Array, bias: Array, out: Array, bits: Array) -> None:
    for j in range(bias.shape[0]):
        bits[j] = np.uint32(products[j]) << np.uint32(16)
    for j in range(bias.shape[0]):
        out[j] -= bias[j]


@inner_loose
def _read_wide(products: Array, bias: Array, out: Array) -> None:
    for j in range(bias.shape[0]):
        out[j] = products[j] - bias[j]


@inner
def group_row(row: Array, starts: Array) -> None:
    """Reduce a row of images to a row of units, in place: each the greatest of its images."""
    for u in range(starts.shape[0] - 1):
        best = row[starts[u]]
        for j in range(starts[u] + 1, starts[u + 1]):
            best = max(best, row[j])
        row[u] = best


@inner
def listed_from(lists: UnitLists, query: int, first: int) -> int:
    """Return the place in a query's list of its first unit that is at least ``first``."""
    listed = lists.units
    low, high = lists.starts[query], lists.starts[query + 1]
    while low < high:
        middle = (low + high) // 2
        if listed[middle] < first:
            low = middle + 1
        else:
            high = middle
    return int(low)


@inner
def blank(row: Array, units: int, lists: UnitLists, query: int, first: int, mark: Any = BLANK) -> None:
    """Mark the units of a query's list as blank; the row's first is unit ``first``."""
    place, end = listed_from(lists, query, first), lists.starts[query + 1]
    while place < end and lists.units[place] - first < units:
        row[lists.units[place] - first] = mark
        place += 1


@inner
def keep(row: Array, count: int, low: np.float32, kept: Array, places: Array) -> int:
    """Write the scores from ``low`` on and their places in the row; return their number."""
    number = 0
    for j in range(count):
        kept[number] = row[j]
        places[number] = j
        number += row[j] >= low
    return number


@inner
def keep_on(kept: Array, places: Array, count: int, low: np.float32) -> int:
    """Drop the kept scores below ``low``; return the number of the others."""
    number = 0
    for j in range(count):
        score, place = kept[j], places[j]
        kept[number] = score
        places[number] = place
        number += score >= low
    return number


@inner
def count_from(row: Array, count: int, low: np.float32) -> np.int32:
    """Return how many of the first ``count`` scores are at least ``low``."""
    total = np.int32(0)
    for j in range(count):
        # Without the cast numba counts in int64, at half the speed.
        total = np.int32(total + np.int32(row[j] >= low))
    return total


@inner
def count_band(row: Array, count: int, low: np.float32, high: np.float32) -> tuple[np.int32, np.int32]:
    """Return how many of the first ``count`` scores are at least ``low``, and how many are above ``high``."""
    reaching = above = np.int32(0)
    for j in range(count):
        reaching = np.int32(reaching + np.int32(row[j] >= low))
        above = np.int32(above + np.int32(row[j] > high))
    return reaching, above


@inner
def flag_within(row: Array, count: int, low: np.float32, high: np.float32, flags: Array) -> None:
    """Flag those of the first ``count`` places whose score is from ``low`` to ``high``."""
    for j in range(count):
        flags[j] |= np.uint8(row[j] >= low) & np.uint8(row[j] <= high)


@inner
def take_flags(flags: Array, words: Array, count: int, found: Array) -> int:
    """Write the flagged places to ``found``, ascending; return their number, and clear the flags.

    Args:
        flags: uint8, 0 or 1, eights of them.
        words: the same memory as uint64.
        count: how many to look at.
        found: places.
    """
    number = 0
    for word in range((count + 7) // 8):
        if words[word] != 0:
            for j in range(8 * word, 8 * word + 8):
                found[number] = j
                number += flags[j]
            words[word] = 0
    return number
