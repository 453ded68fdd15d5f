"""k-reciprocal re-ranking (Zhong et al., CVPR 2017) over sparse encodings, never over all pairs at once.

Definition, for the n images of queries and gallery together, as the authors' released code has it (the paper leaves
the scale of the distance open). M(i, j) is the squared distance of two images, of their directions for cosine, and
d(i, j) = M(i, j) / max M(i, .).

    N(i, k)   the k + 1 nearest images of i, i among them, equal ones by number
    R(i, k)   those j of N(i, k) with i in N(j, k)
    R*(i)     R(i, k1), and every R(j, k1 / 2) of a j in R(i, k1) of which more than two thirds lie in R(i, k1)
    V(i)      exp(-d(i, j)) for j in R*(i), else 0, divided by its sum; then the mean of V over the k2 nearest of i
    J(i, j)   1 - S / (2 - S), S = sum min(V(i), V(j))
    distance  (1 - lambda) J + lambda d

Two re-ranked distances tie when they differ by no more than 2^-40, whichever way they are counted; they are themselves
rounded, by about 2^-50. A unit of several images has the least distance of its images. Where
max M(i, .) is 0, so is d; where R*(i) is empty, as a row of zeros can have it for cosine, so is V.

Counting. Most gallery images share nothing with a query's encoding: their distance is (1 - lambda) + lambda d, a
function of the similarity alone. So a positive's negatives are counted by the kernel against the similarity at which
that equals the positive's distance, with 2^-40 of distance in units of similarity for the ties, and the few hundred
that do share are counted anew, one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import UsageError
from harness.kernel import Metric
from harness.kernel.gallery import Rows, together
from harness.kernel.native.rerank import correct, encode, expand, weigh
from harness.kernel.native.similarity import LANES
from harness.kernel.plan import placed, results
from harness.kernel.prepared import Workers
from harness.kernel.walk import Limits, Part, Settings, open_walk
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance, RowLists
from harness.tasks.reranking import UNDEFINED, Reranking

FloatArray = npt.NDArray[np.float64]

TIE = 2.0**-40

FLAT = 2.0**-60
"""Where lambda is less, all that share nothing have the same distance in float64."""

PIECE = 512
"""Images whose encodings are written at once, before they are packed."""


@dataclass(frozen=True, eq=False)
class Sparse:
    """Sparse rows.

    Attributes:
        starts: (n + 1,) where each row starts.
        columns: ascending in each row.
        weights: theirs.
    """

    starts: IntArray
    columns: npt.NDArray[np.int32]
    weights: FloatArray


def rerank(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    *,
    metric: Metric = "cosine",
    k1: int = 20,
    k2: int = 6,
    share: float = 0.3,
    memory: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives after k-reciprocal re-ranking; see the module for what it is.

    Args:
        queries: (q, d) features.
        gallery: (g, d) features.
        relevance: of a task without draws whose units answer by their nearest image.
        metric: how features are compared.
        k1: neighbours of the reciprocal sets.
        k2: neighbours whose encodings are averaged.
        share: of the original distance, lambda, 0 to 1.
        memory: of the passes over the gallery, see ``rank``. Both tables as float32, the encodings and the lists of
            neighbours are whole in memory beside it.
        progress: see ``rank``.

    Raises:
        UsageError: k1, k2 or share out of range, or a task that re-ranking is not defined for.
        FeatureError: as ``rank``.
    """
    share = Reranking(k1, k2, share).share
    if relevance.draws or relevance.reduce == "mean feature":
        raise UsageError(UNDEFINED)
    settings = Settings(metric=metric, memory=memory)
    with open_walk(queries, gallery, relevance, settings, progress) as walk:
        if not len(relevance.positives.units):
            return walk.run()[0]
        again = _Again(queries, gallery, relevance, walk.workers, euclidean=metric == "euclidean", share=share)
        again.encode(k1, k2, settings)
        again.weigh()
        parts = []
        for part in walk.parts(again.limits):
            again.correct(part)
            parts.append(placed(part.plan, part.entries, part.closer, part.tied))
        return results(relevance, parts)


