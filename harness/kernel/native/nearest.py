"""The nearest units of each query, kept up to date block by block, with canonical similarities.

Scores alone leave out nearly all units. Those of a block that they do not leave out are held, with their scores, until
the block ends: by then the limit is as high as it gets, and few are left to look at.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.count import COARSE, canonical, coarse, finer_scores
from harness.kernel.native.prefetch import AHEAD, prefetch
from harness.kernel.native.scores import (
    HIGHEST,
    LOWEST,
    blank,
    count_from,
    flag_within,
    group_row,
    keep_on,
    read_row,
    take_flags,
)
from harness.kernel.native.similarity import margin
from harness.kernel.native.tuples import (
    Bound,
    Held,
    Listing,
    Nearest,
    PairComparison,
    Query,
    RowBuffer,
    Scratch,
    Tile,
    UnitLists,
)

Array = Any

HALVINGS = 24


@inner
def limit_of(
    similar: float, shift: float, error: float, bound: Bound, comparison: PairComparison, side: float
) -> np.float32:
    """Return the lowest score (side -1) that a unit of at least that similarity can have, or the highest (side 1).

    The highest is for units of at most that similarity; see ``bounds``.
    """
    target = (similar + shift) / 2 * bound.scale if comparison.euclidean else similar - shift
    width = error + 8.0 * comparison.tolerance * ((shift - similar) * bound.scale if comparison.euclidean else 1.0)
    width += bound.rounding * (abs(target) + width + bound.offset)
    return np.float32(min(max(target + side * width, LOWEST), HIGHEST))


@inner
def in_order(bits: np.int32) -> np.int32:
    """Return the bits of a float32 as a whole number that orders as the floats do; and from that the bits again."""
    return np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


@inner
def lowest(row: Array, units: int) -> np.float32:
    """Return the least score of a row that is not blank.

    Whole numbers are compared, many at once; LLVM would compare floats one by one, for the sake of NaN.
    """
    bits, nothing = row.view(np.int32), np.float32(HIGHEST).view(np.int32)
    found = nothing
    for u in range(units):
        score = in_order(bits[u]) if row[u] > np.float32(LOWEST) else nothing
        found = min(found, score)
    return np.int32(in_order(found)).view(np.float32)


@inner
def highest(row: Array, units: int) -> np.float32:
    """Return the greatest score of a row."""
    bits, found = row.view(np.int32), in_order(np.float32(-HIGHEST).view(np.int32))
    for u in range(units):
        found = max(found, in_order(bits[u]))
    return np.int32(in_order(found)).view(np.float32)


@inner
def beyond(edge: float, error: float, bound: Bound) -> float:
    """Return a score so far below ``edge`` that no unit under it can be nearer than one of that score or more."""
    width = error + bound.rounding * (abs(edge) + error + bound.offset)
    return edge - 2.0 * width - 4.0 * bound.rounding * width


@inner
def narrow(row: Array, units: int, low: np.float32, wanted: int, enough: int, error: float, bound: Bound) -> np.float32:
    """Raise a limit while ``wanted`` scores stay so far above it that no unit below it can be among the nearest.

    It is raised until no more than ``enough`` scores are certain, or until halving their range tells none apart.
    """
    low_edge, high_edge = max(float(low), float(lowest(row, units))), float(highest(row, units))
    for _ in range(HALVINGS):
        middle = (low_edge + high_edge) / 2
        reaching = count_from(row, units, np.float32(middle))
        if reaching >= wanted:
            low_edge = middle
            if reaching <= enough:
                break
        else:
            high_edge = middle
    return max(low, np.float32(beyond(low_edge, error, bound)))


@inner
def insert(lists: Nearest, query: int, unit: int, similar: float) -> None:
    """Put a unit behind all that are as near."""
    units, similarities = lists.units, lists.similarities
    number, most = lists.numbers[query], units.shape[1]
    if number == most and similar <= similarities[query, most - 1]:
        return
    place = min(number, most - 1)
    while place > 0 and similarities[query, place - 1] < similar:
        similarities[query, place] = similarities[query, place - 1]
        units[query, place] = units[query, place - 1]
        place -= 1
    similarities[query, place] = similar
    units[query, place] = unit
    lists.numbers[query] = min(number + 1, most)


@inner
def limit_by_list(far: bool, query: int, error: float, listing: Listing, lists: Nearest) -> np.float32:
    """Return the score below which what is listed already leaves nothing wanted; for the farthest, of other sign."""
    shift, most = listing.shifts[query], lists.units.shape[1]
    if far:
        if lists.farthest[query] == math.inf:
            return np.float32(-HIGHEST)
        return -limit_of(lists.farthest[query], shift, error, listing.bound, listing.comparison, 1.0)
    if lists.numbers[query] < most:
        return np.float32(LOWEST)
    return limit_of(lists.similarities[query, most - 1], shift, error, listing.bound, listing.comparison, -1.0)


@inner
def slack_of(query: int, error: float, listing: Listing) -> float:
    """Return the error of a query's scores and of their order in float64."""
    bound, span = listing.bound, 1.0
    if listing.comparison.euclidean:
        span = 2.0 * listing.shifts[query] * bound.scale + 2.0 * (1.0 + bound.offset)
    return error + 8.0 * listing.comparison.tolerance * span


