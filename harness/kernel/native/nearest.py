"""The nearest units of each query, kept up to date block by block, with canonical similarities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner, inner_finite
from harness.kernel.native.count import COARSE, canonical, coarse
from harness.kernel.native.scores import HIGHEST, LOWEST, blank, count_above, count_from, group_row, read_row
from harness.kernel.native.similarity import margin
from harness.kernel.native.tuples import Block, Bound, Nearest, PairComparison, Query, RowBuffer, Tile, UnitLists

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


@inner_finite
def lowest(row: Array, units: int) -> np.float32:
    """Return the least score of a row that is not blank."""
    found = np.float32(HIGHEST)
    for u in range(units):
        score = row[u] if row[u] > np.float32(LOWEST) else np.float32(HIGHEST)
        found = min(found, score)
    return found


@inner_finite
def highest(row: Array, units: int) -> np.float32:
    """Return the greatest score of a row."""
    found = np.float32(-HIGHEST)
    for u in range(units):
        found = max(found, row[u])
    return found


@inner
def narrow(row: Array, units: int, low: np.float32, wanted: int, error: float, bound: Bound) -> np.float32:
    """Raise a limit while ``wanted`` scores stay so far above it that no unit below it can be among the nearest."""
    low_edge, high_edge = max(float(low), float(lowest(row, units))), float(highest(row, units))
    for _ in range(HALVINGS):
        middle = (low_edge + high_edge) / 2
        reaching = count_from(row, units, np.float32(middle))
        if reaching >= wanted:
            low_edge = middle
            if reaching <= 2 * wanted:
                break
        else:
            high_edge = middle
    width = error + bound.rounding * (abs(low_edge) + error + bound.offset)
    return max(low, np.float32(low_edge - 2.0 * width - 4.0 * bound.rounding * width))


@inner
def least(
    row: Array, units: int, query: Query, block: Block, error: float, bound: Bound, euclidean: bool, acc: Array
) -> float:
    """Return the least canonical similarity of a row's units, infinity if all are blank."""
    bottom = float(lowest(row, units))
    width = error + bound.rounding * (abs(bottom) + error + bound.offset)
    high = np.float32(min(bottom + 2.0 * width + 4.0 * bound.rounding * width, HIGHEST))
    found = math.inf
    for u in range(units):
        if LOWEST < row[u] <= high:
            found = min(found, canonical(query, block, u, euclidean, acc))
    return found


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
def list_row(
    buffer: RowBuffer,
    query: int,
    tile: Tile,
    slack: float,
    shift: float,
    acc: Array,
    comparison: PairComparison,
    lists: Nearest,
) -> None:
    """Bring one query's list up to date with a row of scores, blank if a unit is not valid; see ``list_tile``.

    ``slack`` is the error of the query's scores and of their order in float64.
    """
    row, block = buffer.images, tile.block
    count, most = block.starts.shape[0] - 1, lists.units.shape[1]
    one = Query(tile.queries.rows[query], tile.queries.norms[query], tile.whole.rows, query)
    low = np.float32(LOWEST)
    if lists.numbers[query] == most:
        last = lists.similarities[query, most - 1]
        low = limit_of(last, shift, tile.errors[query], tile.bound, comparison, -1.0)
    reaching = count_from(row, count, low)
    if reaching > 2 * most:
        low = narrow(row, count, low, most, slack, tile.bound)
    for u in range(count if reaching > 0 else 0):
        if row[u] < low:
            continue
        if lists.numbers[query] == most:
            last = lists.similarities[query, most - 1]
            guess = coarse(one, block, u, comparison.euclidean)
            if guess < last and last - guess > COARSE * margin(guess, last, comparison.euclidean, comparison.tolerance):
                continue
        insert(lists, query, block.first + u, canonical(one, block, u, comparison.euclidean, acc))


@compiled
def list_tile(
    tile: Tile,
    ignored: UnitLists,
    shifts: Array,
    buffer: RowBuffer,
    acc: Array,
    comparison: PairComparison,
    lists: Nearest,
) -> None:
    """Bring the lists of a tile's queries up to date with its units; of several draws, with those of the first.

    Args:
        tile: see ``count_tile``.
        ignored: of each query.
        shifts: (queries,) the difference between similarities and targets, see ``limit_of``.
        buffer: for a row of the tile.
        acc: scratch of 32 sums.
        comparison: the metric.
        lists: to bring up to date.
    """
    row, block, bound = buffer.images, tile.block, tile.bound
    count = block.starts.shape[0] - 1
    for query in range(tile.begin, tile.end):
        read_row(tile, query - tile.begin, buffer)
        if count < tile.bias.shape[0]:
            group_row(row, block.starts)
        if tile.penalties.shape[0] > 0:
            for u in range(count):
                row[u] += tile.penalties[0, u]
        blank(row, count, ignored, query, block.first)
        slack = 2.0 * shifts[query] * bound.scale + 2.0 * (1.0 + bound.offset) if comparison.euclidean else 1.0
        error = tile.errors[query] + 8.0 * comparison.tolerance * slack
        if lists.farthest.shape[0] > 0:
            high = np.float32(HIGHEST)
            if lists.farthest[query] < math.inf:
                high = limit_of(lists.farthest[query], shifts[query], tile.errors[query], bound, comparison, 1.0)
            if count_above(row, count, high) < count:
                one = Query(tile.queries.rows[query], tile.queries.norms[query], tile.whole.rows, query)
                found = least(row, count, one, block, error, bound, comparison.euclidean, acc)
                lists.farthest[query] = min(lists.farthest[query], found)
        list_row(buffer, query, tile, error, shifts[query], acc, comparison, lists)


@compiled
def insert_pairs(lists: Nearest, queries: Array, units: Array, similarities: Array) -> None:
    """Put units into the lists of their queries; those of one query are in ascending order."""
    for pair in range(queries.shape[0]):
        insert(lists, queries[pair], units[pair], similarities[pair])
