"""A user's request for one run: the words of the command line, before any name is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.compute.compute import Compute
from harness.errors import UsageError
from harness.features.metric import Metric
from harness.methods.session import Validate
from harness.tasks.reranking import Reranking


@dataclass(frozen=True)
class Request:
    """One run.

    Attributes:
        method: ``name`` or ``name/variant``.
        protocol: ``name`` or ``name/task``.
        data: folder of the protocol's data set, or None for the protocol's own default.
        train_on: the protocol whose training images are used, or several with ``+`` between them; None for
            ``protocol``.
        train_data: folder of the data set of ``train_on``; ``NAME=DIR,NAME=DIR`` for several.
        recipe: None for the one that the training protocol proposes, if the method has it.
        changes: options by name, as written after ``--set``.
        trained_on: the data that given weights have seen, as the user says; protocols by their names.
        boxes: file of boxes for the images of ``protocol``, in place of the data set's own.
        train_boxes: the same for the images of ``train_on``; None for ``boxes``, if that is the same data set.
        detector: checkpoint of a detector, used when no boxes are given.
        checkpoint: use this checkpoint and train nothing.
        validate: the images to validate on after each epoch.
        hold_out: share of the training vehicles held out for validation.
        metric: None for the method's own.
        rerank: re-ranking as the only step of post-processing; None for ``post``.
        post: the steps of post-processing as written after ``--post``; empty to rank by the features alone.
        post_from: the file of ``bench tune`` with the steps, or None for ``post``.
        mirrored: also extract the features of the mirrored pictures, which a step may ask for by itself.
        memory: bytes that the evaluation may use, or None for a share of the free memory.
        observe: the names of observers to turn on.
    """

    method: str
    protocol: str
    data: Path | None = None
    train_on: str | None = None
    train_data: Path | None = None
    recipe: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    trained_on: tuple[str, ...] = ()
    boxes: Path | None = None
    train_boxes: Path | None = None
    detector: Path | None = None
    seed: int = 0
    checkpoint: Path | None = None
    runs: Path = Path("runs")
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False
    validate: Validate = "train"
    hold_out: float = 0.1
    metric: Metric | None = None
    rerank: Reranking | None = None
    post: tuple[str, ...] = ()
    post_from: Path | None = None
    mirrored: bool = False
    measures: tuple[str, ...] = ()
    memory: int | None = None
    observe: tuple[str, ...] = ()


def parse_changes(assignments: tuple[str, ...]) -> dict[str, str]:
    """Return ``("epochs=10",)`` as a dictionary, or raise a UsageError for a missing ``=`` or an option set twice."""
    changes: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError("an option has no value", found=f"--set {assignment}", expected="--set name=value")
        if name in changes:
            raise UsageError(f"option '{name}' is set twice", found=f"{changes[name]} and {value}")
        changes[name] = value
    return changes
