"""The nearest units of each query: rank lists, and the start of re-ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.compute.team import Team
from harness.data.images import IntArray
from harness.kernel.memory import aligned
from harness.kernel.native.fold import LANES
from harness.kernel.native.scores import HIGHEST, LOWEST
from harness.kernel.native.tuples import Held, Listing, Nearest, RowBuffer, Scratch, Tile, UnitLists
from harness.kernel.plan import RankingPlan

FloatArray = npt.NDArray[np.float64]

HELD = 1 << 20
"""Units held at once by one thread, of all its queries; 12 bytes each."""

NOBODY = -1
"""In place of a unit, for a query with fewer valid units than its list is long."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest valid units of each query; of several draws, those of the first.

    Attributes:
        units: (q, k) int64, nearest first by the bits of the canonical similarity, equal bits by number (ties within a
            tolerance are not transitive and order nothing); ``NOBODY`` behind the last valid unit, and for a query that
            is not asked.
        similarity: (q, k) float64, canonical: the cosine, or minus the squared distance; NaN for ``NOBODY``.
        farthest: (q,) float64, the least similarity to any valid unit, infinity without one; (0,) unless it was
            asked for.
    """

    units: IntArray
    similarity: FloatArray
    farthest: FloatArray

    @classmethod
    def of(cls, plan: RankingPlan, parts: Sequence[Lists], most: int) -> Neighbours:
        """Return the lists in the numbers of the task's tables."""
        relevance = plan.relevance
        units = np.full((relevance.queries, most), NOBODY)
        similarity = np.full((relevance.queries, most), np.nan)
        found = np.concatenate([part.units for part in parts])
        units[plan.queries] = np.where(found >= 0, plan.units[found] if len(plan.units) else NOBODY, NOBODY)
        similarity[plan.queries] = np.concatenate([part.similarities for part in parts])
        if relevance.draws:
            absent = np.setdiff1d(np.arange(relevance.queries), relevance.draws[0].queries)
            units[absent], similarity[absent] = NOBODY, np.nan
        farthest = np.full(relevance.queries, np.inf)
        least = np.concatenate([part.farthest for part in parts])
        if len(least) == len(plan.queries):
            farthest[plan.queries] = least
        return cls(units, similarity, farthest if len(least) else least)


class Lists(Nearest):
    """The lists of some queries while they grow, in numbers of the plan's units."""

    __slots__ = ()

    @classmethod
    def empty(cls, queries: int, most: int, *, farthest: bool = False) -> Lists:
        """Return lists without units."""
        shape = (queries, most)
        return cls(
            np.full(shape, NOBODY),
            np.full(shape, np.nan),
            np.zeros(queries, dtype=np.int64),
            np.full(queries * farthest, np.inf),
        )

    def together(self, team: Team) -> Lists:
        """Return the lists over the shards of all processes."""
        if team.count == 1:
            return self
        units = np.zeros((team.count, *self.units.shape), dtype=np.int64)
        similarities = np.zeros(units.shape)
        units[team.index] = self.units
        similarities[team.index] = np.nan_to_num(self.similarities)
        units, similarities = (np.concatenate(list(team.total(column)), axis=1) for column in (units, similarities))
        similarities[units < 0] = -np.inf
        # Shards are in the order of the units, so a stable sort keeps equal similarities by number.
        order = np.argsort(-similarities, axis=1, kind="stable")[:, : self.units.shape[1]]
        units = np.take_along_axis(units, order, axis=1)
        similarities = np.take_along_axis(similarities, order, axis=1)
        similarities[units < 0] = np.nan
        return Lists(units, similarities, (units >= 0).sum(axis=1), self.farthest)


class Lister:
    """Brings the lists of some queries up to date with one block, tile by tile.

    Args:
        lists: of all queries.
        queries: those whose tiles are added.
        listing: of the block.
        ignored: the units that each query leaves out.
    """

    def __init__(self, lists: Lists, queries: slice, listing: Listing, ignored: UnitLists) -> None:
        self.lists = lists
        self.queries = queries
        self.listing = listing
        self.ignored = ignored
        self.near = _held(queries, _room(lists.units.shape[1]), LOWEST)
        self.far = _held(queries if len(lists.farthest) else slice(0, 0), _room(1), -HIGHEST)
        self.settle()

    def add(self, tile: Tile, buffer: RowBuffer, scratch: Scratch) -> None:
        """Hold what may be wanted of a tile."""
        from harness.kernel.native.nearest import list_tile  # here, since most passes make no lists

        list_tile(tile, self.listing, self.ignored, buffer, scratch, self.near, self.far, self.lists)

    def settle(self) -> None:
        """List what is wanted of all that is held."""
        from harness.kernel.native.nearest import settle_lists

        first, last = self.queries.start, self.queries.stop
        settle_lists(first, last, self.listing, self.near, self.far, aligned(LANES), self.lists)


def queries_of(most: int) -> int:
    """Return for how many queries at once a thread has room to hold units for lists of that length."""
    return max(HELD // _room(most), 1)


def _room(most: int) -> int:
    """Return how many units to hold for a query: what scores leave of twice a list, twice, and some for short lists."""
    return 4 * most + 64


def _held(queries: slice, room: int, limit: float) -> Held:
    """Return room for the units of some queries, none of which is held yet."""
    count = queries.stop - queries.start
    return Held(
        first=queries.start,
        units=np.empty((count, room), np.int64),
        scores=np.empty((count, room), np.float32),
        numbers=np.zeros(count, np.int64),
        limits=np.full(count, limit, np.float32),
    )
