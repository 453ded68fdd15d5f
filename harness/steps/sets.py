"""The features of a task as a step receives them: queries and gallery, their labels, and their nearest images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from harness.compute.machine import Machine
from harness.data.images import ImageTable, IntArray
from harness.features.metric import Metric

Side = Literal["query", "gallery"]
FloatArray = npt.NDArray[np.float64]
FeatureArray = npt.NDArray[np.float32]


class Table(Protocol):
    """Features that give their rows by slices: an array, or the rows of a feature file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and numbers a row."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float16."""

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        """Return the rows of a slice with step 1."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest gallery images of each image of one side.

    Attributes:
        units: (n, k) int64, rows of the gallery, nearest first; equal similarities in the gallery's order.
        similarity: (n, k) float64, the cosine, or minus the squared distance, as ``harness.kernel.exact`` defines it.
    """

    units: IntArray
    similarity: FloatArray


Search = Callable[["FeatureSets", Side, int], Nearest]


@dataclass(frozen=True, eq=False)
class FeatureSets:
    """The features of a task: q queries and g gallery images with d numbers each.

    Attributes:
        query: (q, d) features; read them all with ``rows``.
        gallery: (g, d) features.
        query_table: the labels of the queries. The vehicles are unknown, so that no step can use the right answers.
        gallery_table: the labels of the gallery, likewise.
        metric: how features are compared.
        search: finds the nearest gallery images exactly, for ``neighbours``.
        machine: the memory that a pass over the gallery may use.
        mirrored: the features of the mirrored pictures of both sides, if they were extracted.
        progress: called with the gallery images done and their number, while they are ranked.
    """

    query: Table
    gallery: Table
    query_table: ImageTable
    gallery_table: ImageTable
    metric: Metric
    search: Search
    machine: Machine = field(default_factory=Machine)
    mirrored: tuple[Table, Table] | None = None
    progress: Callable[[int, int], None] | None = None
    _found: dict[Side, Nearest] = field(default_factory=dict, init=False, repr=False)

    def rows(self, side: Side) -> FeatureArray:
        """Return all features of one side, (n, d) float32; float16 is widened, which is exact."""
        table = self.query if side == "query" else self.gallery
        return np.ascontiguousarray(table[0 : table.shape[0]], dtype=np.float32)

    def table(self, side: Side) -> ImageTable:
        """Return the labels of one side."""
        return self.query_table if side == "query" else self.gallery_table

    def neighbours(self, side: Side, k: int) -> Nearest:
        """Return the ``k`` nearest gallery images of each image of one side, or all if there are fewer.

        The lists are exact, and the same for any block size, memory and number of threads. Of a gallery image they hold
        the others, never the image itself. Images that a task ignores for a query are in its list, as they are in
        re-ranking: no step knows which these are. The longest list that was asked for is kept, so that a shorter one
        costs nothing.
        """
        most = min(k, self.gallery.shape[0] - (side == "gallery"))
        known = self._found.get(side)
        if known is None or known.units.shape[1] < most:
            known = self._found[side] = self.search(self, side, most)
        return Nearest(known.units[:, :most], known.similarity[:, :most])

    def changed(self, *, query: Table | None = None, gallery: Table | None = None) -> FeatureSets:
        """Return the sets with other features of one side or of both."""
        return replace(
            self,
            query=self.query if query is None else query,
            gallery=self.gallery if gallery is None else gallery,
        )
