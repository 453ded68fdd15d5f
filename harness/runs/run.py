"""A run: train, extract, evaluate and record, in one folder that an identical run finds again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.basics.digests import digest, file_digest
from harness.boxes import digests
from harness.compute.machine import Machine
from harness.errors import FeatureError
from harness.extraction.subjects import refuse_unmirrored
from harness.features import FeatureFile, Provenance
from harness.features.finding import FEATURES
from harness.features.provenance import Origin, facts
from harness.methods.checkpoint import CHECKPOINT, CheckpointInfo, load_checkpoint, same_form, save_checkpoint
from harness.methods.code import code_digest
from harness.methods.files import named_files, portable
from harness.methods.method import Method, create, trains, used_needs
from harness.methods.session import Session
from harness.registry.observed import ObservedRun
from harness.registry.observing import Observers
from harness.runs.agreement import agree, agree_on_folder
from harness.runs.boxes import RunBoxes
from harness.runs.folder import working_in
from harness.runs.inputs import Opened, RunInputs, images_digest, labels_digest
from harness.runs.plan import RunPlan
from harness.scoring.record import Record, installed_versions
from harness.scoring.recording import record_tasks, standing_records
from harness.scoring.settings import ScoringSettings
from harness.tasks.conventions import serve_some

if TYPE_CHECKING:
    from harness.training.prepare import TrainingRequest

log = logging.getLogger("bench")

TRAINING_VERSION = 2
"""Increased whenever a digit of training or extraction moves; see "Numbers that move" in the changelog."""


class Run:
    """One run of one method, step by step.

    Args:
        plan: what to do.
        opened: the data sets that several runs share; None for those of this run alone.

    Raises:
        UsageError: the request gives boxes that the run does not use, asks for the mirror images of a method that needs
            boxes or views, or names an unknown observer or one whose package is not installed.
    """

    def __init__(self, plan: RunPlan, opened: Opened | None = None) -> None:
        self.plan = plan
        if plan.mirrored:
            refuse_unmirrored(plan.held.test_needs)
        self.observers = Observers.of(plan.registry, plan.request.observe)
        self.inputs = RunInputs(plan, opened)
        self.boxes = RunBoxes(plan, self.inputs)

    def _create(self) -> Method:
        return create(self.plan.method, self.plan.options, self.plan.request.seed)

    @cached_property
    def origin(self) -> Origin:
        """The method, its settings and the data set that this run trains on."""
        plan = self.plan
        trained = {}
        if plan.trains:
            data = labels_digest(self.inputs.training, ("train",))
            trained = {"train_on": plan.train_on, "train_data": data}
        return Origin(
            method=plan.name,
            variant=plan.named.variant,
            changes=dict(plan.named.changes),
            aliases=plan.named.aliases,
            recipe=plan.recipe,
            options=portable(plan.options),
            files={**plan.held.files, **named_files(plan.options)},
            trained_on=plan.trained_on,
            seed=plan.request.seed,
            code=code_digest(plan.method, plan.held.modules),
            **trained,
        )

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Everything that the features depend on; runs with the same identity share a folder."""
        request = self.plan.request
        identity: dict[str, Any] = {
            **self.origin.model_dump(
                mode="json", exclude={"recipe", "changes", "aliases", "threads"}, exclude_none=True
            ),
            "training": TRAINING_VERSION,
            **self.inputs.devices,
        }
        if self.plan.held.resizing:
            identity["resizing"] = self.plan.held.resizing
        if self.plan.held.own_size is not None:
            identity["input_size"] = self.plan.held.own_size
        # Files with the same bytes are the same, whatever they are called.
        identity["options"] = {name: self.origin.files.get(name, value) for name, value in identity["options"].items()}
        if self.plan.held.numbers is not None:
            identity["held"] = self.plan.held.numbers
        if request.checkpoint is not None:
            return {**identity, "checkpoint": file_digest(request.checkpoint)}
        if not self.plan.trains:
            return identity
        if self.boxes.train:
            identity["train_boxes"] = digests(self.boxes.train)
        return {
            **identity,
            "train_images": images_digest(self.inputs.training, ("train",)),
            "skip_broken": request.skip_broken,
            "validate": request.validate,
            "hold_out": request.hold_out if request.validate == "train" else 0.0,
        }

    @cached_property
    def folder(self) -> Path:
        """The run's folder, named after the method, the source of its weights and the digest of the identity."""
        parts = [word for word in (self.plan.name, self.plan.named.variant) if word]
        if trains(self.plan.method):
            parts.append("checkpoint" if self.plan.request.checkpoint else self.plan.train_on)
        return self.plan.request.runs / "-".join([*parts, digest(self.identity)[:12]])

    @cached_property
    def observed(self) -> ObservedRun:
        """What observers are told of this run."""
        plan, origin = self.plan, self.origin
        return ObservedRun(
            name=origin.run_name,
            method=plan.name,
            variant=origin.variant,
            recipe=plan.recipe,
            options=dict(origin.options),
            seed=plan.request.seed,
            protocol=plan.protocol.name,
            tasks=tuple(f"{plan.protocol.name}/{task.name}" for task in plan.tasks),
            train_on=plan.train_on if plan.trains else "",
            folder=self.folder,
        )

    def _tell(self, hook: str, **facts: object) -> None:
        """Call a hook of all observers, in the first process."""
        if self.inputs.fabric.is_global_zero:
            self.observers.tell(hook, run=self.observed, **facts)

    @contextmanager
    def _in_folder(self, done: Callable[[], bool], *, extracts: bool = True) -> Iterator[None]:
        """Lock the folder while the block runs, unless it is read-only and all is done.

        The first process does it for all, once all agree what to do.
        """
        team = Machine.of(self.inputs.fabric).team
        with ExitStack() as held:
            with team.together():
                self.identity  # noqa: B018 - so that all processes fail together if it cannot be computed
                if team.count > 1:
                    agree(team, self.plan.request, self.identity, self.about if extracts else None)
                if team.index == 0:
                    held.enter_context(self._working(done))
                    if self.plan.renamed:
                        log.info("%s", self.plan.renamed)
                    held.enter_context(self.observers.watching(self.observed))
                agree_on_folder(team, self.folder, [self.features] if extracts and team.count > 1 else [])
            yield

    def _working(self, done: Callable[[], bool]) -> AbstractContextManager[None]:
        about = {"recipe": self.plan.recipe, "changes": self.origin.changes, **self.identity}
        # Looking for boxes is work of all processes together, which only the first one knows to be done.
        apart = self.plan.request.detector is not None and self.inputs.fabric.world_size > 1
        return working_in(self.folder, about, lambda: not apart and done())

    def run(self) -> list[Record]:
        """Do every step that is not done yet, and return a record for each task that the data set can serve.

        All processes but the first return an empty list.

        Raises:
            BenchError: the post-processing cannot be done for any of the tasks; nothing is trained then.
        """
        if self.plan.post:
            serve_some(self.plan.tasks, self.inputs.dataset, self.plan.post.problem)
        with self._in_folder(lambda: self.standing() is not None):
            records = self._evaluate(self._extract(self._train()))
            self._tell("bench_scored", records=tuple(records))
            return records

    @property
    def _trained(self) -> bool:
        return not self.plan.trains or (self.folder / CHECKPOINT).exists()

    def train(self) -> Path | None:
        """Return the checkpoint, training it unless it exists; None if the method does not train."""
        with self._in_folder(lambda: self._trained, extracts=False):
            return self._train()

    def extract(self) -> Path:
        """Return the feature file of all images that the tasks need."""
        with self._in_folder(lambda: self._trained and self.features.exists()):
            return self._extract(self._train())

    def _train(self) -> Path | None:
        request = self.plan.request
        if not self.plan.trains:
            return request.checkpoint
        path = self.folder / CHECKPOINT
        if path.exists():
            load_checkpoint(path)
            log.info("training: using the existing checkpoint")
            return path
        from harness.compute.threads import fitting_threads
        from harness.training.state import NAME as STATE

        method = self._create()
        session = self._session(method)
        with fitting_threads(self.inputs.fabric) as threads:
            method.fit(session)
        if self.inputs.fabric.is_global_zero:
            classes, boxes = dict(session.classes), digests(self.boxes.train)
            about = {**facts(self.origin, Origin), "threads": threads}
            info = CheckpointInfo(**about, classes=classes, boxes=boxes)
            save_checkpoint(path, method.state(), info)
            # It is three times the size of the checkpoint, and no longer needed.
            (session.folder / STATE).unlink(missing_ok=True)
        self.inputs.fabric.barrier()
        return path

    def _session(self, method: Method) -> Session:
        from harness.training.prepare import prepare

        request = self._training(self.folder / "training")
        dataset = self.boxes.kept(self.inputs.training, self.boxes.train, request.folder)
        return prepare(dataset, request, needs=method.needs, input_size=method.input_size)

    def _training(self, folder: Path) -> TrainingRequest:
        from harness.training.prepare import TrainingRequest

        request = self.plan.request
        return TrainingRequest(
            seed=request.seed,
            folder=folder,
            compute=request.compute,
            skip_broken=request.skip_broken,
            validate=request.validate,
            hold_out=request.hold_out,
            told=lambda number, row: self._tell("bench_epoch", number=number, row=row),
        )

    def _extract(self, checkpoint: Path | None) -> Path:
        features = self._extracted(checkpoint)
        self._tell("bench_extracted", features=features)
        return features

    @cached_property
    def _images(self) -> str:
        """The digest of the names and sizes of the images that the tasks need."""
        return images_digest(self.inputs.dataset, self.plan.splits)

    @cached_property
    def about(self) -> dict[str, object]:
        """What the features depend on besides the run's identity."""
        from harness.extraction.inference import choices

        splits = self.plan.splits
        return {
            "protocol": self.plan.protocol.name,
            "splits": splits,
            "data": labels_digest(self.inputs.dataset, splits),
            "images": self._images,
            "skip_broken": self.plan.request.skip_broken,
            **({"boxes": digests(self.boxes.test)} if self.boxes.test else {}),
            **({"mirrored": True} if self.plan.mirrored else {}),
            **choices(self.plan.request.compute),
        }

    @cached_property
    def features(self) -> Path:
        """The feature file of the images that the tasks need; the records lie beside it."""
        return self.folder / f"{self.plan.protocol.name}-{digest(self.about)[:12]}" / FEATURES

    def _extracted(self, checkpoint: Path | None) -> Path:
        from harness.extraction.extract import FeatureOutput, extract
        from harness.scoring.cost import measured

        path = self.features
        if path.exists():
            FeatureFile.open(path).close()
            log.info("extraction: using the existing features")
            return path
        method, info = self._restored(checkpoint)
        provenance = self._provenance(method, checkpoint, info, images=self._images)
        with measured(path, self.inputs.fabric):
            return extract(
                method,
                self.boxes.kept(self.inputs.dataset, self.boxes.test, path.parent),
                [self.inputs.dataset.split(name) for name in self.plan.splits],
                FeatureOutput(path, provenance),
                compute=self.plan.request.compute,
                skip_broken=self.plan.request.skip_broken,
            )

    def _restored(self, checkpoint: Path | None) -> tuple[Method, CheckpointInfo | None]:
        """Return the method with the numbers of its checkpoint, and what that says of itself."""
        method = self._create()
        if checkpoint is None:
            return method, None
        state, info = load_checkpoint(checkpoint)
        with same_form(checkpoint, f"the method '{self.plan.name}'"):
            method.restore(state, info.classes)
        return method, info

    def _provenance(
        self, method: Method, checkpoint: Path | None, info: CheckpointInfo | None, *, images: str
    ) -> Provenance:
        from harness.methods.networks import parameters_of

        words = ("seed", "train_on", "train_data", "threads", "files")
        trained = {} if info is None else {word: getattr(info, word) for word in words}
        return Provenance(
            **{**facts(self.origin, Origin), **trained, "trained_on": self._trained_on(info)},
            checkpoint=None if checkpoint is None else file_digest(checkpoint),
            train_boxes=info.boxes if info else {},
            dataset=self.plan.protocol.name,
            images=images,
            boxes=digests(self.boxes.test),
            input_size=method.input_size,
            resizing=str(method.resizing),
            parameters=parameters_of(method),
            weights=None if checkpoint else self.plan.held.weights,
            source="" if checkpoint else self.plan.held.source,
            needs=tuple(sorted(used_needs(method.needs, info.classes if info else ()) - {"vehicle"})),
            test_needs=tuple(sorted(method.test_needs)),
            control=method.control,
            metric=method.metric,
            mirrored=self.plan.mirrored,
            precision=self.plan.request.compute.arithmetic,
            device=self.inputs.fabric.device.type,
            versions=installed_versions(),
        )

    def _trained_on(self, info: CheckpointInfo | None) -> tuple[str, ...]:
        """Return what the given weights have seen: as the user says now, else as it was said in training."""
        return self.plan.request.trained_on or (self.origin.trained_on if info is None else info.trained_on)

    def _evaluate(self, features: Path) -> list[Record]:
        # On the processor, whatever device embeds: it needs no memory of the GPU, and the integers are the same.
        request = self.plan.request
        machine = replace(Machine.of(self.inputs.fabric, request.memory), device="cpu")
        if self.plan.post:  # post-processing has no shards
            if not machine.first:
                return []
            machine = machine.alone()
        with machine.team.together(), FeatureFile.open(features) as file:
            return record_tasks(
                file,
                self.plan.protocol,
                self.plan.tasks,
                self.inputs.dataset,
                replace(self.settings, machine=machine),
                folder=features.parent,
            )

    @property
    def settings(self) -> ScoringSettings:
        """How the features are scored."""
        request = self.plan.request
        return ScoringSettings(
            metric=request.metric,
            post=self.plan.post,
            tuned=self.plan.tuned,
            measures=tuple(map(self.plan.registry.measure, request.measures)),
            skip_missing=request.skip_broken,
        )

    def standing(self) -> Path | None:
        """Return the folder of the records if ``run`` would find everything done, or None; nothing is written."""
        return self.features.parent if self.standing_records() else None

    def standing_records(self) -> list[Record]:
        """Return the records if ``run`` would find everything done, or an empty list; nothing is written."""
        path = self.features
        if not self._trained or not path.exists():
            return []
        try:
            with FeatureFile.open(path) as file:
                return standing_records(
                    file, self.plan.protocol, self.plan.tasks, self.inputs.dataset, self.settings, folder=path.parent
                )
        except FeatureError:  # the run will say what is wrong
            return []
