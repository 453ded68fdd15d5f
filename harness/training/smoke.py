"""Training that is only tried: two batches of each stage at their real size, measured, and nothing is saved."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from harness.basics.seeds import derive
from harness.compute.devices import open_fabric, undisturbed
from harness.data.images import IntArray
from harness.extraction.embed import choose_workers
from harness.extraction.samples import Batch, BatchRequest, Samples
from harness.extraction.subjects import Subjects, readable
from harness.methods.batches import Batches
from harness.methods.network import NetworkMethod, Stage
from harness.methods.session import Session
from harness.training.engine import new_network, training_images
from harness.training.stage import Material, RunningStage, check_batches
from harness.training.state import State, state_bytes
from harness.training.validation import open_validation

log = logging.getLogger("bench")

BATCHES = 2
"""Batches of each stage: the first one also warms up, the second one is measured."""


@dataclass(frozen=True)
class StageTrial:
    """What two batches of a stage took, and how long the stage would take.

    Attributes:
        stage: the name of the stage.
        images: the number of images in a batch, over all processes.
        first: seconds of the first step, with everything that happens once: starting the loader, choosing kernels.
        second: seconds of the second step, from the end of the first one.
        load: seconds in which one process decodes and augments this process's share of a batch.
        workers: the number of processes that do so beside the computing one.
        memory: the peak memory of this process in bytes: on a GPU what the stage has allocated there, otherwise what
            the process has resided in since it started.
        steps: the number of batches in an epoch.
        epochs: the length of the stage, or None.
        iterations: the length of the stage, if ``epochs`` is None.
    """

    stage: str
    images: int
    first: float
    second: float
    load: float
    workers: int
    memory: int
    steps: int
    epochs: int | None
    iterations: int | None = None

    @property
    def step(self) -> float:
        """The seconds of a step; the loader's, if its processes cannot serve batches as fast as they are used."""
        return max(self.second, self.load / self.workers) if self.workers else self.second

    @property
    def length(self) -> int:
        """The number of steps of the whole stage."""
        return self.steps * self.epochs if self.epochs is not None else self.iterations or 0

    @property
    def passes(self) -> int:
        """The number of epochs, the last of which may be cut; the method is validated after each."""
        return self.epochs if self.epochs is not None else math.ceil(self.length / self.steps)

    @property
    def seconds(self) -> float:
        """The estimated seconds of the whole stage."""
        return self.step * self.length


@dataclass(frozen=True)
class TrainingTrial:
    """What trying a training took.

    Attributes:
        stages: the stages that have steps, in order.
        read: seconds in which one image is decoded, when all are read before training.
        validate: seconds in which one image is validated, or None without validation.
        state_bytes: the size of the training state on disk, at its largest.
    """

    stages: tuple[StageTrial, ...]
    read: float
    validate: float | None
    state_bytes: int


@dataclass(frozen=True)
class Drawn(Batches):
    """Batches that are drawn already, of a stage that has ``count`` batches an epoch."""

    batches: tuple[IntArray, ...]
    count: int

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:  # noqa: ARG002 - the contract
        """Return the batches."""
        return self.batches

    def steps(self, labels: Mapping[str, IntArray]) -> int:  # noqa: ARG002 - the contract
        """Return the number of batches in an epoch of the stage, from which schedules count."""
        return self.count


def stages_of(method: NetworkMethod, session: Session) -> list[Stage]:
    """Return the stages of a training that have steps at all."""
    return [stage for stage in method.stages(session.classes) if stage.epochs or stage.iterations]


def draw(stages: Sequence[Stage], labels: Mapping[str, IntArray], seed: int) -> list[Drawn]:
    """Return the first batches of each stage, as training draws them."""
    drawn = []
    for number, stage in enumerate(stages):
        batches: list[IntArray] = []
        epoch = 0
        while len(batches) < BATCHES:
            epoch += 1
            batches += stage.batches.draw(labels, np.random.default_rng(derive(seed, "batches", number, epoch)))
        drawn.append(Drawn(tuple(batches[:BATCHES]), stage.batches.steps(labels)))
    return drawn


def rows_of(drawn: Sequence[Drawn]) -> IntArray:
    """Return the rows of all drawn batches, sorted."""
    return np.unique(np.concatenate([rows for stage in drawn for rows in stage.batches] or [np.zeros(0, np.int64)]))


