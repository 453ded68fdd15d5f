"""The counting loop: how many units of a tile are closer than each positive, and how many tie with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner, inner_loose
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
from harness.kernel.native.similarity import block_similarity, margin, quick_similarity
from harness.kernel.native.tuples import (
    Ask,
    Asked,
    Block,
    Bound,
    Counts,
    PairComparison,
    Query,
    RowBuffer,
    Scratch,
    Tile,
)

Array = Any

COARSE = 2.0**30
"""Margins within which the float32 similarity is not trusted: (d + 32) 2^-23, twice its error."""

FIRST, GROUP = 4, 16
"""Positives that are counted over the whole row, and then between droppings of the scores below the next one."""


@inner
def draw_bands(asked: Asked, begin: int, end: int, error: float, bound: Bound, bands: Array) -> None:
    """Write for each positive the scores from which and up to which the first pass cannot decide; see ``bounds``."""
    for p in range(end - begin):
        target = asked.targets[begin + p] * bound.scale
        width = error + asked.slacks[begin + p] * bound.scale
        width += bound.rounding * (abs(target) + width + bound.offset)
        bands[p, 0] = np.float32(min(max(target - width, LOWEST), HIGHEST))
        bands[p, 1] = np.float32(min(max(target + width, LOWEST), HIGHEST))


@inner
def coarse(query: Query, block: Block, unit: int, euclidean: bool) -> float:
    """Return the greatest similarity of a unit's images in float32, or NaN if one is out of range."""
    best = -math.inf
    for j in range(block.starts[unit], block.starts[unit + 1]):
        guess = quick_similarity(query, block, j, euclidean)
        if math.isnan(guess):
            return guess
        best = max(best, guess)
    return best


@inner
def canonical(query: Query, block: Block, unit: int, euclidean: bool, acc: Array) -> float:
    """Return the greatest canonical similarity of a unit's images."""
    best = -math.inf
    for j in range(block.starts[unit], block.starts[unit + 1]):
        best = max(best, block_similarity(query, block, j, euclidean, acc))
    return best


@inner_loose
def product_of_words(row: Array, words: Array) -> np.float32:
    """Return the inner product of a query's prepared row and an image's words, added in the fastest order."""
    total = np.float32(0.0)
    for k in range(words.shape[0]):
        total += row[k] * np.float32(words[k])
    return total


@inner
def finer_score(query: Query, block: Block, row: int) -> float:
    """Return the score of an image by its words."""
    words = block.words
    product = product_of_words(query.prepared[query.number], words.values[row])
    return float(product * words.steps[row] - words.bias[row])


@inner
def finer_scores(found: Array, first: int, last: int, query: Query, block: Block, out: Array) -> int:
    """Write the greatest score of the images of the units found; return the number of images.

    Units of one image have a loop of their own: within another one LLVM makes of the product what takes three times as
    long.
    """
    if block.starts.shape[0] - 1 == block.rows.shape[0]:
        for place in range(first, last):
            if place + AHEAD < last:
                prefetch(block.words.values, found[place + AHEAD])
            out[found[place]] = finer_score(query, block, found[place])
        return last - first
    images = 0
    for place in range(first, last):
        u = found[place]
        out[u] = -math.inf
        images += block.starts[u + 1] - block.starts[u]
        for j in range(block.starts[u], block.starts[u + 1]):
            out[u] = max(out[u], finer_score(query, block, j))
    return images


@inner
def refine(
    scores: Array, count: int, kept: bool, first: int, last: int, query: Query, block: Block, scratch: Scratch
) -> int:
    """Put finer scores in place of those that do not decide for one of the positives ``first`` to ``last``.

    The scores are the first ``count`` of the row, or those kept. Returns the number of finer scores computed.
    """
    bands, found, guesses, touched = scratch.bands, scratch.found, scratch.guesses, scratch.touched
    p = first
    while p < last:
        low, high = bands[p, 0], bands[p, 1]
        p += 1
        while p < last and bands[p, 0] <= high:
            high = max(high, bands[p, 1])
            p += 1
        flag_within(scores, count, low, high, scratch.flags)
    undecided = take_flags(scratch.flags, scratch.words, count, found)
    known = number = touched[0]
    for place in range(undecided):
        u = scratch.places[found[place]] if kept else found[place]
        touched[1 + number] = u
        number += math.isnan(guesses[u])
    touched[0] = number
    work = finer_scores(touched, 1 + known, 1 + number, query, block, guesses)
    for place in range(undecided):
        u = scratch.places[found[place]] if kept else found[place]
        scores[found[place]] = guesses[u]
    return work


