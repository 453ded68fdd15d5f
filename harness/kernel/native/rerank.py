"""k-reciprocal encoding and Jaccard sums over sparse rows; the definition stands in ``harness.kernel.rerank``."""

from __future__ import annotations

import math
from typing import Any

from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.similarity import similarity

Array = Any


@inner
def reciprocal(neighbours: Array, k: int, i: int, out: Array) -> int:
    """Write those of the k + 1 nearest of i that have i among their own k + 1 nearest; return their number."""
    number = 0
    for a in range(k + 1):
        other = neighbours[i, a]
        for b in range(k + 1):
            if neighbours[other, b] == i:
                out[number] = other
                number += 1
                break
    return number


@inner
def sort(table: Array, row: int, count: int) -> None:
    """Sort the first numbers of a row in place, by Shell's method."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, count):
            value = table[row, place]
            at = place
            while at >= gap and table[row, at - gap] > value:
                table[row, at] = table[row, at - gap]
                at -= gap
            table[row, at] = value
        gap //= 3


@inner
def distance(features: Array, norms: Array, i: int, j: int, euclidean: bool, acc: Array) -> float:
    """Return the squared distance of two rows, of their directions for cosine."""
    similar = similarity(features[i], features[j], norms[i], norms[j], euclidean, acc)
    return -similar if euclidean else 2.0 - 2.0 * similar


@compiled
def encode(
    first: int,
    last: int,
    features: Array,
    norms: Array,
    farthest: Array,
    neighbours: Array,
    k1: int,
    half: int,
    euclidean: bool,
    counts: Array,
    columns: Array,
    weights: Array,
    scratch: tuple[Array, Array, Array, Array],
) -> None:
    """Write the weights of the expanded reciprocal sets of the images ``first`` to ``last``.

    Args:
        first: the first image.
        last: behind the last.
        features: (n, d) all images.
        norms: (n,) their squared norms.
        farthest: (n,) the greatest squared distance from each.
        neighbours: (n, more than k1) the nearest images of each, itself among them.
        k1: see ``rerank``.
        half: k1 / 2, rounded.
        euclidean: the metric.
        counts: (last - first,) how many columns of each row are written.
        columns: (last - first, most) images.
        weights: (last - first, most) their weights, adding up to 1.
        scratch: two lists of images, a mark for each image (-1), 32 sums.
    """
    own, theirs, marks, acc = scratch
    for i in range(first, last):
        row = i - first
        number = reciprocal(neighbours, k1, i, own)
        total = number
        for place in range(number):
            columns[row, place] = own[place]
            marks[own[place]] = 2 * i
        for place in range(number):
            size = reciprocal(neighbours, half, own[place], theirs)
            shared = 0
            for other in range(size):
                # 2 i marks the reciprocal set itself, 2 i + 1 what was added to it.
                shared += marks[theirs[other]] == 2 * i
            if 3 * shared > 2 * size:
                for other in range(size):
                    if marks[theirs[other]] < 2 * i:
                        marks[theirs[other]] = 2 * i + 1
                        columns[row, total] = theirs[other]
                        total += 1
        sort(columns, row, total)
        whole = 0.0
        for place in range(total):
            far = farthest[i] if farthest[i] > 0.0 else 1.0
            weight = math.exp(-distance(features, norms, i, columns[row, place], euclidean, acc) / far)
            weights[row, place] = weight
            whole += weight
        for place in range(total):
            weights[row, place] /= whole
        counts[row] = total


@compiled
def expand(
    first: int,
    last: int,
    neighbours: Array,
    k2: int,
    encoding: tuple[Array, Array, Array],
    counts: Array,
    out_columns: Array,
    out_weights: Array,
    sums: Array,
) -> None:
    """Write for each image the mean of the encodings of its k2 nearest images.

    Args:
        first: the first image.
        last: behind the last.
        neighbours: see ``encode``.
        k2: see ``rerank``.
        encoding: (n + 1,) where each image's encoding starts, its columns, ascending, and their weights.
        counts: (last - first,) how many columns of each row are written.
        out_columns: (last - first, most) images, ascending.
        out_weights: (last - first, most) their weights.
        sums: scratch, (n,) zeros.
    """
    starts, columns, weights = encoding
    for i in range(first, last):
        row = i - first
        total = 0
        for nearest in range(k2):
            other = neighbours[i, nearest]
            for place in range(starts[other], starts[other + 1]):
                if sums[columns[place]] == 0.0:
                    out_columns[row, total] = columns[place]
                    total += 1
                sums[columns[place]] += weights[place]
        sort(out_columns, row, total)
        for place in range(total):
            out_weights[row, place] = sums[out_columns[row, place]] / k2
            sums[out_columns[row, place]] = 0.0
        counts[row] = total


@inner
def overlaps(columns: Array, weights: Array, inverse: tuple[Array, Array, Array], sums: Array, touched: Array) -> int:
    """Add up the smaller weights that one encoding shares with every gallery image's.

    Args:
        columns: of the query's encoding, ascending.
        weights: its weights.
        inverse: for each column the start of its gallery images, these images, their weights.
        sums: (g,) zeros; then the sum for each image touched.
        touched: (g,) the images with a sum.

    Returns:
        The number of images touched.
    """
    starts, images, theirs = inverse
    number = 0
    for place in range(columns.shape[0]):
        for entry in range(starts[columns[place]], starts[columns[place] + 1]):
            image = images[entry]
            if sums[image] == 0.0:
                touched[number] = image
                number += 1
            sums[image] += min(weights[place], theirs[entry])
    return number


@inner
def final(sums: Array, image: int, square: float, far: float, share: float) -> float:
    """Return the re-ranked distance of a gallery image."""
    jaccard: float = 1.0 - sums[image] / (2.0 - sums[image])
    return (1.0 - share) * jaccard + share * (square / far if far > 0.0 else 0.0)


@inner
def final_of_unit(
    q: int,
    unit: int,
    rows: tuple[Array, Array, Array, Array],
    groups: tuple[Array, Array],
    sums: Array,
    far: float,
    share: float,
    euclidean: bool,
    acc: Array,
    out: Array,
) -> None:
    """Write the least re-ranked distance of a unit's images, and its greatest similarity.

    Args:
        q: the query.
        unit: the unit.
        rows: the queries, their squared norms, the gallery, its squared norms.
        groups: where each unit's images start, and the images.
        sums: see ``overlaps``.
        far: the greatest squared distance from the query.
        share: of the original distance, lambda.
        euclidean: the metric.
        acc: scratch of 32 sums.
        out: (2,) float64.
    """
    out[0], out[1] = math.inf, -math.inf
    for place in range(groups[0][unit], groups[0][unit + 1]):
        image = groups[1][place]
        similar = similarity(rows[0][q], rows[2][image], rows[1][q], rows[3][image], euclidean, acc)
        square = -similar if euclidean else 2.0 - 2.0 * similar
        out[0] = min(out[0], final(sums, image, square, far, share))
        out[1] = max(out[1], similar)


@compiled
def weigh(
    first: int,
    last: int,
    rows: tuple[Array, Array, Array, Array],
    encoding: tuple[Array, Array, Array],
    inverse: tuple[Array, Array, Array],
    groups: tuple[Array, Array, Array],
    positives: tuple[Array, Array],
    farthest: Array,
    share: float,
    euclidean: bool,
    scratch: tuple[Array, Array, Array, Array, Array],
    answers: tuple[Array, Array, Array],
    counts: Array,
    units: Array,
    values: Array,
) -> None:
    """Write what re-ranking makes of the queries ``first`` to ``last``.

    Args:
        first: the first query.
        last: behind the last.
        rows: the queries, their squared norms, the gallery, its squared norms.
        encoding: of all queries: where each starts, columns, weights.
        inverse: of the gallery's encodings, see ``overlaps``.
        groups: where each unit's images start, the images, the unit of each image (-1 for those that cannot answer).
        positives: where each query's positives start, and their units.
        farthest: (queries,) greatest squared distance from each.
        share: of the original distance, lambda.
        euclidean: the metric.
        scratch: sums of images (zeros), images touched, units seen (-1), 32 sums, two numbers.
        answers: for each positive its re-ranked distance, its similarity, and whether it shares anything.
        counts: (last - first,) the units of each query that share anything.
        units: (last - first, most) their numbers.
        values: (last - first, most, 2) their re-ranked distance and similarity.
    """
    sums, touched, seen, acc, pair = scratch
    for query in range(first, last):
        begin, end = encoding[0][query], encoding[0][query + 1]
        number = overlaps(encoding[1][begin:end], encoding[2][begin:end], inverse, sums, touched)
        far = farthest[query]
        count = 0
        for place in range(number):
            unit = groups[2][touched[place]]
            if unit >= 0 and seen[unit] != query:
                seen[unit] = query
                final_of_unit(query, unit, rows, (groups[0], groups[1]), sums, far, share, euclidean, acc, pair)
                units[query - first, count] = unit
                values[query - first, count, 0] = pair[0]
                values[query - first, count, 1] = pair[1]
                count += 1
        counts[query - first] = count
        for place in range(positives[0][query], positives[0][query + 1]):
            unit = positives[1][place]
            final_of_unit(query, unit, rows, (groups[0], groups[1]), sums, far, share, euclidean, acc, pair)
            answers[0][place] = pair[0]
            answers[1][place] = pair[1]
            answers[2][place] = seen[unit] == query
        for place in range(number):
            sums[touched[place]] = 0.0


@compiled
def correct(
    entry_query: Array,
    entry_pair: Array,
    finals: Array,
    limits: tuple[Array, Array],
    starts: Array,
    units: Array,
    values: Array,
    listed: tuple[Array, Array, Array, Array],
    rest: tuple[Array, Array],
    seen: Array,
    tie: float,
    closer: Array,
    tied: Array,
) -> None:
    """Take back how the units that share anything were counted by their similarity; count them by their distance.

    Args:
        entry_query: (e,) the query of each entry, ascending.
        entry_pair: (e,) its place among the positives.
        finals: (pairs,) re-ranked distances of the positives.
        limits: (pairs,) the similarities that the entries were counted against, and up to what difference they tied.
        starts: (queries + 1,) where the units of each query start in ``units`` and ``values``.
        units: units that share anything.
        values: their re-ranked distance and similarity.
        listed: starts and units of the positives, then of the ignored.
        rest: each query's number of negatives, and of each pair whether it ties with all units that share nothing.
        seen: scratch for units, -1.
        tie: up to which re-ranked distances tie.
        closer: (e,) counts to correct.
        tied: (e,) counts to correct.
    """
    current = -1
    for entry in range(entry_query.shape[0]):
        query, pair = entry_query[entry], entry_pair[entry]
        if query != current:
            current = query
            for place in range(listed[0][query], listed[0][query + 1]):
                seen[listed[1][place]] = query
            for place in range(listed[2][query], listed[2][query + 1]):
                seen[listed[3][place]] = query
        met = 0
        for place in range(starts[query], starts[query + 1]):
            if seen[units[place]] == query:
                continue
            met += 1
            similar, limit, width = values[place, 1], limits[0][pair], limits[1][pair]
            if similar - limit > width:
                closer[entry] -= 1
            elif limit - similar <= width:
                tied[entry] -= 1
            difference = finals[pair] - values[place, 0]
            if difference > tie:
                closer[entry] += 1
            elif difference >= -tie:
                tied[entry] += 1
        if rest[1][pair]:
            tied[entry] += rest[0][query] - met
