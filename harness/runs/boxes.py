"""Which boxes a run trains and embeds with: given by the user, found by a detector, or the data set's own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.basics.digests import digest, file_digest
from harness.boxes import Boxes, find_boxes, keep, kinds_of, with_kept
from harness.boxes.store import write_boxes
from harness.errors import UsageError
from harness.methods.code import code_digest
from harness.methods.method import create, trains
from harness.tasks.fingerprint import contents_digest

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.runs.run import Run

log = logging.getLogger("bench")


class RunBoxes:
    """The boxes of one run, read once, and only where they are asked for.

    Args:
        run: whose method may need boxes.

    Raises:
        UsageError: boxes or a detector are given that the run does not use.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        request = run.request
        if request.boxes or request.train_boxes or request.detector:
            self._refuse_unused()

    @cached_property
    def needs(self) -> tuple[frozenset[str], frozenset[str]]:
        """What the method needs to train and to embed, under the options of the run."""
        method = create(self.run.method, self.run.options)
        return method.needs, method.test_needs

    @property
    def _will_train(self) -> bool:
        return trains(self.run.method) and self.run.request.checkpoint is None

    @cached_property
    def test(self) -> Mapping[str, Boxes]:
        """By kind, the boxes that the method is given beside the images."""
        splits = sorted({name for task in self.run.tasks for name in (task.query, task.gallery)})
        return self._found(self.needs[1], self.run.request.boxes, splits, train=False)

    @cached_property
    def train(self) -> Mapping[str, Boxes]:
        """By kind, the boxes that the training needs, those of its validation among them."""
        if not self._will_train:
            return {}
        request, (needs, test_needs) = self.run.request, self.needs
        given = request.boxes if request.train_boxes is None and self._same_data else request.train_boxes
        splits = ["train", *(["query", "gallery"] if request.validate == "test" else [])]
        return self._found(needs | (test_needs if request.validate != "none" else set()), given, splits, train=True)

    @property
    def _same_data(self) -> bool:
        return self.run.request.train_on is None and self.run.request.train_data is None

    def _found(
        self, needs: Collection[str], given: Path | None, splits: Sequence[str], *, train: bool
    ) -> Mapping[str, Boxes]:
        kinds = kinds_of(needs)
        if not kinds:
            return {}
        dataset = self.run.training if train else self.run.dataset
        if given is None and self.run.request.detector is not None:
            given = self._detected(self.run.request.detector, dataset, splits, kinds)
        return find_boxes(dataset, needs, given)

    def _detected(self, path: Path, dataset: Dataset, splits: Sequence[str], kinds: Sequence[str]) -> Path:
        """Return the file of what a detector finds in the images of some splits; what stands is used again."""
        from harness.detection.detect import VERSION, check_kind, detect, load_detector

        request, fabric = self.run.request, self.run.fabric
        detector = load_detector(path, self.run.registry)
        kind = check_kind(detector, path, kinds)
        about = {
            "version": VERSION,
            "detector": file_digest(path),
            "code": code_digest(type(detector)),
            "images": contents_digest(dataset, splits),
            "skip_broken": request.skip_broken,
            **self.run.machine,
        }
        out = request.runs / "boxes" / f"{kind}-{digest(about)[:12]}.h5"
        if not out.exists():
            keys = {key for name in splits for key in dataset.split(name).paths}
            found = detect(detector, dataset, keys, compute=request.compute, skip_broken=request.skip_broken)
            if fabric.is_global_zero:
                write_boxes(out, found)
        fabric.barrier()
        return out

    def kept(self, dataset: Dataset, boxes: Mapping[str, Boxes], folder: Path) -> Dataset:
        """Return the data set with these boxes, which the first process leaves in the folder.

        Raises:
            RunError: the disk refuses.
        """
        if self.run.fabric.is_global_zero:
            keep(boxes, folder)
        self.run.fabric.barrier()
        return with_kept(dataset, boxes, folder)

    def _refuse_unused(self) -> None:
        request = self.run.request
        here, elsewhere = self.needs[1], self.needs[0] if self._will_train else frozenset[str]()
        both = here | elsewhere
        if self._same_data and request.train_boxes is None:
            here = both
        if request.boxes is not None and self._same_data:
            both = frozenset()  # the boxes given serve all that a detector could
        used = {
            "--boxes": (request.boxes, here),
            "--train-boxes": (request.train_boxes, elsewhere),
            "--detector": (request.detector, both),
        }
        for option, (given, needs) in used.items():
            if given is not None and not kinds_of(needs):
                raise UsageError(
                    f"{option} gives what this run does not use",
                    found=f"{option} {given}",
                    next_step=f"leave {option} away; 'bench methods show {self.run.name}' says what the method needs",
                )
