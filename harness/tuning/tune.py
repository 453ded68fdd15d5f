"""``bench tune``: settings chosen on held-out training vehicles, and what choosing on the test would have gained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.basics.progress import progress
from harness.compute.compute import Compute
from harness.compute.machine import Machine
from harness.data.dataset import Dataset
from harness.errors import UsageError
from harness.features import FeatureFile
from harness.features.finding import find_features
from harness.features.metric import Metric
from harness.measures import parse
from harness.postprocessing.tuned import HeldOutVehicles, Tried, Tuned, TunedStep, step_word, weights_digest
from harness.registry.registry import Registry
from harness.scoring.evaluation import metric_of, with_features
from harness.scoring.inputs import feature_sets, task_rows
from harness.scoring.settings import ScoringSettings
from harness.steps.chain import NOTHING, Chain
from harness.tasks.conventions import serve_some
from harness.tasks.opening import find_root, open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.rules import relevance
from harness.tasks.task import Task
from harness.tuning.search import Found, Searcher
from harness.tuning.settings import settings_of
from harness.tuning.sources import FinishedRun, embedded, held_out_of, is_run, open_finished, request_of, seen_by
from harness.tuning.vehicles import Selected, as_task, share_of


@dataclass(frozen=True)
class TuneRequest:
    """What to tune.

    Attributes:
        source: the folder of a run, or features of training images.
        protocol: the protocol, or one of its tasks, whose training vehicles and rule are used; None for the data set
            that the run was trained on.
        data: folder of its data set.
        steps: the names of the steps, in order.
        values: values to try in place of the steps' own, as written after ``--values``.
        settings: the most settings.
        seed: of the share of vehicles, of the queries and of the settings.
        split: the split of the images, for a feature file.
        hold_out: the share of the vehicles, where no training has held any out.
        metric: None for the features' own.
        test: features of the test, to say what choosing there would have gained; None to leave the test alone.
        boxes: the file of boxes for a run that needs them.
        detector: the checkpoint of a detector in place of boxes.
        compute: how a run embeds.
        machine: the memory of the passes.
    """

    source: Path
    steps: tuple[str, ...]
    protocol: str | None = None
    data: Path | None = None
    values: tuple[str, ...] = ()
    settings: int = 100
    seed: int = 0
    split: str = "train"
    hold_out: float = 0.1
    metric: Metric | None = None
    test: Path | None = None
    boxes: Path | None = None
    detector: Path | None = None
    compute: Compute = field(default_factory=Compute)
    machine: Machine = field(default_factory=Machine)


@dataclass(frozen=True, eq=False)
class TuneRow:
    """A chain with its exact values of the measure, 0 to 1.

    Attributes:
        name: ``none``, ``paper``, ``held-out`` or ``test``: how its parameters were chosen.
        chain: empty for ``none``.
        held_out: on the held-out vehicles; 0 for ``test``, which is not chosen there.
        test: on the test, if it was looked at.
    """

    name: str
    chain: Chain
    held_out: float
    test: float | None = None


@dataclass(frozen=True, eq=False)
class TuneResult:
    """What was chosen.

    Attributes:
        tuned: what the file says.
        task: the task whose rule was used: ``protocol/task``.
        rows: without post-processing, with the sources' parameters, as chosen; with the test also as chosen there.
        tried: the number of settings.
    """

    tuned: Tuned
    task: str
    rows: tuple[TuneRow, ...]
    tried: int

    @property
    def gain(self) -> float | None:
        """By how much the best setting on the test is better there than the chosen one; None without the test."""
        values = {row.name: row.test for row in self.rows}
        best, chosen = values.get("test"), values["held-out"]
        return None if best is None or chosen is None else best - chosen


def tune(request: TuneRequest, registry: Registry) -> TuneResult:
    """Choose the settings of some steps on held-out training vehicles.

    All settings are searched from few passes (``Searcher``); the best and the sources' are then evaluated exactly, and
    the better one is chosen.

    Raises:
        UsageError: an unknown name, steps without a choice or in an order that means nothing, a run that has held no
            vehicle out, a split of the test, or a test of another model.
        DataError: the data set cannot be read, has too few vehicles, or lacks a label that a step needs.
        FeatureError: the features are damaged, or those of some images are missing.
    """
    run = open_finished(request.source) if is_run(request.source) else None
    word = request.protocol or (run.train_on if run is not None else None)
    if word is None:
        raise UsageError("the data set is not given", expected="--protocol NAME, whose training vehicles are used")
    chains = settings_of(request.steps, registry.step, count=request.settings, seed=request.seed, values=request.values)
    protocol, tasks = registry.tasks(word)
    chains[0].refuse_undefined(tasks)
    task = next(task for task in tasks if chains[0].undefined(task) is None)
    root = find_root(protocol, request.data)
    dataset = open_dataset(protocol, root, None)
    return _Tuning(request, registry, protocol, task, dataset, chains).result(root, run)


@dataclass(frozen=True, eq=False)
class _Tuning:
    """One search, with every name looked up."""

    request: TuneRequest
    registry: Registry
    protocol: Protocol
    task: Task
    dataset: Dataset
    chains: Sequence[Chain]

    def result(self, root: Path, run: FinishedRun | None) -> TuneResult:
        """Choose on the held-out vehicles, and look at the test if that is wanted."""
        selected, features = self._of_features() if run is None else self._of_run(run, root)
        made, held, about = as_task(selected, self.task, self.dataset, self.request.seed)
        if problem := self.chains[0].problem(made, held):
            raise problem
        with FeatureFile.open(features()) as file:
            result = self._choose(file, made, with_features(file, made, held, skip_missing=False), about)
        if self.request.test is None:
            return result
        with FeatureFile.open(find_features(self.request.test, self.protocol.name)) as file:
            return self._looked_at(file, result)

    def _of_run(self, run: FinishedRun, root: Path) -> tuple[Selected, Callable[[], Path]]:
        request = self.request
        selected = held_out_of(run, self.protocol, self.dataset, request.hold_out, request.seed)
        words = {"boxes": request.boxes, "detector": request.detector, "mirrored": self.chains[0].mirrored}
        wanted = request_of(run, self.protocol.word, root, request.compute, **words)
        return selected, lambda: embedded(wanted, selected, self.dataset, self.registry)

    def _of_features(self) -> tuple[Selected, Callable[[], Path]]:
        request = self.request
        refuse_tested(request.split, self.protocol, self.dataset)
        path = find_features(request.source, self.protocol.name)
        with FeatureFile.open(path) as file:
            seen = seen_by(file.provenance, self.protocol.name)
        return share_of(self.dataset, request.split, request.hold_out, request.seed, seen=seen), lambda: path

    def _searcher(self, file: FeatureFile, task: Task, dataset: Dataset) -> Searcher:
        settings = ScoringSettings(self.request.metric, self.chains[0], machine=self.request.machine)
        settings = replace(settings, metric=metric_of(settings, file))
        measure = parse(self.task.measures[0])
        sets = feature_sets(file, task, dataset, settings, task_rows(file, task, dataset))
        return Searcher(sets, relevance(task, dataset), measure, self.chains)

    def _searched(self, searcher: Searcher, what: str) -> list[Found]:
        with progress(f"{len(self.chains)} settings on {what}", shown=True) as advance:
            return searcher.run(advance)

    def _choose(self, file: FeatureFile, task: Task, dataset: Dataset, about: HeldOutVehicles) -> TuneResult:
        searcher = self._searcher(file, task, dataset)
        found = self._searched(searcher, "held-out vehicles")
        paper = Chain.of([(name, {}) for name in self.request.steps], self.registry.step)
        rows = [TuneRow("none", NOTHING, searcher.exactly()), TuneRow("paper", paper, searcher.exactly(paper))]
        best = found[0].chain
        chosen = rows[1] if best.stated == paper.stated else TuneRow("held-out", best, searcher.exactly(best))
        tried = {one.chain.stated.uses for one in found}
        if paper.stated.uses in tried and rows[1].held_out >= chosen.held_out:  # the search is not exact
            chosen = rows[1]
        rows.append(replace(chosen, name="held-out"))
        tuned = Tuned(
            protocol=self.protocol.name,
            task=self.task.name,
            method=file.provenance.run_name,
            weights=weights_digest(file.provenance),
            width=file.shape[1],
            metric=searcher.sets.metric,
            measure=searcher.measure.word,
            seed=self.request.seed,
            nearest=searcher.nearest,
            without=rows[0].held_out,
            value=chosen.held_out,
            held_out=about,
            chain=[TunedStep(step=use.step, options=dict(use.options)) for use in chosen.chain.stated.uses],
            tried=[Tried(chain=words_of(one.chain), value=one.value) for one in found],
        )
        return TuneResult(tuned, f"{self.protocol.name}/{self.task.name}", tuple(rows), len(found))

    def _looked_at(self, file: FeatureFile, result: TuneResult) -> TuneResult:
        """Return the result with the values on the test, and with the setting that is the best there.

        Raises:
            UsageError: the features are of another model, data set or metric.
        """
        searcher = self._searcher_of_test(file, result.tuned)
        found = self._searched(searcher, "the test")
        rows = [replace(row, test=searcher.exactly(row.chain)) for row in result.rows]
        best = TuneRow("test", found[0].chain, 0.0, searcher.exactly(found[0].chain))
        best = max([best, *rows[1:]], key=lambda row: row.test if row.test is not None else 0.0)
        return replace(result, rows=(*rows, replace(best, name="test", held_out=0.0)))

    def _searcher_of_test(self, file: FeatureFile, tuned: Tuned) -> Searcher:
        served, _ = serve_some([self.task], self.dataset, self.chains[0].problem)
        searcher = self._searcher(file, served[0], with_features(file, served[0], self.dataset, skip_missing=False))
        tuned.refuse_other(
            file.path,
            file.provenance,
            protocol=self.protocol.name,
            metric=searcher.sets.metric,
            width=file.shape[1],
        )
        return searcher


def words_of(chain: Chain) -> list[str]:
    """Return a chain as it is written after ``--post``, one text a step."""
    return [step_word(use.step, dict(use.options)) for use in chain.stated.uses]


def refuse_tested(split: str, protocol: Protocol, dataset: Dataset) -> None:
    """Refuse a split with images that a task tests on: a setting chosen there is chosen on the test.

    Raises:
        UsageError: it has some.
    """
    own = {*dataset.split(split).paths}
    for task in protocol.tasks:
        for tested in (task.query, task.gallery):
            if tested in dataset.splits and not own.isdisjoint(dataset.split(tested).paths):
                raise UsageError(
                    "these are images of the test, and a setting chosen on them is chosen on the test",
                    where=f"{protocol.name}/{task.name}",
                    found=f"--split {split}, which shares images with the split '{tested}'",
                    expected="a split that no task tests on: --split train",
                )
