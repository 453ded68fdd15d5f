"""The boxes that a run uses for training and embedding: the user's, a detector's, or the data set's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from harness.basics.digests import digest, file_digest
from harness.boxes import Boxes, find_boxes, keep, kinds_of, with_kept
from harness.boxes.store import write_boxes
from harness.data.dataset import Dataset
from harness.errors import UsageError
from harness.methods.code import code_digest
from harness.runs.inputs import RunInputs
from harness.runs.plan import RunPlan
from harness.tasks.fingerprint import contents_digest


class RunBoxes:
    """The boxes of one run, each read once and only if they are used.

    Raises:
        UsageError: the request gives boxes or a detector that the run does not use.
    """

    only: Collection[str] | None = None
    """The keys of the only images in which a detector has to look; None for all."""

    def __init__(self, plan: RunPlan, inputs: RunInputs) -> None:
        self.plan = plan
        self.inputs = inputs
        request = plan.request
        if request.boxes or request.train_boxes or request.detector:
            self._refuse_unused()

    @cached_property
    def test(self) -> Mapping[str, Boxes]:
        """The boxes that ``embed`` receives, by kind."""
        return self._found(self.plan.needs[1], self.plan.request.boxes, self.plan.splits, train=False)

    @cached_property
    def train(self) -> Mapping[str, Boxes]:
        """The boxes that training and its validation need, by kind."""
        if not self.plan.trains:
            return {}
        request, (needs, test_needs) = self.plan.request, self.plan.needs
        same = request.train_boxes is None and self.plan.trains_on_the_same_data
        given = request.boxes if same else request.train_boxes
        splits = ["train", *(["query", "gallery"] if request.validate == "test" else [])]
        return self._found(needs | (test_needs if request.validate != "none" else set()), given, splits, train=True)

    def _found(
        self, needs: Collection[str], given: Path | None, splits: Sequence[str], *, train: bool
    ) -> Mapping[str, Boxes]:
        kinds = kinds_of(needs)
        if not kinds:
            return {}
        dataset = self.inputs.training if train else self.inputs.dataset
        if given is None and self.plan.request.detector is not None:
            given = self._detected(self.plan.request.detector, dataset, splits, kinds)
        return find_boxes(dataset, needs, given)

    def _detected(self, path: Path, dataset: Dataset, splits: Sequence[str], kinds: Sequence[str]) -> Path:
        """Return the file of the boxes that a detector finds in some splits, written unless it exists already."""
        from harness.detection.detect import VERSION, check_kind, detect, load_detector

        request, fabric = self.plan.request, self.inputs.fabric
        detector = load_detector(path, self.plan.registry)
        kind = check_kind(detector, path, kinds)
        about = {
            "version": VERSION,
            "detector": file_digest(path),
            "code": code_digest(type(detector)),
            "images": contents_digest(dataset, splits),
            "skip_broken": request.skip_broken,
            **self.inputs.devices,
        }
        out = request.runs / "boxes" / f"{kind}-{digest(about)[:12]}.h5"
        if not out.exists():
            keys = {key for name in splits for key in dataset.split(name).paths}
            keys = keys if self.only is None else keys.intersection(self.only)
            found = detect(detector, dataset, keys, compute=request.compute, skip_broken=request.skip_broken)
            if fabric.is_global_zero:
                write_boxes(out, found)
        fabric.barrier()
        return out

    def kept(self, dataset: Dataset, boxes: Mapping[str, Boxes], folder: Path) -> Dataset:
        """Return the data set with these boxes, which the first process writes into the folder, or raise a RunError."""
        if self.inputs.fabric.is_global_zero:
            keep(boxes, folder)
        self.inputs.fabric.barrier()
        return with_kept(dataset, boxes, folder)

    def _refuse_unused(self) -> None:
        plan, request = self.plan, self.plan.request
        testing, training = plan.needs[1], plan.needs[0] if plan.trains else frozenset[str]()
        either = testing | training
        if plan.trains_on_the_same_data and request.train_boxes is None:
            testing = either
        if request.boxes is not None and plan.trains_on_the_same_data:
            either = frozenset()  # the given boxes replace the detector
        used = {
            "--boxes": (request.boxes, testing),
            "--train-boxes": (request.train_boxes, training),
            "--detector": (request.detector, either),
        }
        for option, (given, needs) in used.items():
            if given is not None and not kinds_of(needs):
                raise UsageError(
                    f"this run does not use {option}",
                    found=f"{option} {given}",
                    next_step=f"leave out {option}; 'bench methods show {plan.name}' says what the method needs",
                )
