"""A run on spoilt pictures: features of each corruption, extracted without writing a picture, and their scores."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from harness.basics.digests import digest
from harness.boxes import Boxes, read_boxes
from harness.boxes.reading import kinds_of, refuse_unknown_images
from harness.corruptions.applied import Applied
from harness.corruptions.suite import Suite
from harness.data.dataset import Dataset
from harness.errors import UsageError
from harness.features import FeatureFile, Provenance
from harness.methods.code import code_digest
from harness.methods.method import Method
from harness.runs.inputs import images_digest
from harness.runs.plan import RunPlan
from harness.runs.run import Run
from harness.scoring.evaluation import metric_of, scored, with_features
from harness.scoring.per_query import PerQuery
from harness.scoring.scores import Scores
from harness.tasks.conventions import serve_some
from harness.tasks.rules import relevance
from harness.tasks.task import Task

log = logging.getLogger("bench")

FOLDER = "corrupted"
"""The folder of spoilt features and of the results, beside the clean features."""

VERSION = 1
"""Increased whenever a spoilt picture changes for a reason that no corruption's own code tells."""


@dataclass(frozen=True, eq=False)
class Spoilt:
    """One task as a method fares on it with clean and with spoilt pictures.

    Attributes:
        clean: the scores with the pictures as they are.
        conditions: the per-query values of each corruption at each severity.
        measures: the words of the task's measures; tables are sorted by the first.
    """

    clean: Scores
    conditions: dict[tuple[str, int], PerQuery]
    measures: tuple[str, ...]

    @property
    def table(self) -> PerQuery:
        """The per-query values with the pictures as they are."""
        return self.clean.table


@dataclass(frozen=True)
class Choices:
    """What is done besides the suite.

    Attributes:
        plates: the file of boxes of parts for corruptions that look for them, or None for those at hand.
        keep: keep the spoilt features, so that a later call goes on from them.
        folder: of an earlier run, whose checkpoint and features are used; None for that of an identical run.
    """

    plates: Path | None = None
    keep: bool = True
    folder: Path | None = None


