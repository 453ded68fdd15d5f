"""The measures and the ranks written straight from their definitions: slow, literal, no code of the kernel's."""

from __future__ import annotations

import math
from fractions import Fraction
from hashlib import sha256

import numpy as np

from harness.tasks.relevance import Draw, Relevance


def ordered_sum(terms):
    """Add float64 terms in the documented order: 32 sums in turn, then folded by halves."""
    sums = np.zeros(32)
    for first in range(0, len(terms), 32):
        part = terms[first : first + 32]
        sums[: len(part)] = sums[: len(part)] + part
    while len(sums) > 1:
        sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
    return float(sums[0])


def similarity(q, g, metric):
    """Return the canonical similarity of two rows of float64 numbers."""
    if metric == "euclidean":
        return -ordered_sum((q - g) * (q - g))
    q_norm, g_norm = ordered_sum(q * q), ordered_sum(g * g)
    return ordered_sum(q * g) / math.sqrt(q_norm * g_norm) if q_norm and g_norm else 0.0


def mean_similarity(q, rows, metric):
    """Return the canonical similarity of a row and the mean of some rows, by way of their exact sum."""
    exact = [sum(map(Fraction, column)) for column in rows.astype(np.float64).T.tolist()]
    total = np.array([float(number) for number in exact])
    if metric != "euclidean":
        return similarity(q, total, metric)
    rest = np.array([float(number - Fraction(float(whole))) for number, whole in zip(exact, total, strict=True)])
    step = (len(rows) * q - total) - rest
    return -ordered_sum(step * step) / len(rows) ** 2


def comparison(a, b, width, metric):
    """Return 1 if similarity a is closer than b, -1 if it is farther, 0 if they tie, elementwise."""
    limit = (width + 32) * 2.0**-53
    if metric == "euclidean":
        limit *= max(-a, -b)
    return 0 if abs(a - b) <= limit else int(math.copysign(1, a - b))


def unit_similarities(query, gallery, relevance: Relevance, metric):
    """Return the similarity of one query to every unit."""
    unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
    answers = []
    for unit in range(relevance.units):
        images = gallery[unit_of == unit].astype(np.float64)
        if relevance.reduce == "mean feature":
            answers.append(mean_similarity(query, images, metric))
        else:
            answers.append(max(similarity(query, image, metric) for image in images))
    return answers


def rank(queries, gallery, relevance: Relevance, metric):
    """Return for each draw a list of (query, [(unit, closer, tied), ...]), positives best first, then by number."""
    rows = [unit_similarities(query.astype(np.float64), gallery, relevance, metric) for query in queries]
    draws = relevance.draws or (Draw(np.arange(relevance.queries), np.arange(relevance.units)),)
    return [
        [
            (int(query), _place(rows, relevance, draw, query, width=queries.shape[1], metric=metric))
            for query in draw.queries
        ]
        for draw in draws
    ]


def _place(rows, relevance, draw, query, *, width, metric):
    positives = set(relevance.positives.of(query).tolist())
    ignored = set(relevance.ignored.of(query).tolist())
    units = draw.units.tolist()
    placed = []
    for unit in units:
        if unit in positives:
            others = [
                comparison(rows[query][other], rows[query][unit], width, metric)
                for other in units
                if other not in positives and other not in ignored
            ]
            placed.append((unit, others.count(1), others.count(0)))
    return sorted(placed, key=lambda entry: (entry[1] + entry[2], entry[0]))


def ranking(entries, negatives):
    """Return a whole ranking as True for a positive and False for a negative, ties against the positives."""
    marks = [False] * negatives
    for _, closer, tied in reversed(entries):
        marks.insert(closer + tied, True)
    return marks


def precisions(marks):
    """Return the precision after each rank."""
    return [sum(marks[: rank + 1]) / (rank + 1) for rank in range(len(marks))]