@inner
def is_doubtful(guess: float, ask: Ask, first: int, last: int, comparison: PairComparison) -> bool:
    """Say whether a float32 similarity is too near to a tie with one of the positives ``first`` to ``last``."""
    if math.isnan(guess):
        return True
    for p in range(first, last):
        away = abs(guess - ask.values[p])
        if ask.widths.shape[0] > 0:
            away = abs(away - ask.widths[p])
        if away <= COARSE * margin(guess, ask.values[p], comparison.euclidean, comparison.tolerance):
            return True
    return False


@inner
def settle(similar: float, ask: Ask, first: int, last: int, comparison: PairComparison, counts: Counts) -> None:
    """Count a unit of that similarity for each of the positives ``first`` to ``last``."""
    for p in range(first, last):
        value = ask.values[p]
        has_width = ask.widths.shape[0] > 0
        limit = ask.widths[p] if has_width else margin(similar, value, comparison.euclidean, comparison.tolerance)
        if similar - value > limit:
            counts.closer[p] += 1
        elif value - similar <= limit:
            counts.tied[p] += 1


@inner
def guess_units(undecided: int, kept: bool, query: Query, block: Block, scratch: Scratch, euclidean: bool) -> int:
    """Compute the float32 similarity of the places found; return the number computed.

    These loops are separate from ``settle_units``: they have no branch to guess wrong, and the processor reads many
    rows at a time. Units of one image have a loop of their own, see ``finer_scores``.
    """
    found, guesses, exacts, touched = scratch.found, scratch.guesses, scratch.exacts, scratch.touched
    known = number = touched[0]
    for place in range(undecided):
        u = scratch.places[found[place]] if kept else found[place]
        touched[1 + number] = u
        number += math.isnan(guesses[u]) & math.isnan(exacts[u])
    touched[0] = number
    if block.starts.shape[0] - 1 == block.rows.shape[0]:
        for place in range(known, number):
            if place + AHEAD < number:
                prefetch(block.rows, touched[1 + place + AHEAD])
            u = touched[1 + place]
            guesses[u] = quick_similarity(query, block, u, euclidean)
        return int(number - known)
    work = 0
    for place in range(known, number):
        u = touched[1 + place]
        guesses[u] = coarse(query, block, u, euclidean)
        work += block.starts[u + 1] - block.starts[u]
    return work


@inner
def compute_units(undecided: int, kept: bool, query: Query, block: Block, scratch: Scratch, euclidean: bool) -> int:
    """Compute the canonical similarity of the places found; return the number computed."""
    found, guesses, exacts, touched = scratch.found, scratch.guesses, scratch.exacts, scratch.touched
    work = 0
    for place in range(undecided):
        if place + AHEAD < undecided:
            following = found[place + AHEAD]
            prefetch(block.rows, block.starts[scratch.places[following] if kept else following])
        u = scratch.places[found[place]] if kept else found[place]
        if math.isnan(exacts[u]):
            if math.isnan(guesses[u]):
                touched[1 + touched[0]] = u
                touched[0] += 1
            exacts[u] = canonical(query, block, u, euclidean, scratch.acc)
            work += block.starts[u + 1] - block.starts[u]
    return work


@inner
def settle_units(
    scores: Array,
    undecided: int,
    kept: bool,
    first: int,
    last: int,
    ask: Ask,
    query: Query,
    block: Block,
    scratch: Scratch,
    comparison: PairComparison,
    counts: Counts,
) -> int:
    """Count the places found for the ask's positives ``first`` to ``last`` that their score does not decide.

    The scores are the row's, or those kept, and so are the places. Returns the number of similarities computed.
    """
    finer, found = query.prepared.shape[0] > 0, scratch.found
    bands = scratch.finer if finer else scratch.bands
    work = 0
    for place in range(undecided):
        score = scores[found[place]]
        u = scratch.places[found[place]] if kept else found[place]
        low = first
        while low < last and bands[low, 1] < score:
            low += 1
        high = low
        while high < last and bands[high, 0] <= score:
            high += 1
        similar = scratch.exacts[u]
        if math.isnan(similar):
            similar = scratch.guesses[u]
            if is_doubtful(similar, ask, ask.begin + low, ask.begin + high, comparison):
                similar = canonical(query, block, u, comparison.euclidean, scratch.acc)
                scratch.exacts[u] = similar
                work += block.starts[u + 1] - block.starts[u]
        settle(similar, ask, ask.begin + low, ask.begin + high, comparison, counts)
    return work


