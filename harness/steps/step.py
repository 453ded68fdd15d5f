"""The contract of a step of post-processing: a class that changes the features of a task, or ranks them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Set as AbstractSet
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from harness.measures.ranks import PositiveRanks
from harness.methods.method import Options
from harness.steps.sets import FeatureSets
from harness.tasks.relevance import Relevance

Undefined = Literal["draws", "mean feature"]


class Step(ABC):
    """Changes the features of a task before they are ranked; subclass it and define ``apply``.

    A step sees the features, the cameras and the tracks of all images, and no vehicle.

    Attributes:
        about: one sentence for listings.
        source: the paper that it follows: authors, title, venue and year.
        Options: the model of its parameters, numbers, words and truth values. Their defaults are those of the source: a
            result with these is marked as computed with the paper's parameters, and with others as tuned on the test.
        needs: what it needs besides the features: ``camera`` or ``track`` of every image, ``gallery.track`` of the
            gallery's images alone, ``mirrored`` for the features of the mirrored pictures.
        undefined: where it has no meaning: ``draws`` for tasks that draw their galleries, ``mean feature`` for tasks
            that compare the mean feature of a track.
        opens: whether it must be the first step of a chain.
        repeats: whether it may stand in a chain more than once, because each time changes the features further.
        grid: the values of parameters that ``bench tune`` tries, besides those of the source.
        options: the parameters of this use.
    """

    about: ClassVar[str] = ""
    source: ClassVar[str] = ""
    Options: ClassVar[type[Options]] = Options
    needs: ClassVar[AbstractSet[str]] = frozenset()
    undefined: ClassVar[AbstractSet[Undefined]] = frozenset({"draws", "mean feature"})
    opens: ClassVar[bool] = False
    repeats: ClassVar[bool] = False
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    options: Any

    def __init__(self, options: BaseModel | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets with other features: ``sets.changed(query=..., gallery=...)``.

        The features stay (q, d) and (g, d) float32 and finite; both sides may get another width d. What is returned
        must not depend on the number of threads or on ``sets.machine``.
        """


class RankingStep(Step):
    """Ranks the features in a way of its own, as re-ranking does; it ends a chain. Define ``rank``."""

    def apply(self, sets: FeatureSets) -> FeatureSets:
        """Return the sets as they are: a step that ranks changes no feature."""
        return sets

    @abstractmethod
    def rank(self, sets: FeatureSets, relevance: Relevance) -> tuple[PositiveRanks, ...]:
        """Return the ranks of the positives.

        Args:
            sets: the features, as the steps before left them.
            relevance: the positives and the ignored units of each query. They may be used to count and not to rank.
        """