class CorruptedRun(Run):
    """A run that is extracted again with spoilt pictures.

    The method receives the same boxes and labels as on clean pictures: only pixels are spoilt.

    Args:
        plan: what to run.
        suite: the corruptions.
        choices: what else to do.
    """

    def __init__(self, plan: RunPlan, suite: Suite, choices: Choices) -> None:
        super().__init__(plan)
        self.suite = suite
        self.choices = choices

    @cached_property
    def folder(self) -> Path:
        """The given folder of an earlier run, or that of an identical one."""
        return self.choices.folder or super().folder

    @property
    def out(self) -> Path:
        """The folder of the spoilt features and of the results."""
        return self.features.parent / FOLDER

    @property
    def result_path(self) -> Path:
        """The file of the result, named after what was asked for; its page lies beside it."""
        asked = {
            "conditions": [self._path(applied, "").name for applied in self.applied.values()],
            "tasks": [task.name for task in self.plan.tasks],
        }
        return self.out / f"corruptions-{self.suite.on}-{digest(asked)[:12]}.json"

    def corrupted(self) -> list[Spoilt]:
        """Return how each task that the data set serves turns out; what an earlier call has extracted is used again.

        Raises:
            UsageError: there are several processes, or boxes are given that nothing looks at.
            DataError: the data set serves none of the tasks.
            PluginError: a corruption or the method breaks its contract.
        """
        if self.inputs.fabric.world_size > 1:
            raise UsageError(
                "pictures are spoilt in one process only",
                found=f"{self.inputs.fabric.world_size} processes",
                next_step="start 'bench corrupt' without torchrun",
            )
        for applied in self.applied.values():
            applied.digest  # noqa: B018 - a corruption that breaks its contract is refused before anything is computed
        served, _ = serve_some(self.plan.tasks, self.inputs.dataset)
        with self._in_folder(lambda: False):
            clean = self._extract(self._train())
            with FeatureFile.open(clean) as file:
                return self._scored(file, served)

    @cached_property
    def applied(self) -> dict[tuple[str, int], Applied]:
        """Each corruption at each severity."""
        suite = self.suite
        return {
            (name, severity): Applied(name, suite.corruptions[name], severity, suite.seed, self.parts)
            for name, severity in suite.conditions
        }

    @cached_property
    def parts(self) -> Boxes | None:
        """The boxes of parts for corruptions that look for them: given ones, the method's, or the data set's own."""
        path, dataset = self.choices.plates, self.inputs.dataset
        uses = any(corruption.uses_parts for corruption in self.suite.corruptions.values())
        if not uses:
            if path is not None:
                raise UsageError(
                    "none of these corruptions looks at boxes",
                    found=f"--plates {path}",
                    next_step="leave out --plates, or add plates-hidden to --corruptions",
                )
            return None
        if path is None and "parts" in kinds_of(self.plan.needs[1]):
            return self.boxes.test["parts"]
        path = path or dataset.boxes.get("parts")
        if path is None:
            return None
        boxes = read_boxes(path, kind="parts", dataset=dataset)
        refuse_unknown_images(boxes, dataset)
        return boxes

    def _scored(self, clean: FeatureFile, served: list[Task]) -> list[Spoilt]:
        tasks = [
            (task, with_features(clean, task, self.inputs.dataset, skip_missing=self.plan.request.skip_broken))
            for task in served
        ]
        found = [Spoilt(self._score(clean, clean, task, dataset), {}, tuple(task.measures)) for task, dataset in tasks]
        splits = sorted({split for task, _ in tasks for split in self._spoilt_splits(task)})
        for number, (condition, applied) in enumerate(self.applied.items(), 1):
            log.info("%s, severity %d (%d of %d)", applied.name, applied.severity, number, len(self.applied))
            with ExitStack() as opened:
                files = {split: opened.enter_context(self._spoilt(applied, split)) for split in splits}
                for (task, dataset), spoilt in zip(tasks, found, strict=True):
                    query = files[task.query] if self.suite.spoils("query") else clean
                    gallery = files[task.gallery] if self.suite.spoils("gallery") else clean
                    spoilt.conditions[condition] = self._score(query, gallery, task, dataset).table
            if not self.choices.keep:
                for split in splits:
                    self._path(applied, split).unlink()
        return found

    def _spoilt_splits(self, task: Task) -> list[str]:
        suite = self.suite
        return [*([task.query] if suite.spoils("query") else []), *([task.gallery] if suite.spoils("gallery") else [])]

    def _score(self, query: FeatureFile, gallery: FeatureFile, task: Task, dataset: Dataset) -> Scores:
        """Return the scores of queries from one file among a gallery from another; they are no record's."""
        from harness.kernel.ranking import rank

        metric = metric_of(self.settings, gallery)
        ranks = rank(
            query.rows(dataset.split(task.query).paths),
            gallery.rows(dataset.split(task.gallery).paths),
            relevance(task, dataset),
            metric=metric,
        )
        return scored(ranks, self.plan.protocol, task, dataset, self.settings, metric=metric)

    def _spoilt(self, applied: Applied, split: str) -> FeatureFile:
        """Return the features of a split's spoilt pictures, extracted unless they are there."""
        from harness.extraction.extract import FeatureOutput, extract

        path = self._path(applied, split)
        if not path.exists():
            method, provenance, dataset = self._ready
            images = images_digest(self.inputs.dataset, [split])
            words = f"{applied.name} {applied.severity}, seed {applied.seed}, {self._codes[applied.name][:12]}"
            extract(
                method,
                dataset,
                [self.inputs.dataset.split(split)],
                FeatureOutput(path, provenance.model_copy(update={"images": images, "corruption": words})),
                compute=self.plan.request.compute,
                skip_broken=self.plan.request.skip_broken,
                change=applied,
            )
        return FeatureFile.open(path)

    @cached_property
    def _ready(self) -> tuple[Method, Provenance, Dataset]:
        """The method with its numbers, where its features come from, and the data set with the method's boxes."""
        path = self._train()
        method, info = self._restored(path)
        provenance = self._provenance(method, path, info, images="")
        return method, provenance, self.boxes.kept(self.inputs.dataset, self.boxes.test, self.features.parent)

    def _path(self, applied: Applied, split: str) -> Path:
        about = {"code": self._codes[applied.name], "seed": applied.seed, "version": VERSION}
        if applied.corruption.uses_parts and applied.parts is not None:
            about["parts"] = applied.parts.digest
        return self.out / f"{applied.name}-{applied.severity}-{split}-{digest(about)[:12]}.h5"

    @cached_property
    def _codes(self) -> dict[str, str]:
        """The digest of each corruption's code, which looks at the version and the modules of any class."""
        kinds = {name: type(corruption) for name, corruption in self.suite.corruptions.items()}
        return {name: code_digest(cast("Any", kind)) for name, kind in kinds.items()}