class _Again:
    """One re-ranking.

    Args:
        queries: their features.
        gallery: its features.
        relevance: of the task.
        workers: who does it.
        euclidean: the metric.
        share: lambda.
    """

    def __init__(
        self, queries: Rows, gallery: Rows, relevance: Relevance, workers: Workers, *, euclidean: bool, share: float
    ) -> None:
        self.q = queries.shape[0]
        self.table, self.norms = together({"query": queries, "gallery": gallery}, workers)
        self.relevance = relevance
        self.workers = workers
        self.euclidean = euclidean
        self.share = share
        unit_of = relevance.unit_of
        self.unit_of = np.arange(relevance.units) if unit_of is None else unit_of

    def encode(self, k1: int, k2: int, settings: Settings) -> None:
        """Compute V of every image, and the greatest distance from it."""
        count = len(self.table)
        half = min(round(k1 / 2), count - 1)
        k1, k2 = min(k1, count - 1), min(k2, count)
        neighbours = self._neighbours(max(k1 + 1, k2), settings)
        most = (k1 + 1) * (half + 2)

        def encoded(part: slice) -> Sparse:
            rows = _Rows(part, most)
            scratch = (np.empty(k1 + 1, np.int64), np.empty(half + 1, np.int64), np.full(count, -1), np.empty(LANES))
            features = (self.table, self.norms, self.farthest)
            encode(part.start, part.stop, *features, neighbours, k1, half, self.euclidean, *rows.arrays, scratch)
            return rows.packed()

        first = _joined(self.workers.share(count, PIECE, encoded))
        most = k2 * int(np.diff(first.starts).max(initial=0))

        def expanded(part: slice) -> Sparse:
            rows = _Rows(part, most)
            table = (first.starts, first.columns, first.weights)
            counts, columns, weights = rows.arrays
            expand(part.start, part.stop, neighbours, k2, table, counts, columns, weights, np.zeros(count))
            return rows.packed()

        self.encoding = _joined(self.workers.share(count, PIECE, expanded))

    def _neighbours(self, most: int, settings: Settings) -> IntArray:
        """Return the nearest images of every image, and keep the greatest squared distance."""
        count = len(self.table)
        nobody = RowLists(np.zeros(count + 1, dtype=np.int64), np.zeros(0, dtype=np.int64))
        everybody = Relevance(queries=count, units=count, positives=nobody, ignored=nobody)
        with open_walk(self.table, self.table, everybody, replace(settings, nearest=most, farthest=True)) as walk:
            lists = walk.run()[1]
        if lists is None:
            raise ValueError("lists were asked for")
        self.farthest = -lists.farthest if self.euclidean else 2 - 2 * lists.farthest
        return lists.units

    def weigh(self) -> None:
        """Compute what shares anything with each query, and what to count the rest against."""
        own, sums = self.relevance.positives, len(self.table) - self.q
        inverse = self._inverse()
        order = np.argsort(self.unit_of, kind="stable")
        groups = (np.searchsorted(self.unit_of[order], np.arange(self.relevance.units + 1)), order, self.unit_of)
        ends = self.encoding.starts[: self.q + 1]
        reach = np.concatenate([[0], np.cumsum(np.diff(inverse[0])[self.encoding.columns[: ends[-1]]])])[ends]
        answers = np.empty(len(own.units)), np.empty(len(own.units)), np.zeros(len(own.units), dtype=np.bool_)
        rows = (self.table[: self.q], self.norms[: self.q], self.table[self.q :], self.norms[self.q :])

        def work(part: slice) -> _Touched:
            most = min(int(np.diff(reach[part.start : part.stop + 1]).max()), self.relevance.units)
            touched = _Touched.empty(part.stop - part.start, most)
            images = np.zeros(sums), np.empty(sums, np.int64)
            scratch = (*images, np.full(self.relevance.units, -1), np.empty(LANES), np.empty(2))
            weigh(
                part.start,
                part.stop,
                rows,
                (self.encoding.starts, self.encoding.columns, self.encoding.weights),
                inverse,
                groups,
                (own.starts, own.units),
                self.farthest,
                self.share,
                self.euclidean,
                scratch,
                answers,
                touched.counts,
                touched.units,
                touched.values,
            )
            return touched.packed()

        pieces = self.workers.share(self.q, 64, work)
        self.touched = _Touched.joined(pieces)
        self.finals, similarities, shares = answers
        self.limits, self.level = self._limits(similarities, shares)

    def _limits(self, similarities: FloatArray, shares: npt.NDArray[np.bool_]) -> tuple[Limits, npt.NDArray[np.bool_]]:
        """Return at which similarity an image that shares nothing is as far as each positive.

        Returns:
            The limits, and whether each positive ties with all images that share nothing, since these are as far.
        """
        far = np.repeat(self.farthest[: self.q], np.diff(self.relevance.positives.starts))
        flat = far <= 0 if self.share >= FLAT else np.ones(len(far), dtype=np.bool_)
        factor = far / max(self.share, FLAT) * (1.0 if self.euclidean else 0.5)
        equal = (0.0 if self.euclidean else 1.0) - (self.finals - (1 - self.share)) * factor
        nobody = np.maximum(far, 1.0) if self.euclidean else 4.0
        limits = Limits(
            np.where(flat, nobody, np.where(shares, equal, similarities)), np.where(flat, 0.0, TIE * factor)
        )
        return limits, flat & (self.finals >= 1 - self.share - TIE)

    def _inverse(self) -> tuple[IntArray, npt.NDArray[np.int32], FloatArray]:
        """Return for each image the gallery images whose encoding has it, and their weights."""
        first = self.encoding.starts[self.q]
        columns = self.encoding.columns[first:]
        images = np.repeat(np.arange(len(self.table) - self.q, dtype=np.int32), np.diff(self.encoding.starts[self.q :]))
        order = np.argsort(columns, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=len(self.table)))])
        return starts, images[order], self.encoding.weights[first:][order]

    def correct(self, part: Part) -> None:
        """Count anew, in place, the units that share anything with a query of the part."""
        own, ignored = self.relevance.positives, self.relevance.ignored
        negatives = self.relevance.units - np.diff(own.starts) - np.diff(ignored.starts)
        correct(
            part.plan.queries[part.entries.query],
            part.entries.pair + part.before[1],
            self.finals,
            (self.limits.similarities, self.limits.widths),
            self.touched.starts,
            self.touched.units,
            self.touched.values,
            (own.starts, own.units, ignored.starts, ignored.units),
            (negatives, self.level),
            np.full(self.relevance.units, -1),
            TIE,
            part.closer,
            part.tied,
        )


