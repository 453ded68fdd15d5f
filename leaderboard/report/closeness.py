"""How close a few units are to a query: the order of neighbouring positives, and the image to show of a track."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.features import FeatureFile
from harness.kernel.exact import similarities
from harness.kernel.neighbours import NOBODY
from harness.measures.ranks import PositiveRanks
from harness.tasks.relevance import Relevance
from leaderboard.report.labels import Units
from leaderboard.report.source import ReportedRun

FloatArray = npt.NDArray[np.float64]

IN_MEMORY = 1 << 30
"""Bytes up to which the features of a gallery are read at once."""


class Closeness:
    """The similarity of a query to some of the units, for what ranks do not say.

    No rank depends on it: a measure cannot tell which of two positives with no negative between them is nearer.

    Args:
        run: the run.
        relevance: of its task.
        units: of the gallery.
    """

    def __init__(self, run: ReportedRun, relevance: Relevance, units: Units) -> None:
        self._relevance = relevance
        self._units = units
        self._euclidean = run.record.metric == "euclidean"
        query, gallery = (run.dataset.split(name).paths for name in (run.task.query, run.task.gallery))
        self._queries, self._gallery = _Rows(run.features, query), _Rows(run.features, gallery)
        unit_of = np.arange(relevance.units) if relevance.unit_of is None else relevance.unit_of
        self._order = np.argsort(unit_of, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(units.images)])

    def in_order(self, ranks: PositiveRanks) -> PositiveRanks:
        """Return the same ranks with positives of equal rank from the nearest to the farthest, then by number.

        ``PositiveRanks`` has those with no negative between them by number alone.
        """
        base = ranks.closer + ranks.tied
        order = np.arange(len(ranks.units))
        for query, start, end in zip(ranks.asked.tolist(), ranks.starts[:-1], ranks.starts[1:], strict=True):
            part = slice(int(start), int(end))
            if len(np.unique(base[part])) < end - start:
                close = self._of(query, ranks.units[part])[0]
                order[part] = part.start + np.lexsort((ranks.units[part], -close, base[part]))
        return PositiveRanks(ranks.asked, ranks.starts, ranks.units[order], ranks.closer[order], ranks.tied[order])

    def images(self, nearest: IntArray) -> IntArray:
        """Return the gallery row that stands for each unit of (q, k) lists; of a track the image nearest to the query.

        A track that counts by its mean feature is represented by its first image.
        """
        images = np.where(nearest == NOBODY, NOBODY, self._units.first[nearest])
        if self._relevance.unit_of is not None and self._relevance.reduce == "maximum":
            for row, listed in enumerate(nearest):
                known = listed[listed != NOBODY]
                if len(known):
                    images[row, : len(known)] = self._of(row, known)[1]
        return images

    def _of(self, query: int, units: IntArray) -> tuple[FloatArray, IntArray]:
        """Return the similarity of each unit to a query and, unless it counts by its mean, its nearest image."""
        own = [self._order[self._starts[unit] : self._starts[unit + 1]] for unit in units.tolist()]
        edges = np.concatenate([[0], np.cumsum([len(rows) for rows in own])])[:-1]
        rows = np.concatenate(own)
        features = self._gallery.take(rows)
        if self._relevance.reduce == "mean feature":
            return self._similarity(query, features, np.append(edges, len(rows))), self._units.first[units]
        close = self._similarity(query, features)
        order = np.lexsort((np.arange(len(rows)), -close, np.repeat(np.arange(len(own)), list(map(len, own)))))
        return np.maximum.reduceat(close, edges), rows[order[edges]]

    def _similarity(self, query: int, features: FloatArray, starts: IntArray | None = None) -> FloatArray:
        (asked,) = self._queries.take(np.array([query]))
        return similarities(asked, features, euclidean=self._euclidean, starts=starts)


class _Rows:
    """The features of some images, in memory if they fit."""

    def __init__(self, file: FeatureFile, keys: Sequence[str]) -> None:
        self._file = file
        self._keys = keys
        size = len(keys) * file.shape[1] * file.dtype.itemsize
        self._table = file.rows(keys)[:] if size <= IN_MEMORY else None

    def take(self, rows: IntArray) -> FloatArray:
        """Return (n, d) float64."""
        if self._table is not None:
            return np.asarray(self._table[rows], dtype=np.float64)
        return np.asarray(self._file.read([self._keys[row] for row in rows.tolist()]), dtype=np.float64)
