"""The counting loop: how many units of a tile are closer than each positive, and how many tie with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernel.native.compiled import compiled
from harness.kernel.native.scores import (
    HIGHEST,
    LOWEST,
    blank,
    count_within,
    flag_within,
    greatest,
    group_row,
    read_row,
)
from harness.kernel.native.similarity import LANES, margin, nearest_image

Array = Any


@compiled
def decide(
    score: float,
    guess: float,
    values: Array,
    band: Array,
    euclidean: bool,
    tolerance: float,
    slack: float,
    closer: Array,
    tied: Array,
) -> bool:
    """Count a unit for every positive whose band holds its score; count nothing and say False if the guess is coarse.

    Args:
        score: of the unit, from the first pass.
        guess: its similarity, wrong by ``slack`` margins at the most.
        values: (p,) similarities of the positives, ascending.
        band: (p, 2) the scores from which and up to which a positive's comparison is undecided, ascending.
        euclidean: the metric.
        tolerance: of ties.
        slack: 0 for the canonical similarity.
        closer: (p,) counts.
        tied: (p,) counts.
    """
    first = np.searchsorted(band[:, 1], score)
    last = first
    while last < values.shape[0] and band[last, 0] <= score:
        limit = margin(guess, values[last], euclidean, tolerance)
        if slack > 0.0 and abs(guess - values[last]) <= (1.0 + slack) * limit:
            return False
        last += 1
    for p in range(first, last):
        limit = margin(guess, values[p], euclidean, tolerance)
        if guess - values[p] > limit:
            closer[p] += 1
        elif values[p] - guess <= limit:
            tied[p] += 1
    return True


@compiled
def count_row(
    row: Array,
    band: Array,
    values: Array,
    q: Array,
    q_norm: float,
    g: Array,
    g_norms: Array,
    starts: Array,
    euclidean: bool,
    tolerance: float,
    flags: Array,
    acc: Array,
    closer: Array,
    tied: Array,
) -> int:
    """Add one row's negatives to the counts of the positives of one query; return the similarities computed again.

    Args:
        row: (u,) scores of the block's units, blank where a unit is no negative.
        band: (p, 2) see ``decide``.
        values: (p,) similarities of the positives, ascending.
        q: (d,) the query; ``q_norm`` its squared norm.
        q_norm: see ``q``.
        g: (n, d) the block's images; ``g_norms`` their squared norms.
        g_norms: see ``g``.
        starts: (u + 1,) the images of each unit.
        euclidean: the metric.
        tolerance: of ties.
        flags: (u,) uint8, zeros, left as zeros.
        acc: scratch of 32 sums.
        closer: (p,) counts to add to.
        tied: (p,) counts to add to.
    """
    top = greatest(row)
    undecided: Any = 0
    for p in range(values.shape[0]):
        if band[p, 0] > top:
            break
        above, reaching = count_within(row, band[p, 0], band[p, 1])
        closer[p] += above
        if reaching > above:
            flag_within(row, band[p, 0], band[p, 1], flags)
            undecided += reaching - above
    if undecided == 0:
        return 0
    work = 0
    for u in range(row.shape[0]):
        if flags[u] == 0:
            continue
        flags[u] = 0
        work += starts[u + 1] - starts[u]
        guess = nearest_image(q, q_norm, g, g_norms, starts[u], starts[u + 1], euclidean, True, acc)
        if not decide(row[u], guess, values, band, euclidean, tolerance, 4.0, closer, tied):
            exact = nearest_image(q, q_norm, g, g_norms, starts[u], starts[u + 1], euclidean, False, acc)
            decide(row[u], exact, values, band, euclidean, tolerance, 0.0, closer, tied)
    return work


@compiled
def draw_bands(
    targets: Array, slacks: Array, scale: float, error: float, rounding: float, offset: float, band: Array
) -> None:
    """Write for each positive the scores from which and up to which the first pass cannot decide; see ``bounds``."""
    for p in range(targets.shape[0]):
        target = targets[p] * scale
        width = error + slacks[p] * scale
        width += rounding * (abs(target) + width + offset)
        band[p, 0] = np.float32(min(max(target - width, LOWEST), HIGHEST))
        band[p, 1] = np.float32(min(max(target + width, LOWEST), HIGHEST))


@compiled
def count_tile(
    products: tuple[Array, Array, bool],
    bias: Array,
    block: tuple[Array, Array, Array, int],
    queries: tuple[Array, Array, Array],
    lists: tuple[Array, Array, Array, Array],
    asks: tuple[Array, Array, Array],
    entries: tuple[Array, Array, Array],
    penalties: Array,
    bound: tuple[Array, float, float, float],
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
        queries: all queries' features, their squared norms, and (rows,) the query of each of the tile's rows.
        lists: the starts and units of the positives, then of the ignored.
        asks: for each query its asks, for each ask its entries, for each ask its draw.
        entries: targets, their slacks and similarities, ascending within an ask.
        penalties: (draws, units) float32, ``BLANK`` where a unit is not in the draw; (0, units) where all always are.
        bound: (rows,) error of the products, then scale of the targets, relative rounding, greatest bias.
        euclidean: the metric.
        tolerance: of ties.
        closer: (entries,) counts to add to.
        tied: (entries,) counts to add to.
    """
    wide, narrow, half = products
    g, g_norms, starts, first = block
    q, q_norms, rows = queries
    units = starts.shape[0] - 1
    images = np.empty(bias.shape[0], np.float32)
    drawn = np.empty(units, np.float32)
    flags = np.zeros(units, np.uint8)
    acc = np.empty(LANES)
    band = np.empty((0, 2), np.float32)
    work = 0
    for i in range(rows.shape[0]):
        query = rows[i]
        read_row(wide, narrow, half, i, bias, images)
        if units < images.shape[0]:
            group_row(images, starts)
        row = images[:units]
        blank(row, lists[1][lists[0][query] : lists[0][query + 1]], first)
        blank(row, lists[3][lists[2][query] : lists[2][query + 1]], first)
        for ask in range(asks[0][query], asks[0][query + 1]):
            begin, end = asks[1][ask], asks[1][ask + 1]
            if band.shape[0] < end - begin:
                band = np.empty((end - begin, 2), np.float32)
            draw_bands(entries[0][begin:end], entries[1][begin:end], bound[1], bound[0][i], bound[2], bound[3], band)
            scores = row
            if penalties.shape[0] > 0:
                for u in range(units):
                    drawn[u] = row[u] + penalties[asks[2][ask], u]
                scores = drawn
            work += count_row(
                scores,
                band[: end - begin],
                entries[2][begin:end],
                q[query],
                q_norms[query],
                g,
                g_norms,
                starts,
                euclidean,
                tolerance,
                flags,
                acc,
                closer[begin:end],
                tied[begin:end],
            )
    return work