class _Rows:
    """Room for the sparse rows of some images, before they are packed."""

    def __init__(self, part: slice, most: int) -> None:
        count = part.stop - part.start
        self.arrays = np.zeros(count, np.int64), np.empty((count, most), np.int32), np.empty((count, most))

    def packed(self) -> Sparse:
        """Return the rows without the room."""
        counts, columns, weights = self.arrays
        filled = np.arange(columns.shape[1]) < counts[:, None]
        return Sparse(np.concatenate([[0], np.cumsum(counts)]), columns[filled], weights[filled])


def _joined(pieces: list[Sparse]) -> Sparse:
    counts = np.concatenate([np.diff(piece.starts) for piece in pieces])
    return Sparse(
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([piece.columns for piece in pieces]),
        np.concatenate([piece.weights for piece in pieces]),
    )


@dataclass(frozen=True, eq=False)
class _Touched:
    """The units that share anything with each query: their numbers, re-ranked distances and similarities."""

    counts: IntArray
    units: IntArray
    values: FloatArray

    @classmethod
    def empty(cls, queries: int, most: int) -> _Touched:
        """Return room for ``most`` units a query."""
        return cls(np.zeros(queries, np.int64), np.empty((queries, most), np.int64), np.empty((queries, most, 2)))

    def packed(self) -> _Touched:
        """Return the units one after the other."""
        filled = np.arange(self.units.shape[1]) < self.counts[:, None]
        return _Touched(self.counts, self.units[filled], self.values[filled])

    @classmethod
    def joined(cls, pieces: list[_Touched]) -> _Touched:
        """Return the units of all queries."""
        empty = cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2)))
        columns = zip(*((piece.counts, piece.units, piece.values) for piece in [empty, *pieces]), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    @property
    def starts(self) -> IntArray:
        """(q + 1,) where the units of each query start."""
        return np.concatenate([[0], np.cumsum(self.counts)])
