"""k-reciprocal encoding and Jaccard sums over sparse rows, as ``harness.kernel.rerank`` defines them."""

from __future__ import annotations

import math
from typing import Any

from harness.kernel.native.compiled import compiled, inner
from harness.kernel.native.rerank_tuples import (
    Answers,
    EncodingScratch,
    EntryList,
    Goals,
    Images,
    Negatives,
    Sharing,
    SharingQuestion,
    SharingRoom,
    SharingScratch,
    Sparse,
    SparseRoom,
)
from harness.kernel.native.similarity import similarity
from harness.kernel.native.tuples import Counts

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
def distance(images: Images, i: int, j: int, acc: Array) -> float:
    """Return the squared distance of two rows, of their directions for cosine."""
    rows, norms = images.rows, images.norms
    similar = similarity(rows[i], rows[j], norms[i], norms[j], images.euclidean, acc)
    return -similar if images.euclidean else 2.0 - 2.0 * similar


@compiled
def encode(
    first: int, last: int, images: Images, k1: int, half: int, out: SparseRoom, scratch: EncodingScratch
) -> None:
    """Write the weights of the expanded reciprocal sets of the images ``first`` to ``last``.

    Args:
        first: the first image.
        last: behind the last.
        images: all of them.
        k1: see ``rerank``.
        half: k1 / 2, rounded.
        out: the images of each set, ascending, and their weights, with a sum of 1.
        scratch: see there.
    """
    neighbours, columns, weights = images.neighbours, out.columns, out.weights
    own, theirs, marks = scratch.own, scratch.theirs, scratch.marks
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
                # 2 i marks the reciprocal set itself, 2 i + 1 the images added to it.
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
            far = images.farthest[i] if images.farthest[i] > 0.0 else 1.0
            weight = math.exp(-distance(images, i, columns[row, place], scratch.acc) / far)
            weights[row, place] = weight
            whole += weight
        for place in range(total):
            weights[row, place] /= whole
        out.counts[row] = total


@compiled
def expand(first: int, last: int, neighbours: Array, k2: int, encoding: Sparse, out: SparseRoom, sums: Array) -> None:
    """Write for each image the mean of the encodings of its k2 nearest images.

    Args:
        first: the first image.
        last: behind the last.
        neighbours: see ``Images``.
        k2: see ``rerank``.
        encoding: of all images.
        out: the mean encodings.
        sums: scratch, (n,) zeros.
    """
    columns, weights = encoding.columns, encoding.weights
    for i in range(first, last):
        row = i - first
        total = 0
        for nearest in range(k2):
            other = neighbours[i, nearest]
            for place in range(encoding.starts[other], encoding.starts[other + 1]):
                if sums[columns[place]] == 0.0:
                    out.columns[row, total] = columns[place]
                    total += 1
                sums[columns[place]] += weights[place]
        sort(out.columns, row, total)
        for place in range(total):
            out.weights[row, place] = sums[out.columns[row, place]] / k2
            sums[out.columns[row, place]] = 0.0
        out.counts[row] = total


@inner
def overlaps(encoding: Sparse, query: int, inverse: Sparse, sums: Array, touched: Array) -> int:
    """Add up the smaller weights that a query's encoding shares with every gallery image's.

    Args:
        encoding: of all queries.
        query: the query.
        inverse: see ``SharingQuestion``.
        sums: (g,) zeros; then the sum for each image touched.
        touched: (g,) the images with a sum.

    Returns:
        The number of images touched.
    """
    number = 0
    for place in range(encoding.starts[query], encoding.starts[query + 1]):
        column, weight = encoding.columns[place], encoding.weights[place]
        for entry in range(inverse.starts[column], inverse.starts[column + 1]):
            image = inverse.columns[entry]
            if sums[image] == 0.0:
                touched[number] = image
                number += 1
            sums[image] += min(weight, inverse.weights[entry])
    return number