def measure(word, marks):
    """Return a measure's value for one whole ranking, NaN without a positive."""
    name, _, cutoff = word.partition("@")
    total = sum(marks)
    if not total:
        return math.nan
    precision = precisions(marks)
    before = [1.0, *precision[:-1]]
    right = [rank for rank, mark in enumerate(marks) if mark]
    if name in {"cmc", "hit"}:
        return float(any(marks[: int(cutoff)]))
    if name == "ap":
        return sum(precision[rank] for rank in right) / total
    if name == "ap_trapezoid":
        return sum((precision[rank] + before[rank]) / 2 for rank in right) / total
    if name in {"ap_top", "ap_truncated"}:
        found = [precision[rank] for rank in right if rank < int(cutoff)]
        return sum(found) / (min(total, int(cutoff)) if name == "ap_top" else max(len(found), 1))
    assert name == "minp"
    return total / (right[-1] + 1)


def task_scores(task, dataset, features, metric):
    """Return for each measure of a task its mean in every draw, from a look at every pair of images.

    Written from the words of the rule: what is drawn, which unit answers, who is ignored, who is right.
    """
    query, gallery = dataset.splits[task.query], dataset.splits[task.gallery]
    means = {word: [] for word in task.measures}
    for asked, answering in _draws(task.rule.draws, query, gallery):
        values = {word: [] for word in task.measures}
        for q in asked:
            marks = _marks(task, features, metric, query=query, q=q, gallery=gallery, answering=answering)
            for word in task.measures:
                values[word].append(measure(word, marks))
        for word, found in values.items():
            zeros = task.rule.unanswered == "zero"
            known = [0.0 if math.isnan(value) else value for value in found if zeros or not math.isnan(value)]
            means[word].append(math.fsum(known) / len(known) if known else math.nan)
    return means


def _draws(draws, query, gallery):
    """Return (asked rows, answering rows) of each draw."""
    if draws is None:
        return [(range(len(query)), range(len(gallery)))]
    found = []
    for seed in range(draws.seed, draws.seed + draws.count):
        drawn = []
        for vehicle in sorted(set(gallery.vehicle.tolist())):
            rows = [row for row in range(len(gallery)) if gallery.vehicle[row] == vehicle]
            digests = {sha256(f"{seed}/{vehicle}/{gallery.paths[row]}".encode()).hexdigest(): row for row in rows}
            drawn.append(digests[min(digests)])
        others = [row for row in range(len(gallery)) if row not in drawn]
        found.append((others, drawn) if draws.drawn == "gallery" else (drawn, others))
    return found


def _marks(task, features, metric, *, query, q, gallery, answering):
    """Return the ranking of one query: True for a right unit and False for a wrong one, ties against the right."""
    units = {}
    for g in answering:
        units.setdefault(gallery.track[g] if task.rule.unit == "track" else g, []).append(g)
    right, wrong = [], []
    for images in units.values():
        if any(_is_ignored(task.rule.ignore, query=query, q=q, gallery=gallery, g=g) for g in images):
            continue
        if task.rule.reduce == "mean feature" and task.rule.unit == "track":
            rows = np.array([features[gallery.paths[g]] for g in images])
            answer = mean_similarity(features[query.paths[q]], rows, metric)
        else:
            answer = max(similarity(features[query.paths[q]], features[gallery.paths[g]], metric) for g in images)
        (right if gallery.vehicle[images[0]] == query.vehicle[q] else wrong).append(answer)
    width = len(features[query.paths[q]])
    places = [[comparison(other, answer, width, metric) for other in wrong] for answer in right]
    entries = sorted((signs.count(1), signs.count(0)) for signs in places)
    entries = [(0, closer, tied) for closer, tied in sorted(entries, key=sum)]
    return ranking(entries, len(wrong))


