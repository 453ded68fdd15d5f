"""Protocols and tasks: which images are asked, which answer, and by which rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.errors import DataError, UsageError, unknown_name
from harness.images import ImageTable

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
        released: counts of the released lists by the words of ``harness.counts.counts``; a result is official
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


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set as found on disk, read by its protocol: lists only, no image is opened.

    Attributes:
        root: the folder that the tables' paths are relative to.
        splits: ``train``, ``query``, ``gallery``, or the names that the protocol's tasks use.
        unavailable: for a task that this copy cannot serve, the reason, as the error to raise.
        notes: one sentence for each thing that differs from the released data set, or was read in another way
            than its documents say, for the log.
        boxes: for a kind of boxes (``parts``: the 16 classes, ``regions``: PR-ReID's four), their file, of any form.
        formats: the image formats, in Pillow's words, that may be decoded.
        release: of a data set with several releases, which one this copy is, in words.
    """

    root: Path
    splits: Mapping[str, ImageTable]
    unavailable: Mapping[str, DataError] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    boxes: Mapping[str, Path] = field(default_factory=dict)
    formats: tuple[str, ...] = ("JPEG",)
    release: str = ""

    def split(self, name: str) -> ImageTable:
        """Return the table of one split.

        Raises:
            DataError: this copy of the data set has none of that name.
        """
        if name not in self.splits:
            raise DataError(
                f"the data set has no images for the split '{name}'",
                where=self.root,
                found=", ".join(self.splits) or "no split",
                next_step="see 'bench data check' for what is missing",
            )
        return self.splits[name]


class Protocol(ABC):
    """A data set, its splits and its tasks; subclasses live one a module in ``protocols/`` or in a plugin.

    Attributes:
        name: the word on the command line.
        version: raised by any change that can move a digit.
        title: the data set's name in tables.
        recipe: the recipe that a method trains with when the user names none.
        tasks: the main task first.
        releases: words for the layouts that differ from release to release, where ``make`` can draw several.
        released: for a split, counts of the released lists: ``images``, ``vehicles``, ``cameras``, ``tracks``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str] = ""
    recipe: ClassVar[str] = "paper"
    tasks: ClassVar[tuple[Task, ...]]
    releases: ClassVar[tuple[str, ...]] = ()
    released: ClassVar[Mapping[str, Mapping[str, int]]] = {}

    @abstractmethod
    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``.

        Raises:
            DataError: what is missing or malformed, and where.
        """

    def default_root(self) -> Path | None:
        """Return the folder used when the user names none; None where the data set must be named."""
        return None

    def make(self, out: Path, **choices: Any) -> str:  # noqa: ARG002 - the contract
        """Draw a data set of this layout into the folder ``out``, and return one line about it.

        Args:
            out: must not exist yet, or be empty.
            choices: ``vehicles``, ``cameras``, ``image_size``, ``seed``, ``workers``, and ``release`` of a protocol
                that has ``releases``, where the user chose; and ``progress``, called with the images done and all.

        Raises:
            UsageError: this protocol's layout cannot be drawn.
            DataError: the folder is not empty, or the choices do not go together.
        """
        raise UsageError(f"no data set can be drawn in the layout of '{self.name}'", where=out)

    def select(self, task: str | None) -> Sequence[Task]:
        """Return the task of that name, or all of them for None; ``task+convention`` is a task under a convention.

        Raises:
            UsageError: no such task, or no such convention.
        """
        if task is None:
            return self.tasks
        name, plus, convention = task.partition("+")
        for candidate in self.tasks:
            if candidate.name == name:
                return (candidate.under(convention) if plus else candidate,)
        raise unknown_name(f"task of {self.name}", name, [candidate.name for candidate in self.tasks])
