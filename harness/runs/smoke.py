"""A smoke run: every step of a run on a few images, to see that it works and what the whole would take."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from lightning_fabric import Fabric

from harness.basics.leftovers import temporary_folder
from harness.compute.machine import Machine
from harness.data.dataset import Dataset
from harness.data.images import IntArray
from harness.errors import UsageError
from harness.methods.method import Method
from harness.methods.network import NetworkMethod
from harness.methods.session import HeldOut, Session
from harness.registry.observing import Observers
from harness.registry.registry import Registry
from harness.runs.plan import RunPlan
from harness.runs.run import Run
from harness.scoring.cost import device_name
from harness.scoring.fields import Cost
from harness.scoring.record import Record
from harness.tasks.conventions import serve_some
from harness.tasks.rules import relevance
from harness.tasks.task import Rule, Task

if TYPE_CHECKING:
    from harness.training.smoke import TrainingTrial

QUERIES, GALLERY = 64, 256
"""The most queries and gallery images of the evaluation."""

VALIDATED = (16, 48)
"""The most queries and gallery images of the validation, which fill one batch."""

WORKS = Task("smoke", Rule(ignore=("same image",)), ())
"""The rule by which validation images are chosen."""


@dataclass(frozen=True)
class Work:
    """What is done with single images: how many the whole run has, and the seconds of one."""

    images: int
    each: float

    @property
    def seconds(self) -> float:
        """The estimated seconds for all images."""
        return self.images * self.each


@dataclass(frozen=True)
class SmokeReport:
    """What a smoke run saw; it holds no score.

    Attributes:
        about: what was tried: the run's name, method, variant, recipe, protocol, device, processes, precision.
        task: the evaluated task, with the number of its queries and gallery images.
        extraction: the images of the protocol.
        checkpoint_bytes: the size of the checkpoint, or None if there is none.
        training: what the stages took, or None if the run does not train.
        reading: the images that are decoded before training.
        validation: the images that are validated in all epochs together.
    """

    about: dict[str, Any]
    task: dict[str, Any]
    extraction: Work
    checkpoint_bytes: int | None = None
    training: TrainingTrial | None = None
    reading: Work = field(default=Work(0, 0.0))
    validation: Work = field(default=Work(0, 0.0))

    @property
    def seconds(self) -> float:
        """The estimated seconds of the whole run, without ranking."""
        stages = sum(stage.seconds for stage in self.training.stages) if self.training else 0.0
        return stages + self.reading.seconds + self.validation.seconds + self.extraction.seconds

    def values(self) -> dict[str, Any]:
        """Return everything as plain numbers: seconds and bytes."""
        stages = self.training.stages if self.training else ()
        work = {"reading": self.reading, "validation": self.validation, "extraction": self.extraction}
        return {
            "smoke": True,
            **self.about,
            "stages": [
                {
                    "stage": stage.stage,
                    "images": stage.images,
                    "first_step_seconds": stage.first,
                    "second_step_seconds": stage.second,
                    "load_seconds": stage.load,
                    "load_processes": stage.workers,
                    "step_seconds": stage.step,
                    "peak_memory_bytes": stage.memory,
                    "steps_per_epoch": stage.steps,
                    "epochs": stage.epochs,
                    "iterations": stage.iterations,
                    "steps": stage.length,
                    "seconds": stage.seconds,
                }
                for stage in stages
            ],
            **{name: {**asdict(each), "seconds": each.seconds} for name, each in work.items()},
            "evaluation": self.task,
            "checkpoint_bytes": self.checkpoint_bytes,
            "state_bytes": self.training.state_bytes if self.training else None,
            "seconds": self.seconds,
        }


def smoke(plan: RunPlan) -> SmokeReport | None:
    """Try every step of a run on a few images, and return what it took; None in all processes but the first.

    Nothing is kept: all files are in a temporary folder.

    Raises:
        UsageError: the method trains without stages, or processes on several machines share no temporary folder.
        BenchError: as a run raises it.
    """
    if plan.trains and not issubclass(plan.method, NetworkMethod):
        raise UsageError(
            f"method '{plan.name}' trains by itself, without stages that can be tried",
            next_step="run it without --smoke, or give a checkpoint with --checkpoint",
        )
    from harness.compute.devices import open_fabric

    with _temporary(open_fabric(plan.request.compute)) as folder:
        return _SmokeRun(replace(plan, request=replace(plan.request, runs=folder))).report()


@contextmanager
def _temporary(fabric: Fabric) -> Iterator[Path]:
    """Yield a temporary folder of all processes, which is removed at the end, also if the process is asked to end."""
    team = Machine.of(fabric).team
    with ExitStack() as held:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            held.callback(signal.signal, signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        own = str(held.enter_context(temporary_folder("smoke"))) if team.index == 0 else ""
        folder = Path(str(fabric.broadcast(own)))
        with team.together():
            if not folder.is_dir():
                raise UsageError(
                    "the processes share no temporary folder",
                    where=folder,
                    next_step="set TMPDIR to a folder that all machines see",
                )
        yield folder
        fabric.barrier()


class _SmokeRun(Run):
    """A run whose training stops after two batches a stage, and whose data set has a few test images."""

    trial: TrainingTrial | None = None
    session: Session | None = None
    checkpoint: Path | None = None

    def __init__(self, plan: RunPlan) -> None:
        super().__init__(plan)
        self.observers = Observers.of(Registry())  # a trial tells nobody

    def report(self) -> SmokeReport | None:
        """Do every step, and return what it took; None in all processes but the first."""
        plan, whole = self.plan, self.inputs.dataset
        images = {key for name in plan.splits for key in whole.split(name).paths}
        served, _ = serve_some(plan.tasks, whole, plan.post.problem)
        if plan.trains:
            self.inputs.training  # noqa: B018 - read before the data set shrinks
        self.plan = self.boxes.plan = self.inputs.plan = replace(plan, tasks=served[:1])
        self.inputs.dataset = few(served[0], whole, QUERIES, GALLERY)
        if plan.request.detector is not None:
            self.boxes.only = self._keys
        records = self.run()
        return self._report(records[0], len(images)) if records else None

    @cached_property
    def _keys(self) -> set[str]:
        """The keys of all images that this run reads."""
        from harness.training.prepare import prepare
        from harness.training.smoke import draw, rows_of, stages_of

        tables = [self.inputs.dataset.split(name) for name in self.plan.splits]
        method = self._create()
        if self.plan.trains and isinstance(method, NetworkMethod):
            request = self._training(self.plan.request.runs)
            labels = {need for need in method.needs if not need.startswith("boxes.")}
            session = prepare(self.inputs.training, request, needs=labels, input_size=method.input_size)
            rows = rows_of(draw(stages_of(method, session), session.labels, session.seed))
            held = _few_held_out(session)
            tables += [session.train.take(rows), *([held.query, held.gallery] if held else [])]
        return {key for table in tables for key in table.paths}

    def _session(self, method: Method) -> Session:
        self.session = super()._session(method)
        return replace(self.session, engine=self._try, validation=_few_held_out(self.session))

    def _try(self, method: NetworkMethod, session: Session) -> None:
        from harness.training.smoke import try_training

        self.trial = try_training(method, session)

    def _train(self) -> Path | None:
        self.checkpoint = super()._train()
        return self.checkpoint

    def _report(self, record: Record, images: int) -> SmokeReport:
        plan, (task,), dataset, fabric = self.plan, self.plan.tasks, self.inputs.dataset, self.inputs.fabric
        report = SmokeReport(
            about={
                "name": self.origin.run_name,
                "method": plan.name,
                "variant": plan.named.variant,
                "changes": dict(plan.named.changes),
                "recipe": plan.recipe,
                "protocol": plan.protocol.name,
                "train_on": plan.train_on if plan.trains else None,
                "device": device_name(fabric),
                "memory": "of the GPU" if fabric.device.type == "cuda" else "of the process",
                "processes": fabric.world_size,
                "precision": plan.request.compute.arithmetic,
            },
            task={
                "task": record.name,
                "queries": len(dataset.split(task.query)),
                "gallery": len(dataset.split(task.gallery)),
            },
            extraction=Work(images, self._each(record.cost)),
            checkpoint_bytes=self.checkpoint.stat().st_size if self.checkpoint else None,
            training=self.trial,
        )
        if self.trial is None or self.session is None or not self.trial.stages:
            return report
        held = self.session.validation
        validated = len({*held.query.paths, *held.gallery.paths}) if held else 0
        passes = sum(stage.passes for stage in self.trial.stages)
        return replace(
            report,
            reading=Work(len(self.session.train) + validated, self.trial.read),
            validation=Work(validated * passes, self.trial.validate or 0.0),
        )

    def _each(self, cost: Cost | None) -> float:
        """Return the seconds in which one image is extracted; the last batch is as full as all others."""
        from harness.extraction.embed import choose_batch

        if cost is None:
            return 0.0
        size = self.plan.request.compute.batch or choose_batch(self.inputs.fabric, self._create().input_size)
        return cost.seconds / (math.ceil(cost.images / size) * size if cost.images > size else cost.images)


def few(task: Task, dataset: Dataset, queries: int, gallery: int) -> Dataset:
    """Return the data set with a few images in the splits of a task: queries that have a positive, and one of each.

    The gallery is filled up with other images. If the queries are the gallery, its images are queries with a positive
    each, at most ``queries`` in all.
    """
    asked, ranked, known = dataset.split(task.query), dataset.split(task.gallery), relevance(task, dataset)
    same = task.query == task.gallery
    units = np.arange(known.units) if known.unit_of is None else np.unique(known.unit_of, return_index=True)[1]
    rows = _spread(np.flatnonzero(known.positives.sizes), queries // 2 if same else queries)
    if not len(rows):  # the evaluation says so
        rows = np.arange(min(queries, len(asked)))
    found = [units[known.positives.of(int(row))] for row in rows]
    right = [others[others != row][:1] if same else others[:1] for row, others in zip(rows, found, strict=True)]
    chosen = np.unique(np.concatenate([*right, np.zeros(0, np.int64)]))
    if same:
        return replace(dataset, splits={**dataset.splits, task.query: asked.take(np.union1d(rows, chosen))})
    others = np.setdiff1d(np.arange(len(ranked)), chosen)
    chosen = np.union1d(chosen, _spread(others, gallery - len(chosen)))
    return replace(dataset, splits={**dataset.splits, task.query: asked.take(rows), task.gallery: ranked.take(chosen)})


def _spread(rows: IntArray, count: int) -> IntArray:
    """Return at most ``count`` of the rows, evenly spread over them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64))]


def _few_held_out(session: Session) -> HeldOut | None:
    """Return a few of the images to validate on."""
    held = session.validation
    if held is None:
        return None
    small = few(WORKS, replace(session.dataset, splits={"query": held.query, "gallery": held.gallery}), *VALIDATED)
    return HeldOut(small.split("query"), small.split("gallery"))
