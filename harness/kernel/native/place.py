"""The placing loop: where each negative pair's similarity lies among marks, by bounds or by canonical arithmetic."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.count import canonical
from harness.kernel.native.nearest import limit_of
from harness.kernel.native.scores import blank, count_band, flag_within, group_row, read_row, take_flags
from harness.kernel.native.tuples import (
    Block,
    Features,
    Floats,
    Integers,
    PairComparison,
    Query,
    RowBuffer,
    Scratch,
    Tile,
    UnitLists,
)

Array = Any

SLACK = 12.0
"""Tolerances that cover the float64 arithmetic: eight of ``bounds``, and four for turning scores into similarities."""


class Marks(NamedTuple):
    """Similarities between which pairs are placed, and a table that finds them quickly.

    Attributes:
        values: (k,) ascending, all different.
        table: (bins + 1,) int64, for each bin of equal width the number of marks in the bins before it.
        low: where the first bin begins.
        inverse: bins to a unit of similarity.
    """

    values: Floats
    table: Integers
    low: float
    inverse: float


class Placed(NamedTuple):
    """Where negative pairs lie among k marks; a place is the number of marks below a similarity.

    Attributes:
        places: (k + 1,) the pairs of each place that have no mark's similarity; or, with w windows, (k + w,), the
            places of one window behind those of the window before, of the marks in it alone.
        tied: (k,) the pairs that have exactly a mark's similarity.
        over: (w,) the pairs that are above each window for certain.
    """

    places: Integers
    tied: Integers
    over: Integers


class Windows(NamedTuple):
    """Ranges of similarity in which every pair gets its exact place, ascending and apart.

    Attributes:
        ranges: (w, 2) from and up to which similarity.
        starts: (w + 1,) the marks of each, which are consecutive and all the marks there are.
    """

    ranges: Floats
    starts: Integers


class WideTile(NamedTuple):
    """Float64 products of some queries with some units.

    Attributes:
        products: (rows, images) float64.
        squares: (images,) squared norms of what was multiplied, for Euclidean distances.
        error: the error of a product, for Euclidean distances of one whose squared norms add up to one.
        block: the units.
        queries: all queries.
        begin: the tile's first query.
    """

    products: Floats
    squares: Floats
    error: float
    block: Block
    queries: Features
    begin: int


@inner
def bin_of(value: float, marks: Marks) -> int:
    """Return the bin of a similarity; it never falls as the similarity rises."""
    last = marks.table.shape[0] - 2
    place = (value - marks.low) * marks.inverse
    if not place > 0.0:
        return 0
    return last if place >= last else int(place)


@inner
def marks_below(value: float, marks: Marks) -> int:
    """Return how many marks are below a similarity."""
    number = bin_of(value, marks)
    first, last = marks.table[number], marks.table[number + 1]
    while first < last:
        middle = (first + last) // 2
        if marks.values[middle] < value:
            first = middle + 1
        else:
            last = middle
    return int(first)


@compiled
def fill_table(marks: Marks) -> None:
    """Fill the table of the marks."""
    marks.table[:] = 0
    for value in marks.values:
        marks.table[bin_of(value, marks) + 1] += 1
    for place in range(1, marks.table.shape[0]):
        marks.table[place] += marks.table[place - 1]


@inner
def place_exactly(similar: float, first: int, last: int, shift: int, marks: Marks, out: Placed) -> None:
    """Add a pair of that canonical similarity to its place among the marks ``first`` to ``last``."""
    place = min(max(marks_below(similar, marks), first), last)
    if place < last and marks.values[place] == similar:
        out.tied[place] += 1
    else:
        out.places[place + shift] += 1


@inner
def place_pair(
    near: float,
    error: float,
    unit: int,
    query: Query,
    block: Block,
    marks: Marks,
    part: tuple[int, int, int],
    comparison: PairComparison,
    acc: Array,
    out: Placed,
) -> int:
    """Place one pair whose canonical similarity is within ``error`` of ``near``; return the similarities computed.

    ``part`` has the first mark to place it among, the one behind the last, and the shift of these places.
    """
    first, last, shift = part
    place = min(max(marks_below(near - error, marks), first), last)
    if place == last or marks.values[place] > near + error:
        out.places[place + shift] += 1
        return 0
    similar = canonical(query, block, unit, comparison.euclidean, acc)
    place_exactly(similar, first, last, shift, marks, out)
    return int(block.starts[unit + 1] - block.starts[unit])


@compiled
def place_wide(
    tile: WideTile,
    positives: UnitLists,
    ignored: UnitLists,
    row: Array,
    marks: Marks,
    comparison: PairComparison,
    acc: Array,
    out: Placed,
) -> int:
    """Place the negatives of a tile of float64 products; return the number of similarities computed again."""
    block, work = tile.block, 0
    units, images = block.starts.shape[0] - 1, tile.products.shape[1]
    everything = (0, marks.values.shape[0], 0)
    widest = 0.0
    for j in range(images):
        widest = max(widest, tile.squares[j])
    for i in range(tile.products.shape[0]):
        number = tile.begin + i
        query = Query(tile.queries.rows[number], tile.queries.norms[number])
        error = tile.error
        if comparison.euclidean:
            error *= query.norm + widest
            for j in range(images):
                row[j] = 2.0 * tile.products[i, j] - (query.norm + tile.squares[j])
        else:
            for j in range(images):
                row[j] = tile.products[i, j]
        if units < images:
            group_row(row, block.starts)
        blank(row, units, positives, number, block.first, -math.inf)
        blank(row, units, ignored, number, block.first, -math.inf)
        for u in range(units):
            if row[u] > -math.inf:
                work += place_pair(row[u], error, u, query, block, marks, everything, comparison, acc, out)
    return work


@compiled
def place_scores(
    tile: Tile,
    positives: UnitLists,
    ignored: UnitLists,
    shifts: Array,
    marks: Marks,
    windows: Windows,
    comparison: PairComparison,
    buffer: RowBuffer,
    scratch: Scratch,
    out: Placed,
) -> int:
    """Place the negatives of a tile of the first pass's scores that may be in a window, and count those above it."""
    row, block, bound = buffer.images, tile.block, tile.bound
    units, work = block.starts.shape[0] - 1, 0
    for number in range(tile.begin, tile.end):
        read_row(tile, number - tile.begin, buffer)
        if units < tile.bias.shape[0]:
            group_row(row, block.starts)
        blank(row, units, positives, number, block.first)
        blank(row, units, ignored, number, block.first)
        query = Query(tile.queries.rows[number], tile.queries.norms[number])
        shift = shifts[number]
        span = 2.0 * shift * bound.scale + 2.0 * (1.0 + bound.offset) if comparison.euclidean else 1.0
        error = tile.errors[number] + SLACK * comparison.tolerance * span
        for w in range(windows.ranges.shape[0]):
            low = limit_of(windows.ranges[w, 0], shift, error, bound, comparison, -1.0)
            high = limit_of(windows.ranges[w, 1], shift, error, bound, comparison, 1.0)
            reaching, above = count_band(row, units, low, high)
            if reaching == 0:
                break
            out.over[w] += above
            if reaching == above:
                continue
            flag_within(row, units, low, high, scratch.flags)
            part = (windows.starts[w], windows.starts[w + 1], w)
            for place in range(take_flags(scratch.flags, scratch.words, units, scratch.found)):
                u = scratch.found[place]
                score = float(row[u])
                width = error + bound.rounding * (abs(score) + error + bound.offset)
                width *= 1.0 + 2.0 * bound.rounding
                near = score + shift
                if comparison.euclidean:
                    near, width = 2.0 * score / bound.scale - shift, 2.0 * width / bound.scale
                work += place_pair(near, width, u, query, block, marks, part, comparison, scratch.acc, out)
    return work
