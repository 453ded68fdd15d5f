"""A run: train, extract, evaluate, record; everything of it in one folder, found again by its configuration."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from harness.basics.digests import digest, file_digest
from harness.basics.files import gone_unless, replace_file
from harness.boxes import digests
from harness.compute.machine import Machine
from harness.errors import RunError, UsageError
from harness.features import FeatureFile, Provenance
from harness.methods.checkpoint import (
    CHECKPOINT,
    CheckpointInfo,
    check_belongs,
    load_checkpoint,
    same_form,
    save_checkpoint,
)
from harness.methods.code import code_digest
from harness.methods.method import Method, Options, create, resolve_options, trains
from harness.methods.needs import used_needs
from harness.runs.boxes import RunBoxes
from harness.runs.request import Request
from harness.scoring.evaluation import find_root
from harness.scoring.record import Record, installed_versions
from harness.scoring.recording import record_tasks
from harness.tasks.fingerprint import contents_digest, dataset_digest
from harness.tasks.reranking import refuse_undefined

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from harness.data.dataset import Dataset
    from harness.registry.registry import Registry
    from harness.tasks.protocol import Protocol

log = logging.getLogger("bench")

TRAINING_VERSION = 1
"""Raised when the harness trains or extracts to other digits than before; see "Numbers that move" in the changelog."""

FEATURES = "features.h5"


class Run:
    """One run of one method, step by step.

    Args:
        request: what the user asked for.
        registry: where methods and protocols are found.

    Raises:
        UsageError: an unknown method, variant, recipe, protocol or task, boxes that nothing uses, or re-ranking is
            defined for no task.
    """

    def __init__(self, request: Request, registry: Registry) -> None:
        self.request = request
        self.registry = registry
        self.name, _, self.variant = request.method.partition("/")
        self.method = registry.method(self.name)
        self.protocol, self.tasks = registry.tasks(request.protocol)
        self.train_protocol = registry.protocol(request.train_on) if request.train_on else self.protocol
        proposed = self.train_protocol.recipe
        self.recipe = request.recipe if request.recipe is not None else proposed * (proposed in self.method.recipes)
        self.options = self._options()
        if request.rerank is not None:
            refuse_undefined(self.tasks)
        self.boxes = RunBoxes(self)

    def _options(self) -> Options:
        """Return the options of this run: those of a given checkpoint where the user chose none."""
        request = self.request
        if request.checkpoint is None:
            return resolve_options(
                self.name, self.method, variant=self.variant, recipe=self.recipe, changes=request.changes
            )
        if not trains(self.method):
            raise UsageError(f"method '{self.name}' trains nothing and takes no checkpoint", found=request.checkpoint)
        given = load_checkpoint(request.checkpoint)[1]
        expected = CheckpointInfo(method=self.name, variant=self.variant or given.variant, options=given.options)
        check_belongs(request.checkpoint, given, expected)
        self.variant, self.recipe = given.variant, given.recipe
        if not request.changes and request.recipe is None:
            with same_form(request.checkpoint, f"the method '{self.name}'"):
                return self.method.Options.model_validate(given.options)
        options = resolve_options(
            self.name, self.method, variant=self.variant, recipe=request.recipe or given.recipe, changes=request.changes
        )
        check_belongs(
            request.checkpoint, given, expected.model_copy(update={"options": options.model_dump(mode="json")})
        )
        return options

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
    def fabric(self) -> Fabric:
        """The devices and processes."""
        from harness.compute.devices import open_fabric

        return open_fabric(self.request.compute)

    @cached_property
    def machine(self) -> dict[str, Any]:
        """What of the machine moves digits."""
        return {
            "device": self.fabric.device.type,
            "processes": self.fabric.world_size,
            "precision": self.request.compute.precision,
        }

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Everything that the features of an image depend on; runs of one identity share a folder."""
        identity: dict[str, Any] = {
            "method": self.name,
            "variant": self.variant,
            "options": self.options.model_dump(mode="json"),
            "code": code_digest(self.method),
            "training": TRAINING_VERSION,
            "seed": self.request.seed,
            **self.machine,
        }
        files = _named_files(self.options)
        if files:
            identity["files"] = files
        if self.request.checkpoint is not None:
            return {**identity, "checkpoint": file_digest(self.request.checkpoint)}
        if not trains(self.method):
            return identity
        if self.boxes.train:
            identity["train_boxes"] = digests(self.boxes.train)
        return {
            **identity,
            "train_on": self.train_protocol.name,
            "train_data": dataset_digest(self.training, ("train",)),
            "train_images": contents_digest(self.training, ("train",)),
            "skip_broken": self.request.skip_broken,
            "validate": self.request.validate,
            "hold_out": self.request.hold_out if self.request.validate == "train" else 0.0,
        }

    @cached_property
    def folder(self) -> Path:
        """The run's folder, named by the method, where its weights come from, and the identity's digest."""
        parts = [self.name, *([self.variant] if self.variant else [])]
        if trains(self.method):
            parts.append("checkpoint" if self.request.checkpoint else self.train_protocol.name)
        return self.request.runs / "-".join([*parts, digest(self.identity)[:12]])

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold the folder while the block runs; the first process does it for all."""
        team = Machine.of(self.fabric).team
        with ExitStack() as held:
            with team.together():
                self.identity  # noqa: B018 - what cannot be read for it is found here, by all processes at once
                if team.index == 0:
                    held.enter_context(self._held())
            yield

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Write the configuration, lock the folder and keep its log; a new folder of nothing else goes again."""
        from harness.training.state import NAME as STATE

        work = (STATE, CHECKPOINT, FEATURES, f"{FEATURES}.partial")
        left = nullcontext() if self.folder.exists() else gone_unless(self.folder, work)
        with replace_file(self.folder / "config.json") as file:
            file.write(json.dumps({"recipe": self.recipe, **self.identity}, indent=2, sort_keys=True) + "\n")
        try:
            with FileLock(self.folder / ".lock", timeout=0), left, _log_to(self.folder / "run.log"):
                yield
        except Timeout:
            raise RunError(
                "another bench works in this run's folder", where=self.folder, next_step="wait until it has ended"
            ) from None

    def run(self) -> list[Record]:
        """Do all that does not stand yet; return a record for each task that the data set can serve.

        Every process but the first returns an empty list.
        """
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
        request = self.request
        if request.checkpoint is not None or not trains(self.method):
            return request.checkpoint
        path = self.folder / CHECKPOINT
        if path.exists():
            load_checkpoint(path)
            log.info("training: the checkpoint stands")
            return path
        from harness.training.prepare import TrainingRequest, prepare
        from harness.training.state import NAME as STATE

        method = create(self.method, self.options)
        session = prepare(
            self.boxes.kept(self.training, self.boxes.train, self.folder / "training"),
            TrainingRequest(
                seed=request.seed,
                folder=self.folder / "training",
                compute=request.compute,
                skip_broken=request.skip_broken,
                validate=request.validate,
                hold_out=request.hold_out,
            ),
            needs=method.needs,
            input_size=method.input_size,
        )
        method.fit(session)
        if self.fabric.is_global_zero:
            info = CheckpointInfo(
                method=self.name,
                variant=self.variant,
                recipe=self.recipe,
                options=self.options.model_dump(mode="json"),
                classes=dict(session.classes),
                code=code_digest(self.method),
                seed=request.seed,
                train_on=self.train_protocol.name,
                train_data=dataset_digest(self.training, ("train",)),
                boxes=digests(self.boxes.train),
            )
            save_checkpoint(path, method.state(), info)
            (session.folder / STATE).unlink(missing_ok=True)  # three times the checkpoint, and of no further use
        self.fabric.barrier()
        return path

    def _extract(self, checkpoint: Path | None) -> Path:
        from harness.extraction.extract import FeatureOutput, extract
        from harness.extraction.inference import choices
        from harness.scoring.cost import measured

        splits = sorted({name for task in self.tasks for name in (task.query, task.gallery)})
        about = {
            "protocol": self.protocol.name,
            "splits": splits,
            "data": dataset_digest(self.dataset, splits),
            "images": contents_digest(self.dataset, splits),
            "skip_broken": self.request.skip_broken,
            **({"boxes": digests(self.boxes.test)} if self.boxes.test else {}),
            **choices(self.request.compute),
        }
        path = self.folder / f"{self.protocol.name}-{digest(about)[:12]}" / FEATURES
        if path.exists():
            FeatureFile.open(path).close()
            log.info("extraction: the features stand")
            return path
        method = create(self.method, self.options)
        info = None
        if checkpoint is not None:
            state, info = load_checkpoint(checkpoint)
            with same_form(checkpoint, f"the method '{self.name}'"):
                method.restore(state, info.classes)
        provenance = self._provenance(method, checkpoint, info, images=str(about["images"]))
        with measured(path, self.fabric):
            return extract(
                method,
                self.boxes.kept(self.dataset, self.boxes.test, path.parent),
                [self.dataset.split(name) for name in splits],
                FeatureOutput(path, provenance),
                compute=self.request.compute,
                skip_broken=self.request.skip_broken,
            )

    def _provenance(
        self, method: Method, checkpoint: Path | None, info: CheckpointInfo | None, *, images: str
    ) -> Provenance:
        return Provenance(
            method=self.name,
            variant=self.variant,
            recipe=self.recipe,
            options=self.options.model_dump(mode="json"),
            seed=info.seed if info else self.request.seed,
            code=code_digest(self.method),
            checkpoint=None if checkpoint is None else file_digest(checkpoint),
            train_on=info.train_on if info else None,
            train_data=info.train_data if info else None,
            train_boxes=dict(info.boxes) if info else {},
            dataset=self.protocol.name,
            images=images,
            boxes=digests(self.boxes.test),
            input_size=method.input_size,
            parameters=_parameters(method),
            needs=tuple(sorted(used_needs(method.needs, info.classes if info else ()) - {"vehicle"})),
            test_needs=tuple(sorted(method.test_needs)),
            control=method.control,
            metric=method.metric,
            precision=self.request.compute.arithmetic,
            device=self.fabric.device.type,
            versions=installed_versions(),
        )

    def _evaluate(self, features: Path) -> list[Record]:
        # On the processor, whatever embeds: the GPU's pass is for those who ask `bench eval` for it, until it has been
        # held against the processor's integers on a GPU.
        machine = replace(Machine.of(self.fabric, self.request.memory), device="cpu")
        if self.request.rerank is not None:  # it has no shards
            if not machine.first:
                return []
            machine = machine.alone()
        with machine.team.together(), FeatureFile.open(features) as file:
            return record_tasks(
                file,
                self.protocol,
                self.tasks,
                self.dataset,
                metric=self.request.metric,
                skip_missing=self.request.skip_broken,
                machine=machine,
                folder=features.parent,
                rerank=self.request.rerank,
            )


def _named_files(options: Options) -> dict[str, str]:
    """Return the digest of each file that an option names, since a file may change under its name."""
    values = options.model_dump(mode="json").items()
    return {name: file_digest(value) for name, value in values if isinstance(value, str) and Path(value).is_file()}


def _parameters(method: Method) -> int | None:
    """Return the number of trainable numbers of the method's network; None where it has none."""
    model = getattr(method, "model", None)
    if model is None or not hasattr(model, "parameters"):
        return None
    return sum(int(weight.numel()) for weight in model.parameters() if weight.requires_grad)


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Append the log to a file while the block runs."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