def try_training(method: NetworkMethod, session: Session) -> TrainingTrial:
    """Train two batches of each stage, and validate twice on the session's validation images.

    Only the images of these batches are decoded. The method's ``model`` is the network afterwards.

    Raises:
        DataError, UsageError, RunError, PluginError: as in training.
    """
    fabric = open_fabric(session.compute)
    with undisturbed(fabric):
        stages = stages_of(method, session)
        subjects, labels, drawn, read = _read(training_images(method, session), stages, session, fabric.world_size)
        material = Material(method, session, fabric, new_network(method, session, fabric), subjects, labels)
        trials, largest = [], 0
        for number, (stage, batches) in enumerate(zip(stages, drawn, strict=True)):
            trial, size = _try_stage(material, stage, batches, number)
            log.info("%s: %.3g s a step of %d images", trial.stage, trial.step, trial.images)
            trials.append(trial)
            largest = max(largest, size)
        validate = _validate(method, session, fabric) if stages else None
        material.network.eval()
    return TrainingTrial(tuple(trials), read, validate, largest)


def _read(
    subjects: Subjects, stages: Sequence[Stage], session: Session, processes: int
) -> tuple[Subjects, dict[str, IntArray], list[Drawn], float]:
    """Draw batches and decode their images; if broken ones are skipped, until there are none among the drawn.

    Returns:
        The images and labels that are left, the batches, and the seconds in which one image was decoded.
    """
    left = np.arange(len(subjects.pictures))
    while True:
        chosen, labels = subjects.take(left), {name: column[left] for name, column in session.labels.items()}
        for stage in stages:
            check_batches(stage, labels, processes)
        drawn = draw(stages, labels, session.seed)
        rows = rows_of(drawn)
        began = time.monotonic()
        sound = readable(chosen, skip_broken=session.skip_broken, rows=rows)
        if len(sound) == len(left):
            return chosen, labels, drawn, (time.monotonic() - began) / max(1, len(rows))
        left = left[sound]


class _TimedStage(RunningStage):
    """A stage that notes when its steps end."""

    def _step(self, batch: Batch, rows: IntArray) -> dict[str, Tensor]:
        losses = super()._step(batch, rows)
        _wait_for(self.material.fabric)
        self.ends = [*getattr(self, "ends", []), time.monotonic()]
        return losses


def _try_stage(material: Material, stage: Stage, drawn: Drawn, number: int) -> tuple[StageTrial, int]:
    """Return what two batches of a stage took, and the size of the state after them."""
    fabric, pictures = material.fabric, material.images.pictures
    on_gpu = fabric.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(fabric.device)
    running = _TimedStage(material, replace(stage, epochs=1, iterations=None, batches=drawn), number)
    began = time.monotonic()
    running.run_epoch()
    first, second = running.ends
    state = State("", network=material.network.state_dict())
    running.describe(state)
    trial = StageTrial(
        stage=stage.name,
        images=len(drawn.batches[-1]),
        first=first - began,
        second=second - first,
        load=_loading(material, stage, drawn.batches[-1], number),
        workers=choose_workers(material.session.compute.workers, fabric, cached=pictures.cached),
        memory=torch.cuda.max_memory_allocated(fabric.device) if on_gpu else _resident(),
        steps=drawn.count,
        epochs=stage.epochs,
        iterations=stage.iterations,
    )
    return trial, state_bytes(state)


def _loading(material: Material, stage: Stage, rows: IntArray, number: int) -> float:
    """Return the seconds in which this process loads its share of a batch."""
    samples = Samples(material.images.pictures, material.images.boxes, stage.augment, material.session.seed)
    began = time.monotonic()
    samples[BatchRequest(rows[: len(rows) // material.fabric.world_size], ("augment", number, 1))]
    return time.monotonic() - began


def _validate(method: NetworkMethod, session: Session, fabric: Fabric) -> float | None:
    """Return the seconds in which one image is validated, the second time, or None without validation."""
    validation = open_validation(session, method)
    if validation is None:
        return None
    for _ in range(2):
        began = time.monotonic()
        validation.scores(method, fabric, session.compute.workers)
    return (time.monotonic() - began) / len(validation.subjects.pictures)


def _wait_for(fabric: Fabric) -> None:
    if fabric.device.type != "cpu":
        torch.accelerator.synchronize(fabric.device)


def _resident() -> int:
    """Return the largest memory that this process has resided in, in bytes."""
    try:
        import resource
    except ImportError:  # Windows, where psutil knows the peak
        import psutil

        return int(psutil.Process().memory_info()._asdict()["peak_wset"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10  # macOS counts bytes, the others KiB
