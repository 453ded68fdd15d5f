"""The training engine: trains any method with a network, and can resume after every epoch."""

from __future__ import annotations

import logging
import time
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from harness.basics.digests import digest
from harness.basics.seeds import derive
from harness.boxes import needed_boxes
from harness.compute.devices import open_fabric, undisturbed
from harness.compute.team import team_of
from harness.data.images import IntArray
from harness.data.pictures import Pictures
from harness.extraction.subjects import Subjects, readable
from harness.methods.files import portable
from harness.methods.network import NetworkMethod, Stage
from harness.methods.session import Session
from harness.training.curve import draw_curve, write_table
from harness.training.stage import Material, RunningStage, check_batches
from harness.training.state import State, load_state, save_state, state_bytes
from harness.training.validation import Validation, open_validation

log = logging.getLogger("bench")

DRAWN_EVERY = 30.0
"""Seconds between two drawings of the curve during training; one drawing takes 0.5 s."""

SMALL = 256 << 20
"""The largest state in bytes that is written after every epoch."""

SAVED_EVERY = 180.0
"""Seconds between two writings of a larger state."""


def train(method: NetworkMethod, session: Session) -> None:
    """Train the network of a method through all stages, resuming an interrupted call in the same folder.

    Afterwards the method's ``model`` is the trained network.

    Raises:
        DataError: images cannot be read.
        UsageError: the images cannot fill the batches, or a device is not available.
        RunError: the loss is not finite, or a file cannot be written.
        CheckpointError: the state in the folder is damaged or belongs to another configuration.
        PluginError: the method breaks the contract.
    """
    fabric = open_fabric(session.compute)
    with undisturbed(fabric):
        stages = list(method.stages(session.classes))
        images, labels = _read_images(method, session, stages, fabric.world_size)
        network = new_network(method, session, fabric)
        if stages:
            material = Material(method, session, fabric, network, images, labels)
            _Training(material, stages, open_validation(session, method)).run()
        network.eval()


def new_network(method: NetworkMethod, session: Session, fabric: Fabric) -> nn.Module:
    """Return the method's network at the start of training, on the device; it is also the method's ``model``."""
    torch.manual_seed(derive(session.seed, "network"))
    network = method.network(session.classes)
    network.to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this form
    method.model = network
    return network


def training_images(method: NetworkMethod, session: Session) -> Subjects:
    """Return the images to train on with the boxes that the network receives; nothing is decoded yet."""
    table, dataset = session.train, session.dataset
    pictures = Pictures.of(dataset, table.paths, session.input_size, resizing=method.resizing)
    vehicles = dict(zip(table.paths, table.vehicle.tolist(), strict=True))
    found = {word: boxes.take(vehicles) for word, boxes in needed_boxes(dataset, method.needs).items()}
    return Subjects(pictures, table.vehicle, method.arrange_boxes(found, vehicles))


def _read_images(
    method: NetworkMethod, session: Session, stages: list[Stage], processes: int
) -> tuple[Subjects, dict[str, IntArray]]:
    subjects, labels = training_images(method, session), dict(session.labels)
    if not stages:
        return subjects, labels
    for stage in stages:  # before decoding, which takes minutes
        check_batches(stage, labels, processes)
    rows = readable(subjects, skip_broken=session.skip_broken)
    if len(rows) < len(session.train):
        subjects, labels = subjects.take(rows), {name: column[rows] for name, column in labels.items()}
        for stage in stages:
            check_batches(stage, labels, processes)
    return subjects, labels


class _Training:
    """One training run through all stages of a method."""

    def __init__(self, material: Material, stages: list[Stage], validation: Validation | None) -> None:
        self.material = material
        self.stages = stages
        self.validation = validation
        self.folder = material.session.folder
        self.saved = "the start"
        self.drawn = self.written = time.monotonic()

    def run(self) -> None:
        """Run all epochs that are not finished yet."""
        facts, team = self._facts(), team_of(self.material.fabric)
        # A file of weights may lie elsewhere on another machine.
        team.agree({**facts, "options": portable(self.material.method.options)})
        identity = digest(facts)
        state = load_state(self.folder, identity) or State(identity)
        team.agree({"the state to go on from": [state.stage, state.epoch, state.step]})
        if state.network:
            self.material.network.load_state_dict(state.network)
            self.saved = f"epoch {state.epoch} of '{self.stages[state.stage].name}'"
            log.info("training resumes after %s", self.saved)
        for number in range(state.stage, len(self.stages)):
            if number > state.stage:
                state.stage, state.epoch, state.step, state.optimisers, state.schedule = number, 0, 0, [], {}
            if not self.stages[number].is_over(state.epoch, state.step):
                try:
                    self._run_stage(state)
                except KeyboardInterrupt:
                    log.info("interrupted: the same command resumes after %s", self.saved)
                    raise
        if state.rows and self.material.fabric.is_global_zero:
            write_table(self.folder, state.rows)
            draw_curve(self.folder, state.rows)

    def _run_stage(self, state: State) -> None:
        stage = self.stages[state.stage]
        running = RunningStage(self.material, stage, state.stage)
        if state.optimisers:
            running.resume(state)
        while not running.finished:
            began = time.monotonic()
            losses, images = running.run_epoch()
            rate = images / (time.monotonic() - began)
            row = {"stage": stage.name, "epoch": running.epoch, **losses, **self._validate()}
            state.rows = [*state.rows, row]
            state.network = self.material.network.state_dict()
            running.describe(state)
            if self.material.fabric.is_global_zero:
                self._save(state, last=running.finished)
                log.info("%s, %s: %s (%.0f images/s)", stage.name, running.progress, _summary(row), rate)
                self.material.session.told(len(state.rows), dict(row))
            self.material.fabric.barrier()

    def _validate(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        material = self.material
        return self.validation.scores(material.method, material.fabric, material.session.compute.workers)

    def _save(self, state: State, *, last: bool) -> None:
        """Write the table and, now and then, the state before it and the curve after it.

        A small state is written after every epoch, so that an interruption loses one epoch at most; a large one at the
        end of a stage and every few minutes.
        """
        now = time.monotonic()
        if last or now - self.written > SAVED_EVERY or state_bytes(state) <= SMALL:
            save_state(self.folder, state)
            self.saved = f"epoch {state.epoch} of '{self.stages[state.stage].name}'"
            self.written = time.monotonic()
        write_table(self.folder, state.rows)
        if now - self.drawn > DRAWN_EVERY:
            draw_curve(self.folder, state.rows)
            self.drawn = now

    def _facts(self) -> dict[str, Any]:
        """Return the configuration, whose digest must equal that of a state to resume from."""
        material = self.material
        return {
            "method": type(material.method).__qualname__,
            "options": material.method.options.model_dump(mode="json"),
            "seed": material.session.seed,
            "classes": dict(material.session.classes),
            "images": material.images.pictures.keys,
            "labels": {name: column.tolist() for name, column in material.labels.items()},
            "size": material.session.input_size,
            "precision": material.session.compute.precision,
            "stages": [(stage.name, stage.epochs, stage.iterations) for stage in self.stages],
        }


def _summary(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items() if isinstance(value, float))