def _is_ignored(words, *, query, q, gallery, g):
    same_camera = any("camera" in word for word in words) and query.camera[q] == gallery.camera[g]
    same_vehicle = query.vehicle[q] == gallery.vehicle[g]
    return (
        ("same image" in words and query.paths[q] == gallery.paths[g])
        or ("same vehicle and camera" in words and same_vehicle and same_camera)
        or ("same camera" in words and same_camera)
    )


def nearest(queries, gallery, relevance: Relevance, metric, most):
    """Return for each query the (unit, similarity) of its nearest valid units, equal ones by number."""
    lists = []
    for query, row in enumerate(queries):
        rows = unit_similarities(row.astype(np.float64), gallery, relevance, metric)
        valid = set(range(relevance.units)) - set(relevance.ignored.of(query).tolist())
        if relevance.draws:
            asked = query in relevance.draws[0].queries
            valid &= set(relevance.draws[0].units.tolist()) if asked else set()
        lists.append(sorted(((unit, rows[unit]) for unit in valid), key=lambda pair: (-pair[1], pair[0]))[:most])
    return lists


def scaled_distances(table, metric):
    """Return (n, n) squared distances over the greatest of each row, the (n,) greatest, and the images by nearness."""
    table = table.astype(np.float64)
    count = len(table)
    similar = np.array([[similarity(a, b, metric) for b in table] for a in table])
    squares = -similar if metric == "euclidean" else 2 - 2 * similar
    order = np.array([sorted(range(count), key=lambda j: (-similar[i, j], j)) for i in range(count)])
    farthest = squares.max(axis=1, keepdims=True)
    return squares / np.where(farthest > 0, farthest, 1), farthest[:, 0], order


def encodings(distance, order, *, k1, k2):
    """Return the (n, n) k-reciprocal encodings of n images."""
    count = len(order)

    def mutual(i, k):
        return [int(j) for j in order[i, : k + 1] if i in order[j, : k + 1]]

    encoding = np.zeros((count, count))
    for i in range(count):
        own = mutual(i, k1)
        wide = set(own)
        for j in own:
            theirs = mutual(j, round(k1 / 2))
            if 3 * len(set(theirs) & set(own)) > 2 * len(theirs):
                wide |= set(theirs)
        for j in wide:
            encoding[i, j] = math.exp(-distance[i, j])
        encoding[i] /= encoding[i].sum() or 1
    return np.array([encoding[order[i, :k2]].mean(axis=0) for i in range(count)])


def overlaps(encoding, queries):
    """Return (q, g) sums of the smaller weights that the first images share with each of the others."""
    smaller = [[np.minimum(one, row).sum() for row in encoding[queries:]] for one in encoding[:queries]]
    return np.array(smaller).reshape(queries, len(encoding) - queries)


def reranked(queries, gallery, metric, *, k1, k2, share):
    """Return (q, g) distances after k-reciprocal re-ranking, dense and step by step."""
    distance, _, order = scaled_distances(np.concatenate([queries, gallery]), metric)
    smaller = overlaps(encodings(distance, order, k1=k1, k2=k2), len(queries))
    return (1 - share) * (1 - smaller / (2 - smaller)) + share * distance[: len(queries), len(queries) :]


def rank_distances(distances, relevance: Relevance, tie):
    """Return what ``rank`` returns for one pass, from image distances: the nearest image of a unit answers."""
    unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
    answers = []
    for query, row in enumerate(distances):
        units = [min(row[unit_of == unit]) for unit in range(relevance.units)]
        own, ignored = (set(lists.of(query).tolist()) for lists in (relevance.positives, relevance.ignored))
        others = [units[unit] for unit in range(relevance.units) if unit not in own | ignored]
        placed = [
            (
                unit,
                sum(units[unit] - other > tie for other in others),
                sum(abs(units[unit] - other) <= tie for other in others),
            )
            for unit in own
        ]
        answers.append((query, sorted(placed, key=lambda entry: (entry[1] + entry[2], entry[0]))))
    return [answers]
