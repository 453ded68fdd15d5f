"""What the search for settings knows of a set of features: the nearest images of each, from one pass over all pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.compute.machine import Machine
from harness.data.images import IntArray
from harness.features.metric import Metric
from harness.kernel.ranking import nearest_units
from harness.kernel.settings import Settings
from harness.tasks.relevance import Relevance

FloatArray = npt.NDArray[np.float64]
Table = npt.NDArray[np.float32]

CHUNK = 1 << 24
"""Numbers that are gathered at once to compare pairs: 64 MiB."""


@dataclass(frozen=True, eq=False)
class Nearby:
    """The nearest images of each of the n = q + g images of a task, queries first.

    Attributes:
        table: (n, d) float32, directions of length 1 for cosine.
        queries: the number of queries, q.
        images: (n, k) int64, nearest first; an image is usually its own nearest.
        distances: (n, k) float64, squared distances.
        farthest: (n,) float64, the greatest squared distance from each image.
    """

    table: Table
    queries: int
    images: IntArray
    distances: FloatArray
    farthest: FloatArray

    @property
    def shares(self) -> FloatArray:
        """(n, k) float64, the distances as shares of the greatest one of each image, 0 where that is 0."""
        return self.distances / np.where(self.farthest > 0, self.farthest, 1.0)[:, None]


def look_around(query: Table, gallery: Table, metric: Metric, nearest: int, machine: Machine | None = None) -> Nearby:
    """Return the nearest images of each image, from one pass over all pairs.

    Args:
        query: (q, d) features.
        gallery: (g, d) features.
        metric: how features are compared.
        nearest: the length of the lists; at most q + g are listed.
        machine: its memory is for the pass.
    """
    table = prepared(np.concatenate([query, gallery]), metric)
    count = len(table)
    settings = Settings(
        metric, Machine(memory=machine.memory if machine else None), nearest=min(nearest, count), farthest=True
    )
    found = nearest_units(table, table, Relevance.unlabelled(count, count), settings)
    return Nearby(table, len(query), found.units, _squared(found.similarity, metric), _squared(found.farthest, metric))


def prepared(features: Table, metric: Metric) -> Table:
    """Return features as they are compared by squared distance: as directions for cosine, rows of zeros as they are."""
    if metric == "euclidean":
        return np.ascontiguousarray(features, dtype=np.float32)
    norms = np.sqrt(np.einsum("nd,nd->n", features, features, dtype=np.float64))
    return (features / np.where(norms > 0, norms, 1.0)[:, None]).astype(np.float32)


def _squared(similarities: FloatArray, metric: Metric) -> FloatArray:
    return np.maximum(0.0, 2 - 2 * similarities if metric == "cosine" else -similarities)


def with_queries(known: Nearby, query: Table, metric: Metric) -> Nearby:
    """Return what is known if only the queries change, without a pass: each is compared with the images of its list.

    The greatest distances stay as they were, and an image outside of its list cannot come near a changed query: this is
    where a search is less than exact.

    Args:
        known: of the queries as they were.
        query: (q, d) the new features.
        metric: how features are compared.
    """
    q = known.queries
    table = np.concatenate([prepared(query, metric), known.table[q:]])
    distances = known.distances.copy()
    distances[:q] = _from_queries(table, known.images[:q])
    _mirror(known, distances)
    order = np.argsort(distances, axis=1, kind="stable")
    return replace(
        known,
        table=table,
        images=np.take_along_axis(known.images, order, axis=1),
        distances=np.take_along_axis(distances, order, axis=1),
    )


def _mirror(known: Nearby, distances: FloatArray) -> None:
    """Write the new distances from queries, in place, into the lists of gallery images that have these queries."""
    q, n = known.queries, len(known.images)
    rows, places = np.nonzero(known.images[q:] < q)
    if not len(rows):
        return
    wanted = known.images[q:][rows, places] * n + rows + q
    keys = (np.arange(q)[:, None] * n + known.images[:q]).ravel()
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    found = order[at]
    same = keys[found] == wanted
    distances[q + rows[same], places[same]] = distances[:q].ravel()[found[same]]


def between(table: Table, one: IntArray, other: IntArray) -> FloatArray:
    """Return the squared distances of some pairs of images, (p,) float64."""
    parts = [
        np.square(table[one[rows]] - table[other[rows]], dtype=np.float64).sum(axis=1)
        for rows in _blocks(len(one), table.shape[1])
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _from_queries(table: Table, images: IntArray) -> FloatArray:
    """Return the squared distances of the first rows of a table from the images of their lists, (q, k)."""
    norms = np.einsum("nd,nd->n", table, table, dtype=np.float64)
    products = [table[listed] @ vector for listed, vector in zip(images, table, strict=False)]
    own = norms[: len(images), None]
    found: FloatArray = np.maximum(0.0, own + norms[images] - 2.0 * np.stack(products))
    return found


def _blocks(count: int, each: int) -> list[slice]:
    """Return slices of at most ``CHUNK`` numbers, if each row has so many."""
    size = max(1, CHUNK // max(1, each))
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
