"""Many chains on one set of features: what several have in common is computed once, and no chain takes a pass.

The first pass lists the nearest images of every image. A step that changes only queries compares each with the images
of its list; one that changes the gallery takes a new pass. Re-ranking works within the lists, and a positive that is in
no list keeps the negatives that it has by the features alone. So a value of the search is near the exact one, and the
same with lists of all images; ``exactly`` says the exact one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.kernel.ranking import rank
from harness.measures.family import Measure
from harness.measures.ranks import PositiveRanks
from harness.postprocessing.running import applied, ranks_of, search
from harness.scoring.scores import Scores
from harness.steps.chain import NOTHING, Chain
from harness.steps.sets import FeatureSets, Nearest, Side
from harness.steps.stated import StepUse
from harness.steps.step import Step
from harness.tasks.relevance import Relevance
from harness.tuning.listed import ListedUnits
from harness.tuning.nearby import Nearby, look_around, with_queries
from harness.tuning.reciprocal import Reciprocal

LISTED = 128
"""The fewest images in a list; three times the largest whole parameter of the settings, if that is more."""

LONGEST = 1000
"""The most images in a list, whatever the parameters."""


@dataclass(frozen=True, eq=False)
class Found:
    """One setting and its value by the search, 0 to 1."""

    chain: Chain
    value: float


class Searcher:
    """The search on one task.

    Args:
        sets: the features as they were extracted.
        relevance: of the task.
        measure: what is chosen by.
        chains: the settings.
    """

    def __init__(self, sets: FeatureSets, relevance: Relevance, measure: Measure, chains: Sequence[Chain]) -> None:
        self.relevance, self.measure, self.chains = relevance, measure, tuple(chains)
        wholes = [
            value
            for chain in chains
            for use in chain.stated.uses
            for _, value in use.options
            if isinstance(value, int) and not isinstance(value, bool)
        ]
        self.nearest = min(max([LISTED, *(3 * value for value in wholes)]), LONGEST)

        def at_once(asked: FeatureSets, side: Side, _k: int) -> Nearest:
            most = max([1, *wholes])
            return search(asked, side, min(most, asked.gallery.shape[0] - (side == "gallery")))

        self.sets = replace(sets, search=at_once)

    def run(self, progress: Callable[[int, int], None] = lambda _done, _all: None) -> list[Found]:
        """Return all settings with their values, the best first; of equal ones the earlier."""
        order = sorted(range(len(self.chains)), key=lambda place: (_path(self.chains[place]), place))
        values = [0.0] * len(order)
        known = [_State(None, self.sets, self.relevance, self.nearest)]
        for done, place in enumerate(order, 1):
            known = self._reached(known, self.chains[place])
            values[place] = self._value(known[-1], self.chains[place])
            progress(done, len(order))
        ranked = sorted(range(len(order)), key=lambda place: (-values[place], place))
        return [Found(self.chains[place], values[place]) for place in ranked]

    def exactly(self, chain: Chain = NOTHING) -> float:
        """Return the value that an evaluation of the chain gives."""
        return self._mean(ranks_of(chain, self.sets, self.relevance))

    def _reached(self, known: list[_State], chain: Chain) -> list[_State]:
        """Return the states on the way of a chain, beginning with those that are known."""
        way = _steps(chain)
        same = 1
        while same < len(known) and same <= len(way) and known[same].use == way[same - 1][0]:
            same += 1
        states = known[:same]
        for use, step in way[same - 1 :]:
            states.append(self._after(states[-1], use, step))
        return states

    def _after(self, state: _State, use: StepUse, step: Step) -> _State:
        sets = applied(use.step, step, state.sets)
        if sets.gallery is state.sets.gallery:
            return _Requeried(use, sets, self.relevance, state)
        return _State(use, sets, self.relevance, self.nearest)

    def _value(self, state: _State, chain: Chain) -> float:
        if chain.ranking is None:
            return self._mean((state.listed.ranks(state.nearby.distances[: state.nearby.queries]),))
        reranking = chain.stated.uses[-1].reranking
        if reranking is None:  # a third party's way of ranking
            return self._mean(chain.ranking.rank(state.sets, self.relevance))
        return self._mean((state.listed.ranks(state.reciprocal.distances(reranking)),))

    def _mean(self, ranks: tuple[PositiveRanks, ...]) -> float:
        return Scores.of(ranks, [self.measure], queries=self.relevance.queries).mean[self.measure.word]


class _State:
    """The features after some steps, and what is computed of them when it is needed.

    Args:
        use: the last of the steps, or None.
        sets: the features.
        relevance: of the task.
        nearest: the length of the lists.
    """

    def __init__(self, use: StepUse | None, sets: FeatureSets, relevance: Relevance, nearest: int) -> None:
        self.use, self.sets, self.relevance, self.nearest = use, sets, relevance, nearest

    @cached_property
    def nearby(self) -> Nearby:
        """The nearest images of each image."""
        sets = self.sets
        return look_around(sets.rows("query"), sets.rows("gallery"), sets.metric, self.nearest, sets.machine)

    @cached_property
    def before(self) -> PositiveRanks:
        """The ranks by the features alone."""
        sets = self.sets
        return rank(sets.query, sets.gallery, self.relevance, metric=sets.metric, machine=sets.machine)[0]

    @cached_property
    def listed(self) -> ListedUnits:
        """What the nearest images are to the queries."""
        return ListedUnits(self.nearby.images[: self.nearby.queries], self.relevance, self.before)

    @cached_property
    def reciprocal(self) -> Reciprocal:
        """Re-rankings of the lists."""
        return Reciprocal(self.nearby)


class _Requeried(_State):
    """The features after a step that changed only queries: what is known of those before it serves again."""

    def __init__(self, use: StepUse, sets: FeatureSets, relevance: Relevance, earlier: _State) -> None:
        super().__init__(use, sets, relevance, earlier.nearest)
        self.earlier = earlier

    @cached_property
    def nearby(self) -> Nearby:
        """The same images, in the order of the new distances."""
        return with_queries(self.earlier.nearby, self.sets.rows("query"), self.sets.metric)

    @cached_property
    def before(self) -> PositiveRanks:
        """The ranks before the queries changed."""
        return self.earlier.before


def _steps(chain: Chain) -> list[tuple[StepUse, Step]]:
    """Return the steps of a chain before the one that ranks."""
    pairs = list(zip(chain.stated.uses, chain.steps, strict=True))
    return pairs[:-1] if chain.ranking is not None else pairs


def _path(chain: Chain) -> tuple[tuple[str, str], ...]:
    """Return what settings are ordered by, so that those with the same first steps follow each other."""
    return tuple((use.step, repr(use.options)) for use in chain.stated.uses)