@inner
def count_row(
    row: Array,
    units: int,
    ask: Ask,
    query: Query,
    block: Block,
    scratch: Scratch,
    comparison: PairComparison,
    counts: Counts,
) -> int:
    """Add one row's negatives to the counts of an ask's positives; return the number of similarities computed.

    The row has the scores of the block's units, blank if a unit is no negative; the scratch has the positives' bands.
    With words, the finer bands are within the others: a score outside the latter is on the same side of the former.
    """
    bands, kept, places, flags = scratch.bands, scratch.kept, scratch.places, scratch.flags
    finer = query.prepared.shape[0] > 0
    limits = scratch.finer if finer else bands
    count = units
    scores = row
    work = 0
    # A plain 0 is a type of its own to numba, which would compile the functions called with it twice.
    first: Any = np.int64(0)
    last = min(FIRST, ask.end - ask.begin)
    while first < last:
        if first > 0:
            if count_from(scores, count, bands[first, 0]) == 0:
                return work
            if first == FIRST:
                count = keep(row, units, bands[first, 0], kept, places)
                scores = kept
            else:
                count = keep_on(kept, places, count, bands[first, 0])
        if finer:
            work += refine(scores, count, first > 0, first, last, query, block, scratch)
        flagged = False
        for p in range(first, last):
            reaching, above = count_band(scores, count, limits[p, 0], limits[p, 1])
            if reaching == 0:
                break
            counts.closer[ask.begin + p] += above
            if reaching > above:
                flag_within(scores, count, limits[p, 0], limits[p, 1], flags)
                flagged = True
        if flagged:
            undecided = take_flags(flags, scratch.words, count, scratch.found)
            if comparison.quick:
                work += guess_units(undecided, first > 0, query, block, scratch, comparison.euclidean)
            else:
                work += compute_units(undecided, first > 0, query, block, scratch, comparison.euclidean)
            work += settle_units(
                scores, undecided, first > 0, first, last, ask, query, block, scratch, comparison, counts
            )
        first, last = last, min(last + GROUP, ask.end - ask.begin)
    return work


@compiled
def count_tile(
    tile: Tile, asked: Asked, buffer: RowBuffer, scratch: Scratch, comparison: PairComparison, counts: Counts
) -> int:
    """Add a tile of products to the counts; return the number of similarities computed again."""
    block, row = tile.block, buffer.images
    units = block.starts.shape[0] - 1
    work = 0
    guesses, exacts, touched = scratch.guesses, scratch.exacts, scratch.touched
    for query in range(tile.begin, tile.end):
        read_row(tile, query - tile.begin, buffer)
        if units < tile.bias.shape[0]:
            group_row(row, block.starts)
        blank(row, units, asked.positives, query, block.first)
        blank(row, units, asked.ignored, query, block.first)
        for number in range(asked.ask_starts[query], asked.ask_starts[query + 1]):
            ask = Ask(asked.entry_starts[number], asked.entry_starts[number + 1], asked.values, asked.widths)
            draw_bands(asked, ask.begin, ask.end, tile.errors[query], tile.bound, scratch.bands)
            if tile.whole.rows.shape[0] > 0:
                draw_bands(asked, ask.begin, ask.end, tile.whole.errors[query], tile.bound, scratch.finer)
            scores = row
            if tile.penalties.shape[0] > 0:
                for u in range(units):
                    buffer.drawn[u] = row[u] + tile.penalties[asked.ask_draw[number], u]
                scores = buffer.drawn
            one = Query(tile.queries.rows[query], tile.queries.norms[query], tile.whole.rows, query)
            work += count_row(scores, units, ask, one, block, scratch, comparison, counts)
        for place in range(touched[0]):
            guesses[touched[1 + place]] = math.nan
            exacts[touched[1 + place]] = math.nan
        touched[0] = 0
    return work
