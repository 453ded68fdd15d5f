"""The counting loop: how many units of a tile are closer than each positive, and how many tie with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.prefetch import AHEAD, prefetch
from harness.kernel.native.scores import (
    HIGHEST,
    LOWEST,
    blank,
    count_band,
    count_from,
    flag_within,
    group_row,
    keep,
    keep_on,
    read_row,
    take_flags,
)
from harness.kernel.native.similarity import margin, quick_similarity, similarity

Array = Any

COARSE = 2.0**30
"""Margins within which the float32 similarity is not trusted: (d + 32) 2^-23, twice its error."""

FIRST, GROUP = 4, 16
"""Positives that are counted over the whole row, and then between droppings of the scores below the next one."""


@inner
def draw_bands(
    targets: Array, slacks: Array, begin: int, end: int, error: float, bound: tuple[float, float, float], band: Array
) -> None:
    """Write for each positive the scores from which and up to which the first pass cannot decide; see ``bounds``."""
    scale, rounding, offset = bound
    for p in range(end - begin):
        target = targets[begin + p] * scale
        width = error + slacks[begin + p] * scale
        width += rounding * (abs(target) + width + offset)
        band[p, 0] = np.float32(min(max(target - width, LOWEST), HIGHEST))
        band[p, 1] = np.float32(min(max(target + width, LOWEST), HIGHEST))


@inner
def coarse(q: Array, q_norm: float, g: Array, g_norms: Array, first: int, last: int, euclidean: bool) -> float:
    """Return the greatest similarity of the images ``first`` to ``last`` in float32, NaN where one is out of range."""
    best = -math.inf
    for j in range(first, last):
        guess = quick_similarity(q, g[j], q_norm, g_norms[j], euclidean)
        if math.isnan(guess):
            return guess
        best = max(best, guess)
    return best


@inner
def canonical(
    q: Array, q_norm: float, g: Array, g_norms: Array, first: int, last: int, euclidean: bool, acc: Array
) -> float:
    """Return the greatest canonical similarity of the images ``first`` to ``last``."""
    best = -math.inf
    for j in range(first, last):
        best = max(best, similarity(q, g[j], q_norm, g_norms[j], euclidean, acc))
    return best


@inner
def is_doubtful(
    guess: float, values: tuple[Array, Array], first: int, last: int, euclidean: bool, tolerance: float
) -> bool:
    """Say whether a float32 similarity is too near to where it would tie with a positive from ``first`` to ``last``."""
    if math.isnan(guess):
        return True
    for p in range(first, last):
        away = abs(guess - values[0][p])
        if values[1].shape[0] > 0:
            away = abs(away - values[1][p])
        if away <= COARSE * margin(guess, values[0][p], euclidean, tolerance):
            return True
    return False


@inner
def settle(
    similar: float,
    values: tuple[Array, Array],
    first: int,
    last: int,
    euclidean: bool,
    tolerance: float,
    closer: Array,
    tied: Array,
) -> None:
    """Count a unit of that similarity for each of the positives ``first`` to ``last``."""
    for p in range(first, last):
        value = values[0][p]
        limit = values[1][p] if values[1].shape[0] > 0 else margin(similar, value, euclidean, tolerance)
        if similar - value > limit:
            closer[p] += 1
        elif value - similar <= limit:
            tied[p] += 1


@inner
def guess_units(
    undecided: int,
    kept: bool,
    query: tuple[Array, float],
    block: tuple[Array, Array, Array, int],
    scratch: tuple[Array, ...],
    euclidean: bool,
) -> int:
    """Compute the float32 similarity of the places found; return the number computed.

    It stands apart from what is done with them: here is no branch to guess wrong, and the processor reads many rows
    at a time.
    """
    places, found, guesses, exacts, touched = scratch[2], scratch[5], scratch[6], scratch[7], scratch[8]
    work = 0
    for place in range(undecided):
        if place + AHEAD < undecided:
            later = found[place + AHEAD]
            prefetch(block[0], block[2][places[later] if kept else later])
        u = places[found[place]] if kept else found[place]
        if math.isnan(guesses[u]) and math.isnan(exacts[u]):
            start, stop = block[2][u], block[2][u + 1]
            guesses[u] = coarse(query[0], query[1], block[0], block[1], start, stop, euclidean)
            touched[1 + touched[0]] = u
            touched[0] += 1
            work += stop - start
    return work


@inner
def settle_units(
    scores: Array,
    undecided: int,
    kept: bool,
    begin: int,
    first: int,
    last: int,
    values: tuple[Array, Array],
    query: tuple[Array, float],
    block: tuple[Array, Array, Array, int],
    scratch: tuple[Array, ...],
    euclidean: bool,
    tolerance: float,
    closer: Array,
    tied: Array,
) -> int:
    """Count the places found for every positive that their score does not decide; return the similarities computed.

    Args:
        scores: of the row, or those kept.
        undecided: the number of places found.
        kept: whether they are places among the scores kept.
        begin: the ask's first entry.
        first: the first of its positives that was looked at.
        last: behind the last.
        values: see ``count_row``, as for the others.
        query: see there.
        block: see there.
        scratch: see there.
        euclidean: see there.
        tolerance: see there.
        closer: see there.
        tied: see there.
    """
    band, places, found, guesses, exacts = scratch[0], scratch[2], scratch[5], scratch[6], scratch[7]
    work = 0
    for place in range(undecided):
        score = scores[found[place]]
        u = places[found[place]] if kept else found[place]
        low = first
        while low < last and band[low, 1] < score:
            low += 1
        high = low
        while high < last and band[high, 0] <= score:
            high += 1
        similar = exacts[u]
        if math.isnan(similar):
            similar = guesses[u]
            if is_doubtful(similar, values, begin + low, begin + high, euclidean, tolerance):
                start, stop = block[2][u], block[2][u + 1]
                similar = canonical(query[0], query[1], block[0], block[1], start, stop, euclidean, scratch[9])
                exacts[u] = similar
                work += stop - start
        settle(similar, values, begin + low, begin + high, euclidean, tolerance, closer, tied)
    return work


@inner
def count_row(
    row: Array,
    units: int,
    begin: int,
    end: int,
    values: tuple[Array, Array],
    query: tuple[Array, float],
    block: tuple[Array, Array, Array, int],
    scratch: tuple[Array, ...],
    euclidean: bool,
    tolerance: float,
    closer: Array,
    tied: Array,
) -> int:
    """Add one row's negatives to the counts of the positives ``begin`` to ``end``; return the similarities computed.

    Args:
        row: scores of the block's units, blank where a unit is no negative.
        units: their number.
        begin: the first entry of the ask.
        end: behind its last entry.
        values: (entries,) similarities of the positives, ascending within the ask, and up to what difference each
            ties, (0,) where the tolerance says it.
        query: the query's row and its squared norm.
        block: see ``count_tile``.
        scratch: bands of the ask's entries (filled), kept scores, their places, flags (zeros), the same as uint64,
            places found, float32 and canonical similarities (NaN where not computed), the number and the units of
            those computed, 32 sums.
        euclidean: the metric.
        tolerance: of ties.
        closer: (entries,) counts to add to.
        tied: (entries,) counts to add to.
    """
    band, kept, places, flags = scratch[0], scratch[1], scratch[2], scratch[3]
    count = units
    scores = row
    work = 0
    # A plain 0 is a type of its own to numba, which would compile what it is passed to twice.
    first: Any = np.int64(0)
    last = min(FIRST, end - begin)
    while first < last:
        if first > 0:
            if count_from(scores, count, band[first, 0]) == 0:
                return work
            if first == FIRST:
                count = keep(row, units, band[first, 0], kept, places)
                scores = kept
            else:
                count = keep_on(kept, places, count, band[first, 0])
        flagged = False
        for p in range(first, last):
            reaching, above = count_band(scores, count, band[p, 0], band[p, 1])
            if reaching == 0:
                break
            closer[begin + p] += above
            if reaching > above:
                flag_within(scores, count, band[p, 0], band[p, 1], flags)
                flagged = True
        if flagged:
            undecided = take_flags(flags, scratch[4], count, scratch[5])
            work += guess_units(undecided, first > 0, query, block, scratch, euclidean)
            work += settle_units(
                scores,
                undecided,
                first > 0,
                begin,
                first,
                last,
                values,
                query,
                block,
                scratch,
                euclidean,
                tolerance,
                closer,
                tied,
            )
        first, last = last, min(last + GROUP, end - begin)
    return work


@compiled
def count_tile(
    products: tuple[Array, Array, bool],
    bias: Array,
    block: tuple[Array, Array, Array, int],
    queries: tuple[Array, Array, int, int],
    lists: tuple[Array, Array, Array, Array],
    asks: tuple[Array, Array, Array],
    entries: tuple[Array, Array, Array, Array],
    penalties: Array,
    errors: Array,
    bound: tuple[float, float, float],
    rows: tuple[Array, Array, Array],
    scratch: tuple[Array, ...],
    euclidean: bool,
    tolerance: float,
    closer: Array,
    tied: Array,
) -> int:
    """Add a tile of products to the counts; return the number of similarities computed again.

    Args:
        products: float32 or bfloat16 (as uint16) products, (rows, images), and whether they are the second.
        bias: (images,) float32, to be taken from each row of products.
        block: the images' features, their squared norms, the images of each unit (units + 1), the first unit's number.
        queries: all queries' features, their squared norms, the tile's first query, the one behind its last.
        lists: the starts and units of the positives, then of the ignored.
        asks: for each query its asks, for each ask its entries, for each ask its draw.
        entries: targets, their slacks and similarities, ascending within an ask; see ``count_row`` for the last.
        penalties: (draws, units) float32, ``BLANK`` where a unit is not in the draw; (0, units) where all always are.
        errors: (queries,) error of the products.
        bound: scale of the targets, relative rounding, greatest bias.
        rows: scratch for a row of images, the same memory as uint32, scratch for a row of units.
        scratch: see ``count_row``.
        euclidean: the metric.
        tolerance: of ties.
        closer: (entries,) counts to add to.
        tied: (entries,) counts to add to.
    """
    wide, narrow, half = products
    row, bits, drawn = rows
    starts, first = block[2], block[3]
    units = starts.shape[0] - 1
    work = 0
    guesses, exacts, touched = scratch[6], scratch[7], scratch[8]
    for query in range(queries[2], queries[3]):
        read_row(wide, narrow, half, query - queries[2], bias, row, bits)
        if units < bias.shape[0]:
            group_row(row, starts)
        blank(row, units, lists[1], lists[0][query], lists[0][query + 1], first)
        blank(row, units, lists[3], lists[2][query], lists[2][query + 1], first)
        for ask in range(asks[0][query], asks[0][query + 1]):
            begin, end = asks[1][ask], asks[1][ask + 1]
            draw_bands(entries[0], entries[1], begin, end, errors[query], bound, scratch[0])
            scores = row
            if penalties.shape[0] > 0:
                for u in range(units):
                    drawn[u] = row[u] + penalties[asks[2][ask], u]
                scores = drawn
            work += count_row(
                scores,
                units,
                begin,
                end,
                (entries[2], entries[3]),
                (queries[0][query], queries[1][query]),
                block,
                scratch,
                euclidean,
                tolerance,
                closer,
                tied,
            )
        for place in range(touched[0]):
            guesses[touched[1 + place]] = math.nan
            exacts[touched[1 + place]] = math.nan
        touched[0] = 0
    return work
