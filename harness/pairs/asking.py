"""From features and a question to its answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.basics.progress import progress
from harness.data.dataset import Dataset
from harness.errors import DataError, FeatureError
from harness.features import FeatureFile
from harness.kernel.pooled.best import best_answers
from harness.kernel.pooled.counting import count_pairs
from harness.kernel.pooled.counts import PairCounts
from harness.kernel.settings import Settings
from harness.pairs.calibration import EDGES, calibrate, fit, steps_of
from harness.pairs.measuring import carried, measured, open_answer, undecided
from harness.pairs.open_set import OpenSet, asked_and_answered, without_vehicles
from harness.pairs.question import Question
from harness.pairs.result import (
    HELD_OUT,
    THE_TEST,
    Calibration,
    HeldOutVehicles,
    Verification,
)
from harness.pairs.thresholds import Given, chosen_on, read_given
from harness.registry.registry import Registry
from harness.scoring.evaluation import metric_of, with_features
from harness.scoring.recording import origin_of
from harness.scoring.settings import ScoringSettings
from harness.scoring.sources import FeatureSource, are_given, features_of
from harness.tasks.conventions import serve_some
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from harness.tasks.opening import open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.relevance import Relevance
from harness.tasks.rules import relevance
from harness.tasks.task import Rule, Task
from harness.training.prepare import hold_out_vehicles

log = logging.getLogger("bench")

SPLIT = "held-out"


def ask(
    features: FeatureSource,
    word: str,
    question: Question,
    *,
    registry: Registry,
    data: Path | None = None,
    options: dict[str, Any] | None = None,
) -> Verification:
    """Return the answer of some features on a task, ``protocol/task``, or on a protocol's main task.

    Raises:
        UsageError: unknown protocol or task, or the data set is not given.
        DataError: the data set cannot serve the task; there are no pairs of one kind; or an open-set question has no
            query whose vehicle is not in the gallery.
        FeatureError: features are damaged or missing.
        RecordError: the thresholds are those of another model.
    """
    protocol, tasks = registry.tasks(word)
    # Held-out vehicles are training vehicles, and a method that embeds the images is given whatever labels there are.
    needed = tasks[:1] if are_given(features) and question.held_out is None else None
    dataset = open_dataset(protocol, data, needed, tell=question.machine.first)
    served, _ = serve_some(tasks[:1], dataset)
    task, held = served[0], None
    if question.held_out is not None:
        task, dataset, held = _held_out(task, dataset, question.held_out, question.seed)
    with features_of(
        features, dataset, task, name=protocol.name, options=options or {}, skip_broken=question.skip_missing
    ) as file:
        try:
            dataset = with_features(file, task, dataset, skip_missing=question.skip_missing)
        except FeatureError as error:
            if held is not None:
                error.next_step = "write a feature file with the training images too; docs/same-or-not.md shows how"
            raise
        return _Asking(file, protocol, task, dataset, question, held).answer()


def _held_out(task: Task, dataset: Dataset, share: float, seed: int) -> tuple[Task, Dataset, HeldOutVehicles]:
    """Return the task that asks about held-out training vehicles, every image being query and gallery."""
    table = dataset.splits.get("train")
    if table is None or not len(table):
        raise DataError(
            "the data set has no training images to hold out",
            where=dataset.root,
            next_step="choose the thresholds on another data set, or on the test, where they are marked as such",
        )
    images = table
    if share < 1:
        _, held = hold_out_vehicles(table, share, seed)
        if held is None:
            raise DataError("the data set has too few training vehicles to hold some out", where=dataset.root)
        images = held.query
    ignore = (*task.rule.ignore, *(() if "same image" in task.rule.ignore else ("same image",)))
    changed = replace(
        task,
        query=SPLIT,
        gallery=SPLIT,
        rule=Rule(ignore=ignore),
        released={},
        copies=(),
    )
    vehicles = len(set(images.vehicle.tolist()))
    about = HeldOutVehicles(share=share, seed=seed, vehicles=vehicles)
    return changed, replace(dataset, splits={**dataset.splits, SPLIT: images}), about


@dataclass(frozen=True, eq=False)
class _Asking:
    """One question about one task."""

    file: FeatureFile
    protocol: Protocol
    task: Task
    dataset: Dataset
    question: Question
    held: HeldOutVehicles | None

    def answer(self) -> Verification:
        """Return the answer."""
        metric = metric_of(ScoringSettings(metric=self.question.metric), self.file)
        settings = Settings(metric, replace(self.question.machine, device="cpu"))
        own = fingerprint(self.protocol, self.task, self.dataset)
        given = None
        if self.question.threshold_from is not None:
            given = read_given(self.question.threshold_from, self.file, metric)
        self._agree(own, metric, given)
        rule = relevance(self.task, self.dataset)
        counts = self._counted(rule, settings, given)
        open_sets = self._open_sets(rule, settings) if self.question.open_set else []
        measures, points = measured(counts, self.question)
        known = [] if given is None else carried(counts, given, chosen_on(given, own), open_sets)
        marked = [point.model_copy(update={"chosen_on": self._chosen_on()}) for point in points]
        return Verification(
            task=f"{self.protocol.name}/{self.task.name}",
            fingerprint=own,
            official=self.held is None and not differences(self.task, self.dataset),
            held_out=self.held,
            features=self.file.digest,
            dtype=self.file.storage.word,
            width=self.file.shape[1],
            metric=metric,
            origin=origin_of(self.file.provenance),
            queries=rule.queries,
            draws=len(rule.draws),
            positives=sum(one.matches for one in counts),
            negatives=sum(one.negatives for one in counts),
            measures=measures,
            points=(*known, *marked),
            thresholds_from=None if given is None else given.digest,
            open_set=open_answer(open_sets, self.question) if open_sets else None,
            calibration=self._calibrated(counts, given, metric),
            notes=tuple(self._notes(counts, rule)),
        )

    def _agree(self, own: str, metric: str, given: Given | None) -> None:
        """Refuse to add up the counts of processes that were given other things."""
        thresholds = None if given is None else given.digest
        asked = [*self.question.fars, "fpir", *self.question.fpirs, str(self.question.unknown), self.question.areas]
        facts = {"features": self.file.digest, "metric": metric, "the lists": own, "the thresholds": thresholds}
        self.question.machine.team.agree({**facts, "the question": asked, "the seed": self.question.seed})

    def _chosen_on(self) -> str:
        return THE_TEST if self.held is None else f"{self.held.vehicles} {HELD_OUT}"

    def _counted(self, rule: Relevance, settings: Settings, given: Given | None) -> list[PairCounts]:
        """Return the counts of the task, or of each draw."""
        queries, gallery = (
            self.file.rows(self.dataset.split(name).paths) for name in (self.task.query, self.task.gallery)
        )
        thresholds = [] if given is None else list(given.thresholds.values())
        edges = EDGES if self._calibrates(settings.metric, given) else ()
        wanted = None if self.question.areas else undecided(self.question.fars, thresholds)
        counts, first = [], self.question.machine.first
        for draw in rule.draws or (None,):
            one = rule if draw is None else replace(rule, draws=(draw,))
            with progress(f"comparing {self.protocol.name}/{self.task.name}", shown=first) as advance:
                found = count_pairs(
                    queries,
                    gallery,
                    one,
                    settings=settings,
                    thresholds=[*thresholds, *edges],
                    undecided=wanted,
                    progress=advance,
                )
            if not found.matches or not found.negatives:
                kind = "of one vehicle" if not found.matches else "of different vehicles"
                raise DataError(
                    f"the task has no pair of images {kind}",
                    where=f"{self.protocol.name}/{self.task.name} in {self.dataset.root}",
                    found=f"{found.matches} pairs of one vehicle and {found.negatives} of different ones",
                    expected="pairs of both kinds",
                    next_step=f"check the lists with 'bench data check {self.protocol.word}'",
                )
            counts.append(found)
        return counts

    def _open_sets(self, rule: Relevance, settings: Settings) -> list[OpenSet]:
        """Return the open-set question of the task, or of each draw.

        Raises:
            DataError: no query is unknown, or none is known.
        """
        question = self.question
        queries, gallery = (
            self.file.rows(self.dataset.split(name).paths) for name in (self.task.query, self.task.gallery)
        )
        if question.unknown is not None:
            rule = without_vehicles(rule, self.task, self.dataset, question.unknown, question.seed)
        found = []
        for draw in rule.draws or (None,):
            one = rule if draw is None else replace(rule, draws=(draw,))
            asked, answered = asked_and_answered(one)
            known, unknown = int((asked & answered).sum()), int((asked & ~answered).sum())
            if not known or not unknown:
                raise DataError(
                    "an open-set question needs queries whose vehicle is in the gallery, and others",
                    where=f"{self.protocol.name}/{self.task.name} in {self.dataset.root}",
                    found=f"{known} queries with a right answer and {unknown} without",
                    next_step="leave a share of the vehicles out of the gallery, with --unknown 0.5"
                    if question.unknown is None
                    else "leave out another share of the vehicles, with --unknown",
                )
            found.append(OpenSet.of(best_answers(queries, gallery, one, settings), asked, answered))
        return found

    def _calibrates(self, metric: str, given: Given | None) -> bool:
        fitting = given.curve is not None if given is not None else self.held is not None
        return self.question.areas and metric == "cosine" and fitting

    def _calibrated(self, counts: Sequence[PairCounts], given: Given | None, metric: str) -> Calibration | None:
        if not self._calibrates(metric, given):
            return None
        steps = steps_of(counts)
        if given is not None and given.curve is not None:
            return calibrate(given.curve, *steps, given.chosen_on)
        return calibrate(fit(*steps), *steps, self._chosen_on())

    def _notes(self, counts: Sequence[PairCounts], rule: Relevance) -> list[str]:
        notes = []
        least = min(one.negatives for one in counts)
        coarse = [word for word in self.question.fars if float(word) * least < 1]
        if coarse:
            notes.append(f"At FAR {', '.join(coarse)} no negative pair may be accepted: there are only {least:,}.")
        if self.held is not None and self.file.provenance.train_on == self.protocol.name:
            notes.append(
                "The method was trained on this data set; the vehicles are held out only if the run left them out "
                f"too (--validate train, --hold-out {self.held.share:g}, --seed {self.held.seed})."
            )
        without = int((rule.positives.sizes == 0).sum())
        if without and not rule.draws and not self.question.open_set and self.held is None:
            notes.append(f"{without} queries have no right answer; --fpir 0.01 asks about them as an open set.")
        if not self.question.areas:
            notes.append("The areas under the curves were not asked for.")
        return notes
