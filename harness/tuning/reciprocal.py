"""k-reciprocal re-ranking of the images in given lists, for the search: by the definition of ``harness.kernel.rerank``.

Where a list ends, the definition cannot be followed: an image outside of a query's list is not ranked. With lists of
all images it is the definition, up to the last digits.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from harness.data.images import IntArray
from harness.kernel.native.compiled import compiled
from harness.tasks.reranking import Reranking
from harness.tuning.nearby import FloatArray, Nearby, between


class Reciprocal:
    """Re-rankings of one set of lists; what several have in common is computed once.

    Args:
        known: the lists.
    """

    def __init__(self, known: Nearby) -> None:
        self.known = known
        self._jaccard = lru_cache(maxsize=None)(self._new_jaccard)
        self._encoding = lru_cache(maxsize=4)(self._new_encoding)

    def distances(self, reranking: Reranking) -> FloatArray:
        """Return the re-ranked distances of each query from the images of its list, (q, k) float64."""
        count, listed = len(self.known.images), self.known.images.shape[1]
        k1, k2 = min(reranking.k1, count - 1, listed - 1), min(reranking.k2, listed)
        own = self.known.shares[: self.known.queries]
        return (1 - reranking.share) * self._jaccard(k1, k2) + reranking.share * own

    def _new_jaccard(self, k1: int, k2: int) -> FloatArray:
        known = self.known
        mean = _lists(known.images, k2) / k2
        encoding = csr_array(mean @ self._encoding(k1))
        encoding.sum_duplicates()
        found = np.zeros((known.queries, known.images.shape[1]))
        share(
            encoding.indptr.astype(np.int64),
            encoding.indices.astype(np.int64),
            encoding.data,
            known.images[: known.queries],
            np.zeros(len(known.images)),
            found,
        )
        return 1.0 - found / (2.0 - found)

    def _new_encoding(self, k1: int) -> Any:
        """Return V before its mean over neighbours, sparse (n, n)."""
        count = len(self.known.images)
        half = min(round(k1 / 2), count - 1)
        near, nearer = self._reciprocal(k1), self._reciprocal(half)
        sizes = np.asarray(nearer.sum(axis=1)).ravel()
        shared = (near @ nearer.T).multiply(near).tocoo()
        enough = 3 * shared.data > 2 * sizes[shared.coords[1]]
        added = csr_array(
            (np.ones(int(enough.sum())), (shared.coords[0][enough], shared.coords[1][enough])), near.shape
        )
        members = csr_array(near + added @ nearer)
        members.sum_duplicates()
        rows = np.repeat(np.arange(count), np.diff(members.indptr))
        weights = np.exp(-self._shares_of(rows, members.indices.astype(np.int64)))
        sums = np.bincount(rows, weights, minlength=count)
        return csr_array((weights / sums[rows], members.indices, members.indptr), members.shape)

    def _reciprocal(self, k: int) -> Any:
        """Return R(., k), sparse (n, n), with a one for each member."""
        lists = _lists(self.known.images, k + 1)
        return csr_array(lists.multiply(lists.T))

    def _shares_of(self, rows: IntArray, others: IntArray) -> FloatArray:
        """Return d of some pairs: from the lists where they are listed, else from the features."""
        known, count = self.known, len(self.known.images)
        found = np.full(len(rows), np.nan)
        for one, other in ((rows, others), (others, rows)):
            open_pairs = np.flatnonzero(np.isnan(found))
            found[open_pairs] = self._listed(one[open_pairs] * count + other[open_pairs])
        open_pairs = np.flatnonzero(np.isnan(found))
        found[open_pairs] = between(known.table, rows[open_pairs], others[open_pairs])
        return found / np.where(known.farthest > 0, known.farthest, 1.0)[rows]

    def _listed(self, keys: IntArray) -> FloatArray:
        """Return the distances of pairs that the lists have, NaN for others."""
        known_keys, distances = self._by_pair
        at = np.minimum(np.searchsorted(known_keys, keys), len(known_keys) - 1)
        return np.where(known_keys[at] == keys, distances[at], np.nan)

    @cached_property
    def _by_pair(self) -> tuple[IntArray, FloatArray]:
        """The number of each listed pair, ascending, and its distance."""
        count = len(self.known.images)
        keys = (np.arange(count)[:, None] * count + self.known.images).ravel()
        order = np.argsort(keys)
        return keys[order], self.known.distances.ravel()[order]


def _lists(images: IntArray, length: int) -> Any:
    """Return the first images of each list as a sparse (n, n) table of ones."""
    count = len(images)
    ends = np.arange(count + 1) * length
    return csr_array((np.ones(count * length), images[:, :length].ravel(), ends), (count, count))


@compiled
def share(starts: Any, columns: Any, weights: Any, images: Any, own: Any, out: Any) -> None:
    """Write the sum of the lesser weights of each query and each image of its list, the paper's S."""
    for query in range(images.shape[0]):
        for at in range(starts[query], starts[query + 1]):
            own[columns[at]] = weights[at]
        for place in range(images.shape[1]):
            other, total = images[query, place], 0.0
            for at in range(starts[other], starts[other + 1]):
                total += min(own[columns[at]], weights[at])
            out[query, place] = total
        for at in range(starts[query], starts[query + 1]):
            own[columns[at]] = 0.0
