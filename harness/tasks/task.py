"""Tasks: the queries, the gallery, and the rule that decides which gallery images are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.errors import unknown_name

Ignored = Literal["same image", "same vehicle and camera", "same camera"]


@dataclass(frozen=True)
class Draws:
    """Random single-image draws, repeated and averaged (VehicleID, VRU).

    Attributes:
        drawn: the side that gets one random image of each vehicle; the others are on the other side.
        count: how often the draw is repeated.
        seed: of the first draw; draw ``i`` uses ``seed + i``.
    """

    drawn: Literal["gallery", "query"] = "gallery"
    count: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Rule:
    """What is ranked for a query, and what counts as right.

    Positives are the units of the query's vehicle that are not ignored.

    Attributes:
        unit: what the gallery consists of.
        reduce: how a track answers: by its nearest image, or by the mean of its images' features.
        ignore: images that are neither right nor wrong for a query and leave its ranking.
        draws: None where query and gallery are fixed lists.
    """

    unit: Literal["image", "track"] = "image"
    reduce: Literal["maximum", "mean feature"] = "maximum"
    ignore: tuple[Ignored, ...] = ()
    draws: Draws | None = None


@dataclass(frozen=True)
class Convention:
    """Another way in which a task's number is reported, for reading old tables; it changes one thing.

    Attributes:
        about: what it changes, as one sentence.
        rule: the rule in place of the task's; None where that stays.
        measures: words in place of the task's words: ``{"ap": "ap_trapezoid"}``.
        query: the split in place of the task's; empty where that stays.
        gallery: likewise.
        source: where it is in use.
    """

    about: str
    rule: Rule | None = None
    measures: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    gallery: str = ""
    source: str = ""


@dataclass(frozen=True)
class Task:
    """One question of a protocol, with everything that decides its number but the features.

    Attributes:
        name: the part after the protocol's: ``image-to-track``.
        rule: what is ranked, ignored and right.
        measures: their words, the first being the one that tables are sorted by.
        query: the split whose images are the queries.
        gallery: the split whose images make the gallery (the same split where the rule draws).
        released: counts of the released lists by the words of ``harness.tasks.counts.counts``; a result is official
            when the data set at hand agrees with every one of them, and there are some.
        about: one sentence for tables of protocols.
        source: where the rule is written down.
        conventions: other ways in which its number is reported, by name.
        convention: the name of the one that this task follows; empty for the official rule.
    """

    name: str
    rule: Rule
    measures: tuple[str, ...]
    query: str = "query"
    gallery: str = "gallery"
    released: Mapping[str, int] = field(default_factory=dict)
    about: str = ""
    source: str = ""
    conventions: Mapping[str, Convention] = field(default_factory=dict)
    convention: str = ""

    @property
    def official_name(self) -> str:
        """The name of the task whose convention this is; its own where it follows the official rule."""
        return self.name.partition("+")[0]

    def under(self, convention: str) -> Task:
        """Return this task under one of its conventions: ``image-to-image+trapezoid-ap``, which is never official.

        Raises:
            UsageError: no such convention.
        """
        if convention not in self.conventions:
            raise unknown_name(f"convention of {self.name}", convention, self.conventions)
        changed = self.conventions[convention]
        return replace(
            self,
            name=f"{self.name}+{convention}",
            rule=changed.rule or self.rule,
            measures=tuple(changed.measures.get(word, word) for word in self.measures),
            query=changed.query or self.query,
            gallery=changed.gallery or self.gallery,
            released={},
            about=changed.about,
            source=changed.source,
            conventions={},
            convention=convention,
        )
