"""k-reciprocal re-ranking (Zhong et al., CVPR 2017) over sparse encodings, never over all pairs at once.

Definition, for the n images of queries and gallery together, as the authors' released code has it (the paper leaves
the scale of the distance open). M(i, j) is the squared distance of two images, of their directions for cosine, and
d(i, j) = M(i, j) / max M(i, .).

    N(i, k)   the k + 1 nearest images of i, i among them, equal ones by number
    R(i, k)   those j of N(i, k) with i in N(j, k)
    R*(i)     R(i, k1), and every R(j, k1 / 2) of a j in R(i, k1) of which more than two thirds are in R(i, k1)
    V(i)      exp(-d(i, j)) for j in R*(i), else 0, divided by its sum; then the mean of V over the k2 nearest of i
    J(i, j)   1 - S / (2 - S), S = sum min(V(i), V(j))
    distance  (1 - lambda) J + lambda d

Two re-ranked distances tie when they differ by no more than 2^-40, whichever way they are counted; they are themselves
rounded, by about 2^-50. A unit of several images has the least distance of its images. If max M(i, .) is 0, so is d;
if R*(i) is empty, as it can be for a row of zeros under cosine, so is V.

Counting. Most gallery images share nothing with a query's encoding: their distance is (1 - lambda) + lambda d, a
function of the similarity alone. So a positive's negatives are counted by the kernel against the similarity at which
that equals the positive's distance, with 2^-40 of distance in units of similarity for the ties, and the few hundred
that do share are counted again, one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.compute.machine import Machine
from harness.data.images import IntArray
from harness.errors import UsageError
from harness.features.metric import Metric
from harness.kernel.gallery import Rows, together
from harness.kernel.memory import aligned
from harness.kernel.native.fold import LANES
from harness.kernel.native.rerank import correct, encode, expand, weigh
from harness.kernel.native.rerank_tuples import (
    Answers,
    EncodingScratch,
    EntryList,
    Goals,
    Groups,
    Images,
    Negatives,
    Sharing,
    SharingQuestion,
    SharingRoom,
    SharingScratch,
    Sparse,
    SparseRoom,
)
from harness.kernel.native.tuples import Counts, Features, Limits, UnitLists
from harness.kernel.plan import placed, results
from harness.kernel.prepared import Workers
from harness.kernel.ranking import nearest_units
from harness.kernel.settings import Settings
from harness.kernel.walk import QueryPart, open_walk
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance
from harness.tasks.reranking import UNDEFINED, Reranking

FloatArray = npt.NDArray[np.float64]

TIE = 2.0**-40

FLAT = 2.0**-60
"""With a smaller lambda, all that share nothing have the same distance in float64."""

PIECE = 512
"""Images whose encodings are written at once, before they are packed."""


def rerank(
    queries: Rows,
    gallery: Rows,
    relevance: Relevance,
    reranking: Reranking,
    *,
    metric: Metric = "cosine",
    machine: Machine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives after k-reciprocal re-ranking, as the module defines it.

    Args:
        queries: (q, d) features.
        gallery: (g, d) features.
        relevance: of a task without draws whose units answer by their nearest image.
        reranking: k1, k2 and lambda.
        metric: how features are compared.
        machine: its memory is for the passes over the gallery, see ``rank``. Both tables as float32, the encodings and
            the lists of neighbours are whole in memory beside it. Re-ranking runs in this process, on the processor.
        progress: see ``rank``.

    Raises:
        UsageError: a task that re-ranking is not defined for.
        FeatureError: as ``rank``.
    """
    if relevance.draws or relevance.reduce == "mean feature":
        raise UsageError(UNDEFINED)
    settings = Settings(metric, Machine(memory=machine.memory if machine else None))
    with open_walk(queries, gallery, relevance, settings, progress) as walk:
        if not len(relevance.positives.units):
            return walk.run()[0]
        again = _Again(queries, gallery, relevance, reranking=reranking, settings=settings, workers=walk.workers)
        parts = []
        for part in walk.parts(again.goals.limits):
            again.correct(part)
            parts.append(placed(part.plan, part.entries, part.closer, part.tied))
        return results(relevance, parts)


