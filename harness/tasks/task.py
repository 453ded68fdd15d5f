"""Tasks: the queries, the gallery, and the rule that decides which gallery images are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.errors import unknown_name

Ignored = Literal["same image", "same vehicle and camera", "same camera"]


@dataclass(frozen=True)
class Draws:
    """Random draws of one image per vehicle, repeated and averaged (VehicleID, VRU).

    Attributes:
        drawn: the side that receives one random image of each vehicle; all other images form the other side.
        count: the number of draws.
        seed: the seed of the first draw; draw ``i`` uses ``seed + i``.
    """

    drawn: Literal["gallery", "query"] = "gallery"
    count: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Rule:
    """The rule of a task: the ranked units, the ignored units and the draws.

    The positives of a query are the units of its vehicle that are not ignored.

    Attributes:
        unit: the units of the gallery.
        reduce: what represents a track: its image nearest to the query, or the mean of its images' features.
        ignore: images that are neither right nor wrong for a query and are removed from its ranking.
        draws: the random draws, or None if query and gallery are fixed lists.
        unanswered: what a query without a positive counts in a mean: it is left out, or it is a zero.
    """

    unit: Literal["image", "track"] = "image"
    reduce: Literal["maximum", "mean feature"] = "maximum"
    ignore: tuple[Ignored, ...] = ()
    draws: Draws | None = None
    unanswered: Literal["left out", "zero"] = "left out"


@dataclass(frozen=True)
class Convention:
    """A variation of a task under which results are also published, needed to compare with older tables.

    Attributes:
        about: one sentence about the difference.
        rule: the rule that replaces the task's, or None.
        measures: replacements of the task's measures: ``{"ap": "ap_trapezoid"}``.
        query: the split that replaces the task's query split; empty for no replacement.
        gallery: likewise for the gallery.
        source: a source that uses the convention.
    """

    about: str
    rule: Rule | None = None
    measures: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    gallery: str = ""
    source: str = ""


@dataclass(frozen=True)
class PublicCopy:
    """What is known of one public copy of a task's lists, beside the counts that make a result official.

    Attributes:
        name: the copy in words: ``the lists of 2019``.
        fingerprint: the fingerprint of the task on it; empty if nobody has computed one.
        counts: further counts by the words of ``harness.tasks.counts.counts``, which another public copy may not share.
    """

    name: str
    fingerprint: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One task of a protocol, with everything that decides its scores except the features.

    Attributes:
        name: the part after the protocol's name: ``image-to-track``.
        rule: what is ranked, ignored and right.
        measures: the words of the measures; tables are sorted by the first.
        query: the split whose images are the queries.
        gallery: the split whose images form the gallery (the query split if the rule has draws).
        released: counts of the released lists by the words of ``harness.tasks.counts.counts``; a result is official if
            there are such counts and the data set agrees with all of them.
        copies: what is known of public copies of the lists; there may be several generations.
        about: one sentence for tables of protocols.
        source: the source of the rule.
        conventions: variations of the task by name.
        convention: the name of the convention that this task follows; empty for the official rule.
        held_out: whether its vehicles are kept from the training split; if not, only methods that were not trained on
            this data set are judged by it.
        unanswered: the number of queries of the released lists that have no positive.
        withheld: whether its vehicles are secret, so that its features can be extracted and never scored.
    """

    name: str
    rule: Rule
    measures: tuple[str, ...]
    query: str = "query"
    gallery: str = "gallery"
    released: Mapping[str, int] = field(default_factory=dict)
    copies: tuple[PublicCopy, ...] = ()
    about: str = ""
    source: str = ""
    conventions: Mapping[str, Convention] = field(default_factory=dict)
    convention: str = ""
    held_out: bool = True
    unanswered: int = 0
    withheld: bool = False

    @property
    def official_name(self) -> str:
        """The name of the task without a convention."""
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
            copies=(),
            about=changed.about,
            source=changed.source,
            conventions={},
            convention=convention,
            unanswered=self.unanswered if changed.rule is None or changed.rule.ignore == self.rule.ignore else 0,
        )