@inner
def is_farther(query: Query, unit: int, listing: Listing, lists: Nearest) -> bool:
    """Say whether a quick look puts a unit behind all of a full list."""
    most = lists.units.shape[1]
    if lists.numbers[query.number] < most:
        return False
    euclidean, last = listing.comparison.euclidean, lists.similarities[query.number, most - 1]
    guess = coarse(query, listing.block, unit, euclidean)
    apart = COARSE * margin(guess, last, euclidean, listing.comparison.tolerance)
    return bool(guess < last and last - guess > apart)


@inner
def drop_unwanted(
    far: bool, query: int, error: float, enough: int, listing: Listing, held: Held, lists: Nearest
) -> np.float32:
    """Drop those held for a query that by their scores, of that error, can no longer be wanted; return the limit.

    ``enough`` lists of certain ones may be left, see ``narrow``.
    """
    own, wanted = query - held.first, 1 if far else lists.units.shape[1]
    low = limit_by_list(far, query, error, listing, lists)
    if held.numbers[own] > wanted:
        scores, slack = held.scores[own], slack_of(query, error, listing)
        low = narrow(scores, held.numbers[own], low, wanted, enough * wanted, slack, listing.bound)
    held.numbers[own] = keep_on(held.scores[own], held.units[own], held.numbers[own], low)
    return low


@inner
def settle(far: bool, query: Query, listing: Listing, held: Held, acc: Array, lists: Nearest) -> None:
    """Look at all that are held for a query, list what is wanted of them, and limit what is held from then on.

    With words, finer scores come first and leave out most. Wanted are the nearest or, if ``far``, the farthest unit.
    """
    block, own = listing.block, query.number - held.first
    units, scores = held.units[own], held.scores[own]
    drop_unwanted(far, query.number, listing.errors[query.number], 1, listing, held, lists)
    if listing.finer.shape[0] > 0:
        finer_scores(units, 0, held.numbers[own], query, block, listing.looks)
        for place in range(held.numbers[own]):
            score = listing.looks[units[place]]
            scores[place] = -score if far else score
        drop_unwanted(far, query.number, listing.finer[query.number], 1, listing, held, lists)
    for place in range(held.numbers[own]):
        if place + AHEAD < held.numbers[own]:
            prefetch(block.rows, block.starts[units[place + AHEAD]])
        unit = units[place]
        if far:
            similar = canonical(query, block, unit, listing.comparison.euclidean, acc)
            lists.farthest[query.number] = min(lists.farthest[query.number], similar)
        elif not (listing.comparison.quick and is_farther(query, unit, listing, lists)):
            similar = canonical(query, block, unit, listing.comparison.euclidean, acc)
            insert(lists, query.number, block.first + unit, similar)
    held.numbers[own] = 0
    limit = limit_by_list(far, query.number, listing.errors[query.number], listing, lists)
    held.limits[own] = max(held.limits[own], limit)


@inner
def make_room(far: bool, query: Query, listing: Listing, held: Held, acc: Array, lists: Nearest) -> None:
    """Drop those held for a query that can no longer be wanted; if most of them can, settle all."""
    own = query.number - held.first
    low = drop_unwanted(far, query.number, listing.errors[query.number], 2, listing, held, lists)
    held.limits[own] = max(held.limits[own], low)
    if 2 * held.numbers[own] > held.units.shape[1]:
        settle(far, query, listing, held, acc, lists)