class _Again:
    """One re-ranking.

    Args:
        queries: their features.
        gallery: its features.
        relevance: of the task.
        reranking: k1, k2 and lambda.
        settings: of the passes over the images.
        workers: the threads.
    """

    def __init__(
        self,
        queries: Rows,
        gallery: Rows,
        relevance: Relevance,
        *,
        reranking: Reranking,
        settings: Settings,
        workers: Workers,
    ) -> None:
        self.q = queries.shape[0]
        self.table, self.norms = together({"query": queries, "gallery": gallery}, workers)
        self.relevance = relevance
        self.workers = workers
        self.euclidean = settings.euclidean
        self.share = reranking.share
        self._encode(reranking.k1, reranking.k2, settings)
        self._weigh()

    def _encode(self, k1: int, k2: int, settings: Settings) -> None:
        """Compute V of every image, and the greatest distance from it."""
        count = len(self.table)
        k1, k2 = min(k1, count - 1), min(k2, count)
        half = round(k1 / 2)
        neighbours = self._neighbours(max(k1 + 1, k2), settings)
        images = Images(self.table, self.norms, self.farthest, neighbours, self.euclidean)
        most = (k1 + 1) * (half + 2)

        def encoded(part: slice) -> Sparse:
            room = _sparse_room(part, most)
            lists = np.empty(k1 + 1, np.int64), np.empty(half + 1, np.int64)
            scratch = EncodingScratch(*lists, marks=np.full(count, -1), acc=aligned(LANES))
            encode(part.start, part.stop, images, k1, half, room, scratch)
            return _packed(room)

        first = _joined(self.workers.share(count, PIECE, encoded))
        most = k2 * int(np.diff(first.starts).max())

        def expanded(part: slice) -> Sparse:
            room = _sparse_room(part, most)
            expand(part.start, part.stop, neighbours, k2, first, room, np.zeros(count))
            return _packed(room)

        self.encoding = _joined(self.workers.share(count, PIECE, expanded))

    def _neighbours(self, most: int, settings: Settings) -> IntArray:
        """Return the nearest images of every image, and keep the greatest squared distance."""
        count = len(self.table)
        everybody, listing = Relevance.unlabelled(count, count), replace(settings, nearest=most, farthest=True)
        lists = nearest_units(self.table, self.table, everybody, listing)
        self.farthest = -lists.farthest if self.euclidean else 2 - 2 * lists.farthest
        return lists.units

    def _weigh(self) -> None:
        """Find the units that share anything with each query, and the limits to count the others against."""
        own, question = self.relevance.positives, self._question()
        images, units = len(self.table) - self.q, self.relevance.units
        ends = self.encoding.starts[: self.q + 1]
        holders = np.diff(question.inverse.starts)
        reach = np.concatenate([[0], np.cumsum(holders[self.encoding.columns[: ends[-1]]])])[ends]
        pairs = len(own.units)
        answers = Answers(np.empty(pairs), np.empty(pairs), np.zeros(pairs, dtype=np.bool_))

        def work(part: slice) -> SharingRoom:
            most = min(int(np.diff(reach[part.start : part.stop + 1]).max()), units)
            room = _sharing_room(part.stop - part.start, most)
            scratch = SharingScratch(
                sums=np.zeros(images),
                touched=np.empty(images, np.int64),
                seen=np.full(units, -1),
                acc=aligned(LANES),
                pair=np.empty(2),
            )
            weigh(part.start, part.stop, question, scratch, answers, room)
            filled = np.arange(most) < room.counts[:, None]
            return SharingRoom(room.counts, room.units[filled], room.values[filled])

        pieces = self.workers.share(self.q, 64, work)
        counts = np.concatenate([piece.counts for piece in pieces])
        self.sharing = Sharing(
            starts=np.concatenate([[0], np.cumsum(counts)]),
            units=np.concatenate([piece.units for piece in pieces]),
            values=np.concatenate([piece.values for piece in pieces]),
        )
        self.goals = self._goals(answers)

    def _question(self) -> SharingQuestion:
        """Return the input of the loop that weighs each query."""
        relevance, own = self.relevance, self.relevance.positives
        unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
        order = np.argsort(unit_of, kind="stable")
        return SharingQuestion(
            queries=Features(self.table[: self.q], self.norms[: self.q]),
            gallery=Features(self.table[self.q :], self.norms[self.q :]),
            farthest=self.farthest,
            euclidean=self.euclidean,
            share=self.share,
            groups=Groups(np.searchsorted(unit_of[order], np.arange(relevance.units + 1)), order, unit_of),
            positives=UnitLists(own.starts, own.units),
            encoding=self.encoding,
            inverse=self._inverse(),
        )

    def _goals(self, answers: Answers) -> Goals:
        """Return for each positive the similarity at which an image that shares nothing is as far."""
        far = np.repeat(self.farthest[: self.q], np.diff(self.relevance.positives.starts))
        flat = far <= 0 if self.share >= FLAT else np.ones(len(far), dtype=np.bool_)
        factor = far / max(self.share, FLAT) * (1.0 if self.euclidean else 0.5)
        equal = (0.0 if self.euclidean else 1.0) - (answers.finals - (1 - self.share)) * factor
        nobody = np.maximum(far, 1.0) if self.euclidean else 4.0
        limits = Limits(
            similarities=np.where(flat, nobody, np.where(answers.shares, equal, answers.similarities)),
            widths=np.where(flat, 0.0, TIE * factor),
        )
        return Goals(answers.finals, limits, flat & (answers.finals >= 1 - self.share - TIE))

    def _inverse(self) -> Sparse:
        """Return for each image the gallery images whose encoding has it, and their weights."""
        first = self.encoding.starts[self.q]
        columns = self.encoding.columns[first:]
        images = np.repeat(np.arange(len(self.table) - self.q, dtype=np.int32), np.diff(self.encoding.starts[self.q :]))
        order = np.argsort(columns, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=len(self.table)))])
        return Sparse(starts, images[order], self.encoding.weights[first:][order])

    def correct(self, part: QueryPart) -> None:
        """Count anew, in place, the units that share anything with a query of the part."""
        own, ignored = self.relevance.positives, self.relevance.ignored
        negatives = self.relevance.units - np.diff(own.starts) - np.diff(ignored.starts)
        correct(
            EntryList(part.plan.queries[part.entries.query], part.entries.pair + part.before[1]),
            self.goals,
            self.sharing,
            Negatives(UnitLists(own.starts, own.units), UnitLists(ignored.starts, ignored.units), negatives),
            np.full(self.relevance.units, -1),
            TIE,
            Counts(part.closer, part.tied),
        )


def _sparse_room(part: slice, most: int) -> SparseRoom:
    """Return room for the sparse rows of some images."""
    count = part.stop - part.start
    return SparseRoom(np.zeros(count, np.int64), np.empty((count, most), np.int32), np.empty((count, most)))


def _packed(room: SparseRoom) -> Sparse:
    """Return the rows without the room."""
    filled = np.arange(room.columns.shape[1]) < room.counts[:, None]
    return Sparse(np.concatenate([[0], np.cumsum(room.counts)]), room.columns[filled], room.weights[filled])


def _joined(pieces: list[Sparse]) -> Sparse:
    counts = np.concatenate([np.diff(piece.starts) for piece in pieces])
    return Sparse(
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([piece.columns for piece in pieces]),
        np.concatenate([piece.weights for piece in pieces]),
    )


def _sharing_room(queries: int, most: int) -> SharingRoom:
    """Return room for ``most`` units a query."""
    return SharingRoom(np.zeros(queries, np.int64), np.empty((queries, most), np.int64), np.empty((queries, most, 2)))
