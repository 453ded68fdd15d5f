"""A run: train, extract, evaluate, record; everything of it in one folder, found again by its configuration."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from harness.canonical import canonical_json, digest, file_digest
from harness.code import code_digest
from harness.errors import CheckpointError, RunError, UsageError
from harness.evaluation import find_root, score
from harness.files import replace_file
from harness.fingerprint import contents_digest, dataset_digest
from harness.method import Method, Options, create, resolve_options, trains
from harness.request import Request

if TYPE_CHECKING:
    from harness.checkpoint import CheckpointInfo
    from harness.features import Provenance
    from harness.plugins import Registry
    from harness.protocol import Dataset, Protocol, Task
    from harness.record import Record

log = logging.getLogger("bench")

TRAINING_VERSION = 1
"""Raised when the harness trains or extracts to other digits than before; see "Numbers that move" in the changelog."""


class Run:
    """One run of one method, step by step.

    Args:
        request: what the user asked for.
        registry: where methods and protocols are found.

    Raises:
        UsageError: an unknown method, variant, recipe, option, protocol or task.
    """

    def __init__(self, request: Request, registry: Registry) -> None:
        self.request = request
        self.registry = registry
        self.name, _, self.variant = request.method.partition("/")
        self.method = registry.method(self.name)
        self.protocol, self.tasks = registry.tasks(request.protocol)
        self.train_protocol = registry.protocol(request.train_on) if request.train_on else self.protocol
        self.recipe = self._recipe()

    def _recipe(self) -> str:
        """Return the recipe asked for, or the one that the training protocol proposes if the method has it."""
        if self.request.recipe is not None:
            return self.request.recipe
        proposed = self.train_protocol.recipe
        return proposed if proposed in self.method.recipes else ""

    @cached_property
    def options(self) -> Options:
        """The options of this run; those of a given checkpoint where the user changed none."""
        chosen = bool(self.request.changes or self.variant or self.request.recipe)
        if self._given is not None and not chosen:
            self.variant, self.recipe = self._given.variant, self._given.recipe
            return self.method.Options(**self._given.options)
        return resolve_options(
            self.name, self.method, variant=self.variant, recipe=self.recipe, changes=self.request.changes
        )

    @cached_property
    def _given(self) -> CheckpointInfo | None:
        """What the user's checkpoint says of itself."""
        if self.request.checkpoint is None:
            return None
        from harness.checkpoint import load_checkpoint

        if not trains(self.method):
            raise UsageError(
                f"method '{self.name}' trains nothing and takes no checkpoint", found=self.request.checkpoint
            )
        return load_checkpoint(self.request.checkpoint)[1]

    @cached_property
    def dataset(self) -> Dataset:
        """The data set that is evaluated."""
        return self._read(self.protocol, self.request.data, "--data")

    @cached_property
    def training(self) -> Dataset:
        """The data set that is trained on."""
        if self.request.train_on is None and self.request.train_data is None:
            return self.dataset
        return self._read(self.train_protocol, self.request.train_data, "--train-data")

    def _read(self, protocol: Protocol, root: Path | None, option: str) -> Dataset:
        dataset = protocol.load(find_root(protocol, root, option=option))
        for note in dataset.notes:
            log.info("%s: %s", protocol.name, note)
        return dataset

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Everything that the features depend on; two runs with one identity share a folder."""
        options = self.options
        identity: dict[str, Any] = {
            "method": self.name,
            "variant": self.variant,
            "options": options.model_dump(mode="json"),
            "code": code_digest(self.method),
            "training": TRAINING_VERSION,
            "seed": self.request.seed,
            "precision": self.request.compute.precision,
            "skip_broken": self.request.skip_broken,
        }
        if self.request.checkpoint is not None:
            return {**identity, "checkpoint": file_digest(self.request.checkpoint)}
        if not trains(self.method):
            return identity
        return {
            **identity,
            "validate": self.request.validate,
            "hold_out": self.request.hold_out if self.request.validate == "train" else 0.0,
            "train_on": self.train_protocol.name,
            "train_data": dataset_digest(self.training, ("train",)),
            "train_images": contents_digest(self.training, ("train",)),
            **machine(self.request.compute),
        }

    @cached_property
    def folder(self) -> Path:
        """The run's folder, named by the method, the training set and the identity's digest."""
        parts = [self.name, *([self.variant] if self.variant else [])]
        if trains(self.method):
            parts.append("checkpoint" if self.request.checkpoint else self.train_protocol.name)
        return self.request.runs / "-".join([*parts, digest(self.identity)[:12]])

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold the folder, keep its log, and write the configuration."""
        if not is_main():
            yield
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            with lock, _log_to(self.folder / "run.log"):
                with replace_file(self.folder / "config.json") as file:
                    file.write(json.dumps({"recipe": self.recipe, **self.identity}, indent=2, sort_keys=True) + "\n")
                yield
        except Timeout:
            raise RunError(
                "another bench works in this run's folder", where=self.folder, next_step="wait until it has ended"
            ) from None

    def run(self) -> list[Record]:
        """Do all that does not stand yet, and return a record for each task that the data set can serve."""
        with self._working():
            return self._evaluate(self._extract(self._train()))

    def train(self) -> Path | None:
        """Return the checkpoint, trained if it does not stand; None where the method trains nothing."""
        with self._working():
            return self._train()

    def extract(self) -> Path:
        """Return the feature file of all images that the tasks need."""
        with self._working():
            return self._extract(self._train())

    def _train(self) -> Path | None:
        from harness.checkpoint import CheckpointInfo, save_checkpoint

        if self.request.checkpoint is not None or not trains(self.method):
            return self.request.checkpoint
        path = self.folder / "checkpoint.safetensors"
        if path.exists():
            log.info("training: the checkpoint stands")
            return path
        from harness.training.session import prepare

        method = create(self.method, self.options)
        session = prepare(
            self.training,
            needs=method.needs,
            input_size=method.input_size,
            seed=self.request.seed,
            folder=self.folder / "training",
            compute=self.request.compute,
            skip_broken=self.request.skip_broken,
            validate=self.request.validate,
            hold_out=self.request.hold_out,
        )
        method.fit(session)
        info = CheckpointInfo(
            method=self.name,
            variant=self.variant,
            recipe=self.recipe,
            options=self.options.model_dump(mode="json"),
            classes=dict(session.classes),
            code=code_digest(self.method),
            seed=self.request.seed,
            train_on=self.train_protocol.name,
        )
        if is_main():
            save_checkpoint(path, method.state(), info)
        return path