@inner
def hold(
    far: bool,
    low: np.float32,
    high: np.float32,
    first: int,
    query: Query,
    row: Array,
    count: int,
    listing: Listing,
    held: Held,
    scratch: Scratch,
    lists: Nearest,
) -> None:
    """Hold the units of a row whose score is from ``low`` to ``high``; its first is number ``first`` of the block."""
    own, room = query.number - held.first, held.units.shape[1]
    flag_within(row, count, low, high, scratch.flags)
    for place in range(take_flags(scratch.flags, scratch.words, count, scratch.found)):
        u = scratch.found[place]
        score = -row[u] if far else row[u]
        if held.numbers[own] == room:
            make_room(far, query, listing, held, scratch.acc, lists)
        if score >= held.limits[own]:
            number = held.numbers[own]
            held.units[own, number] = first + u
            held.scores[own, number] = score
            held.numbers[own] = number + 1


@compiled
def list_tile(
    tile: Tile,
    listing: Listing,
    ignored: UnitLists,
    buffer: RowBuffer,
    scratch: Scratch,
    near: Held,
    far: Held,
    lists: Nearest,
) -> None:
    """Hold the units of a tile that may be among the nearest of its queries; of several draws, those of the first.

    Args:
        tile: see ``count_tile``.
        listing: of the block that the tile is a part of.
        ignored: of each query.
        buffer: for a row of the tile.
        scratch: for as many units.
        near: what is held for the lists.
        far: what is held for the farthest, if it is wanted.
        lists: to bring up to date if there is no more room to hold units.
    """
    row, block, bound, most = buffer.images, tile.block, tile.bound, lists.units.shape[1]
    count, first = block.starts.shape[0] - 1, block.first - listing.block.first
    for number in range(tile.begin, tile.end):
        read_row(tile, number - tile.begin, buffer)
        if count < tile.bias.shape[0]:
            group_row(row, block.starts)
        if tile.penalties.shape[0] > 0:
            for u in range(count):
                row[u] += tile.penalties[0, u]
        blank(row, count, ignored, number, block.first)
        query = Query(tile.queries.rows[number], tile.queries.norms[number], listing.prepared, number)
        slack = slack_of(number, tile.errors[number], listing)
        if lists.farthest.shape[0] > 0:
            bottom, own = lowest(row, count), number - far.first
            if bottom < np.float32(HIGHEST):
                far.limits[own] = max(far.limits[own], np.float32(beyond(float(-bottom), slack, bound)))
                if -bottom >= far.limits[own]:
                    low, high = np.float32(LOWEST), -far.limits[own]
                    hold(True, low, high, first, query, row, count, listing, far, scratch, lists)
        own = number - near.first
        reaching = count_from(row, count, near.limits[own])
        if reaching > 2 * most:
            near.limits[own] = narrow(row, count, near.limits[own], most, 2 * most, slack, bound)
        if reaching > 0:
            low, high = near.limits[own], np.float32(math.inf)
            hold(False, low, high, first, query, row, count, listing, near, scratch, lists)


@compiled
def settle_lists(begin: int, end: int, listing: Listing, near: Held, far: Held, acc: Array, lists: Nearest) -> None:
    """Look at all that are held, before the first tile and after the last one of a block.

    Args:
        begin: the first query.
        end: behind the last.
        listing: of the block.
        near: what is held for the lists.
        far: what is held for the farthest, if it is wanted.
        acc: scratch of 32 sums.
        lists: to bring up to date.
    """
    for number in range(begin, end):
        query = Query(listing.queries.rows[number], listing.queries.norms[number], listing.prepared, number)
        settle(False, query, listing, near, acc, lists)
        if lists.farthest.shape[0] > 0:
            settle(True, query, listing, far, acc, lists)


@compiled
def insert_pairs(lists: Nearest, queries: Array, units: Array, similarities: Array) -> None:
    """Put units into the lists of their queries; those of one query are in ascending order."""
    for pair in range(queries.shape[0]):
        insert(lists, queries[pair], units[pair], similarities[pair])
