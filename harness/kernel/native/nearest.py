"""The nearest units of each query, kept up to date block by block, with canonical similarities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner, inner_finite
from harness.kernel.native.count import COARSE, canonical, coarse
from harness.kernel.native.scores import HIGHEST, LOWEST, blank, count_above, count_from, group_row, read_row
from harness.kernel.native.similarity import margin

Array = Any

HALVINGS = 24


@inner
def limit_of(
    similar: float,
    shift: float,
    error: float,
    bound: tuple[float, float, float],
    tolerance: float,
    euclidean: bool,
    side: float,
) -> np.float32:
    """Return the lowest score (side -1) that a unit of at least that similarity can have, or the highest (side 1).

    The highest is for units of at most that similarity; see ``bounds``.
    """
    scale, rounding, offset = bound
    target = (similar + shift) / 2 * scale if euclidean else similar - shift
    width = error + 8.0 * tolerance * ((shift - similar) * scale if euclidean else 1.0)
    width += rounding * (abs(target) + width + offset)
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
def narrow(
    row: Array, units: int, low: np.float32, wanted: int, error: float, rounding: float, offset: float
) -> np.float32:
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
    width = error + rounding * (abs(low_edge) + error + offset)
    return max(low, np.float32(low_edge - 2.0 * width - 4.0 * rounding * width))


@inner
def least(
    row: Array,
    units: int,
    query: tuple[Array, float],
    block: tuple[Array, Array, Array, int],
    error: float,
    bound: tuple[float, float, float],
    euclidean: bool,
    acc: Array,
) -> float:
    """Return the least canonical similarity of a row's units, infinity where all are blank."""
    bottom = float(lowest(row, units))
    width = error + bound[1] * (abs(bottom) + error + bound[2])
    high = np.float32(min(bottom + 2.0 * width + 4.0 * bound[1] * width, HIGHEST))
    found = math.inf
    for u in range(units):
        if LOWEST < row[u] <= high:
            similar = canonical(query[0], query[1], block[0], block[1], block[2][u], block[2][u + 1], euclidean, acc)
            found = min(found, similar)
    return found


@inner
def insert(units: Array, similarities: Array, query: int, number: int, unit: int, similar: float) -> int:
    """Put a unit behind all that are as near; return how many are listed now."""
    most: int = units.shape[1]
    if number == most and similar <= similarities[query, most - 1]:
        return number
    place = min(number, most - 1)
    while place > 0 and similarities[query, place - 1] < similar:
        similarities[query, place] = similarities[query, place - 1]
        units[query, place] = units[query, place - 1]
        place -= 1
    similarities[query, place] = similar
    units[query, place] = unit
    return min(number + 1, most)


@inner
def list_row(
    row: Array,
    count: int,
    query: int,
    asked: tuple[Array, float],
    block: tuple[Array, Array, Array, int],
    slack: float,
    error: float,
    bound: tuple[float, float, float],
    shift: float,
    acc: Array,
    euclidean: bool,
    tolerance: float,
    lists: tuple[Array, Array, Array],
) -> None:
    """Bring one query's list up to date with a row of scores.

    Args:
        row: scores, blank where a unit is not valid.
        count: their number.
        query: its number.
        asked: its row and its squared norm.
        block: see ``list_tile``, as for the others.
        slack: the error of the query's scores with that of their order in float64.
        error: that of the scores alone.
        bound: see there.
        shift: see there.
        acc: see there.
        euclidean: see there.
        tolerance: see there.
        lists: units, similarities and numbers.
    """
    units, similarities, numbers = lists
    most = units.shape[1]
    low = np.float32(LOWEST)
    if numbers[query] == most:
        low = limit_of(similarities[query, most - 1], shift, error, bound, tolerance, euclidean, -1.0)
    reaching = count_from(row, count, low)
    if reaching > 2 * most:
        low = narrow(row, count, low, most, slack, bound[1], bound[2])
    for u in range(count if reaching > 0 else 0):
        if row[u] < low:
            continue
        start, stop = block[2][u], block[2][u + 1]
        if numbers[query] == most:
            last = similarities[query, most - 1]
            guess = coarse(asked[0], asked[1], block[0], block[1], start, stop, euclidean)
            if guess < last and last - guess > COARSE * margin(guess, last, euclidean, tolerance):
                continue
        exact = canonical(asked[0], asked[1], block[0], block[1], start, stop, euclidean, acc)
        numbers[query] = insert(units, similarities, query, numbers[query], block[3] + u, exact)


@compiled
def list_tile(
    products: tuple[Array, Array, bool],
    bias: Array,
    block: tuple[Array, Array, Array, int],
    queries: tuple[Array, Array, int, int],
    ignored: tuple[Array, Array],
    penalties: Array,
    errors: Array,
    bound: tuple[float, float, float],
    shifts: Array,
    rows: tuple[Array, Array, Array],
    acc: Array,
    euclidean: bool,
    tolerance: float,
    units: Array,
    similarities: Array,
    numbers: Array,
    farthest: Array,
) -> None:
    """Bring the lists of a tile's queries up to date with its units.

    Args:
        products: see ``count_tile``, as for the others up to ``bound``.
        bias: see there.
        block: see there.
        queries: see there.
        ignored: the starts and units of the ignored.
        penalties: of the one draw whose lists are wanted, (1, units), or (0, units).
        errors: see there.
        bound: see there.
        shifts: (queries,) what turns similarities into targets, see ``limit_of``.
        rows: see there.
        acc: scratch of 32 sums.
        euclidean: the metric.
        tolerance: of ties.
        units: (queries, k) numbers of the units, nearest first.
        similarities: (queries, k) theirs.
        numbers: (queries,) how many are listed.
        farthest: (queries,) the least similarity to any valid unit so far; (0,) where nobody asks.
    """
    row, bits = rows[0], rows[1]
    starts, first = block[2], block[3]
    count = starts.shape[0] - 1
    for query in range(queries[2], queries[3]):
        read_row(products[0], products[1], products[2], query - queries[2], bias, row, bits)
        if count < bias.shape[0]:
            group_row(row, starts)
        if penalties.shape[0] > 0:
            for u in range(count):
                row[u] += penalties[0, u]
        blank(row, count, ignored[1], ignored[0][query], ignored[0][query + 1], first)
        slack = 2.0 * shifts[query] * bound[0] + 2.0 * (1.0 + bound[2]) if euclidean else 1.0
        error = errors[query] + 8.0 * tolerance * slack
        if farthest.shape[0] > 0:
            high = np.float32(HIGHEST)
            if farthest[query] < math.inf:
                high = limit_of(farthest[query], shifts[query], errors[query], bound, tolerance, euclidean, 1.0)
            if count_above(row, count, high) < count:
                asked = (queries[0][query], queries[1][query])
                found = least(row, count, asked, block, error, bound, euclidean, acc)
                farthest[query] = min(farthest[query], found)
        list_row(
            row,
            count,
            query,
            (queries[0][query], queries[1][query]),
            block,
            error,
            errors[query],
            bound,
            shifts[query],
            acc,
            euclidean,
            tolerance,
            (units, similarities, numbers),
        )


@compiled
def insert_pairs(
    units: Array, similarities: Array, numbers: Array, queries: Array, found: Array, similar: Array
) -> None:
    """Put units into the lists of their queries; those of one query come in ascending order."""
    for pair in range(queries.shape[0]):
        query = queries[pair]
        numbers[query] = insert(units, similarities, query, numbers[query], found[pair], similar[pair])
