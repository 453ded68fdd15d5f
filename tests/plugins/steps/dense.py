"""The steps of post-processing written straight from their definitions, with all pairs at once and no code of theirs.

Each function takes and returns float64 features (q, d) and (g, d).
"""

from __future__ import annotations

import numpy as np

from tests.reference import similarity


def unit(rows):
    """Return rows of length 1; rows of zeros stay."""
    return np.array([row / np.linalg.norm(row) if row.any() else row for row in rows]).reshape(rows.shape)


def shown(rows, metric):
    """Return features as a step leaves them: float32, under cosine of length 1."""
    return (unit(rows) if metric == "cosine" else rows).astype(np.float32).astype(np.float64)


def _prepared(rows, metric):
    return unit(rows) if metric == "cosine" else rows


def nearest(asked, gallery, metric, *, without_itself=False):
    """Return for each row the numbers of all gallery rows, nearest first, equal ones by number."""
    lists = []
    for place, row in enumerate(asked):
        similar = [similarity(row, other, metric) for other in gallery]
        order = sorted(range(len(gallery)), key=lambda number: (-similar[number], number))
        lists.append([number for number in order if not (without_itself and number == place)])
    return lists


def average_expansion(query, gallery, metric, *, k):
    """Each query and its k nearest images, averaged."""
    directions, lists = _prepared(gallery, metric), nearest(query, gallery, metric)
    rows = [
        np.mean([row, *(directions[number] for number in found[:k])], axis=0)
        for row, found in zip(_prepared(query, metric), lists, strict=True)
    ]
    return shown(np.array(rows), metric), gallery


def alpha_expansion(query, gallery, metric, *, k, alpha):
    """Each query and its k nearest images, weighed by a power of their cosine where that is positive."""
    directions, lists, rows = _prepared(gallery, metric), nearest(query, gallery, metric), []
    for row, own, found in zip(query, _prepared(query, metric), lists, strict=True):
        total, weight = own.copy(), 1.0
        for number in found[:k]:
            share = max(similarity(row, gallery[number], "cosine"), 0.0) ** alpha
            total, weight = total + share * directions[number], weight + share
        rows.append(total / weight)
    return shown(np.array(rows), metric), gallery


def augmentation(query, gallery, metric, *, k):
    """Each gallery image and the k - 1 others nearest to it, with weights (k - rank) / k, itself of rank 0."""
    directions, lists, rows = (
        _prepared(gallery, metric),
        nearest(gallery, gallery, metric, without_itself=True),
        [],
    )
    for own, found in zip(directions, lists, strict=True):
        parts = [(1.0, own)] + [((k - rank) / k, directions[number]) for rank, number in enumerate(found[: k - 1], 1)]
        rows.append(sum(share * row for share, row in parts) / sum(share for share, _ in parts))
    return query, shown(np.array(rows), metric)


def camera_mean(query, gallery, metric, *, cameras):
    """Each image less the mean of all images of its camera; ``cameras`` are of the queries and of the gallery."""
    rows, camera = _prepared(np.concatenate([query, gallery]), metric), np.concatenate(cameras)
    changed = np.array([row - rows[camera == number].mean(axis=0) for row, number in zip(rows, camera, strict=True)])
    changed = shown(changed, metric)
    return changed[: len(query)], changed[len(query) :]


def track_mean(query, gallery, metric, *, tracks):
    """Each gallery image replaced by the mean of its track."""
    rows = _prepared(gallery, metric)
    return query, shown(np.array([rows[tracks == number].mean(axis=0) for number in tracks]), metric)


def flip(query, gallery, metric, *, mirrored):
    """Each feature averaged with that of the mirrored picture."""
    del metric
    both = [
        ((rows + others) / 2).astype(np.float32).astype(np.float64)
        for rows, others in zip((query, gallery), mirrored, strict=True)
    ]
    return tuple(both)


def distances(query, gallery, metric):
    """Return the (q, g) distances of plain features, as ``reranked`` returns those after re-ranking."""
    return np.array([[-similarity(row, other, metric) for other in gallery] for row in query])