@inner
def final(sums: Array, image: int, square: float, far: float, share: float) -> float:
    """Return the re-ranked distance of a gallery image."""
    jaccard: float = 1.0 - sums[image] / (2.0 - sums[image])
    return (1.0 - share) * jaccard + share * (square / far if far > 0.0 else 0.0)


@inner
def final_of_unit(question: SharingQuestion, query: int, unit: int, scratch: SharingScratch) -> None:
    """Write the least re-ranked distance of a unit's images and its greatest similarity to the scratch's pair."""
    queries, gallery, groups, out = question.queries, question.gallery, question.groups, scratch.pair
    far = question.farthest[query]
    out[0], out[1] = math.inf, -math.inf
    for place in range(groups.starts[unit], groups.starts[unit + 1]):
        image = groups.images[place]
        norms = queries.norms[query], gallery.norms[image]
        similar = similarity(
            queries.rows[query], gallery.rows[image], norms[0], norms[1], question.euclidean, scratch.acc
        )
        square = -similar if question.euclidean else 2.0 - 2.0 * similar
        out[0] = min(out[0], final(scratch.sums, image, square, far, question.share))
        out[1] = max(out[1], similar)


@compiled
def weigh(
    first: int, last: int, question: SharingQuestion, scratch: SharingScratch, answers: Answers, sharing: SharingRoom
) -> None:
    """Write the re-ranked distances of the queries ``first`` to ``last``: of positives, and of units that share."""
    sums, touched, seen, pair = scratch.sums, scratch.touched, scratch.seen, scratch.pair
    positives = question.positives
    for query in range(first, last):
        number = overlaps(question.encoding, query, question.inverse, sums, touched)
        count = 0
        for place in range(number):
            unit = question.groups.unit_of[touched[place]]
            if unit >= 0 and seen[unit] != query:
                seen[unit] = query
                final_of_unit(question, query, unit, scratch)
                sharing.units[query - first, count] = unit
                sharing.values[query - first, count, 0] = pair[0]
                sharing.values[query - first, count, 1] = pair[1]
                count += 1
        sharing.counts[query - first] = count
        for place in range(positives.starts[query], positives.starts[query + 1]):
            unit = positives.units[place]
            final_of_unit(question, query, unit, scratch)
            answers.finals[place] = pair[0]
            answers.similarities[place] = pair[1]
            answers.shares[place] = seen[unit] == query
        for place in range(number):
            sums[touched[place]] = 0.0


@compiled
def correct(
    entries: EntryList, goals: Goals, sharing: Sharing, negatives: Negatives, seen: Array, tie: float, counts: Counts
) -> None:
    """Count the units that share anything by their re-ranked distance in place of their similarity.

    Args:
        entries: the query of each entry, ascending, and its place among the positives.
        goals: the positives.
        sharing: the units that share anything with each query.
        negatives: of each query.
        seen: scratch for units, -1.
        tie: up to which re-ranked distances tie.
        counts: to correct.
    """
    positives, ignored, limits = negatives.positives, negatives.ignored, goals.limits
    closer, tied = counts.closer, counts.tied
    current = -1
    for entry in range(entries.query.shape[0]):
        query, pair = entries.query[entry], entries.pair[entry]
        if query != current:
            current = query
            for place in range(positives.starts[query], positives.starts[query + 1]):
                seen[positives.units[place]] = query
            for place in range(ignored.starts[query], ignored.starts[query + 1]):
                seen[ignored.units[place]] = query
        met = 0
        for place in range(sharing.starts[query], sharing.starts[query + 1]):
            if seen[sharing.units[place]] == query:
                continue
            met += 1
            similar, limit, width = sharing.values[place, 1], limits.similarities[pair], limits.widths[pair]
            if similar - limit > width:
                closer[entry] -= 1
            elif limit - similar <= width:
                tied[entry] -= 1
            difference = goals.finals[pair] - sharing.values[place, 0]
            if difference > tie:
                closer[entry] += 1
            elif difference >= -tie:
                tied[entry] += 1
        if goals.level[pair]:
            tied[entry] += negatives.counts[query] - met
