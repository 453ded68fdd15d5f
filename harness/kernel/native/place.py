"""The placing loop: where each negative pair's similarity lies among marks, by bounds or by canonical arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.count import canonical
from harness.kernel.native.nearest import limit_of
from harness.kernel.native.scores import LOWEST, blank, group_row, keep, read_row
from harness.kernel.native.tuples import (
    Block,
    Marks,
    PairComparison,
    Placed,
    Placing,
    Query,
    RowBuffer,
    Scratch,
    Tile,
    UnitLists,
    WideTile,
)

Array = Any

SLACK = 12.0
"""Tolerances that cover the float64 arithmetic: eight of ``bounds``, and four for turning scores into similarities."""


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


@inner
def marks_up_to(value: float, marks: Marks) -> int:
    """Return how many marks are at most a similarity."""
    place = marks_below(value, marks)
    return place + int(place < marks.values.shape[0] and marks.values[place] == value)


@compiled
def fill_table(marks: Marks) -> None:
    """Fill the table of the marks."""
    marks.table[:] = 0
    for value in marks.values:
        marks.table[bin_of(value, marks) + 1] += 1
    for place in range(1, marks.table.shape[0]):
        marks.table[place] += marks.table[place - 1]


@inner
def place_pair(
    near: float,
    error: float,
    unit: int,
    query: Query,
    block: Block,
    placing: Placing,
    comparison: PairComparison,
    acc: Array,
    out: Placed,
) -> int:
    """Place one pair whose canonical similarity is within ``error`` of ``near``; return the similarities computed."""
    marks = placing.marks
    count = marks.values.shape[0]
    low, high = near - error, near + error
    place = marks_below(low, marks)
    if place == count or marks.values[place] > high:
        out.sure[place] += 1
        return 0
    for w in range(placing.windows.shape[0]):
        if high >= placing.windows[w, 0] and low <= placing.windows[w, 1]:
            similar = canonical(query, block, unit, comparison.euclidean, acc)
            place = marks_below(similar, marks)
            if place < count and marks.values[place] == similar:
                out.tied[place] += 1
            else:
                out.sure[place] += 1
            return int(block.starts[unit + 1] - block.starts[unit])
    out.low[place] += 1
    out.high[marks_up_to(high, marks)] += 1
    return 0


@compiled
def place_wide(
    tile: WideTile,
    positives: UnitLists,
    ignored: UnitLists,
    row: Array,
    placing: Placing,
    comparison: PairComparison,
    acc: Array,
    out: Placed,
) -> int:
    """Place the negatives of a tile of float64 products; return the number of similarities computed again."""
    block, work = tile.block, 0
    units, images = block.starts.shape[0] - 1, tile.products.shape[1]
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
            if row[u] > -math.inf and row[u] + error >= placing.floor:
                work += place_pair(row[u], error, u, query, block, placing, comparison, acc, out)
    return work


@compiled
def place_scores(
    tile: Tile,
    positives: UnitLists,
    ignored: UnitLists,
    shifts: Array,
    placing: Placing,
    comparison: PairComparison,
    buffer: RowBuffer,
    scratch: Scratch,
    out: Placed,
) -> int:
    """Place the negatives of a tile of the first pass's scores that may reach the floor, as ``place_wide``."""
    row, block, bound = buffer.images, tile.block, tile.bound
    units, work = block.starts.shape[0] - 1, 0
    for number in range(tile.begin, tile.end):
        read_row(tile, number - tile.begin, buffer)
        if units < tile.bias.shape[0]:
            group_row(row, block.starts)
        blank(row, units, positives, number, block.first)
        blank(row, units, ignored, number, block.first)
        shift = shifts[number]
        span = 1.0
        if comparison.euclidean:
            span = 2.0 * shift * bound.scale + 2.0 * (1.0 + bound.offset)
        error = tile.errors[number] + SLACK * comparison.tolerance * span
        low = np.float32(LOWEST)
        if placing.floor > -math.inf:
            low = limit_of(placing.floor, shift, error, bound, comparison, -1.0)
        count = keep(row, units, low, scratch.kept, scratch.places)
        query = Query(tile.queries.rows[number], tile.queries.norms[number])
        for place in range(count):
            score = float(scratch.kept[place])
            width = error + bound.rounding * (abs(score) + error + bound.offset)
            width *= 1.0 + 2.0 * bound.rounding
            if comparison.euclidean:
                near, width = 2.0 * score / bound.scale - shift, 2.0 * width / bound.scale
            else:
                near = score + shift
            work += place_pair(
                near, width, int(scratch.places[place]), query, block, placing, comparison, scratch.acc, out
            )
    return work
