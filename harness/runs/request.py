"""What a user asks for in one run: the words of the command line, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.compute.compute import Compute
from harness.errors import UsageError
from harness.methods.method import Metric
from harness.methods.session import Validate
from harness.tasks.reranking import Reranking


@dataclass(frozen=True)
class Request:
    """One run.

    Attributes:
        method: ``name`` or ``name/variant``.
        protocol: ``name`` or ``name/task``.
        data: the protocol's data set on disk; None for the protocol's own default.
        train_on: the protocol whose training images are used; None for ``protocol``.
        train_data: the data set of ``train_on`` on disk.
        recipe: None for what the training protocol proposes, where the method has it.
        changes: options by name, as written after ``--set``.
        boxes: of the images of ``protocol``, in place of those that its data set has.
        train_boxes: of those of ``train_on``; None for ``boxes`` where that is the same data set.
        detector: a checkpoint of a detector, which finds the boxes that nobody gives.
        seed: everything random follows from it.
        metric: None for what the method says.
        checkpoint: use this one and train nothing.
        runs: the folder of all runs.
        compute: devices, precision, workers.
        skip_broken: leave out images that cannot be read.
        validate: what each epoch is validated on.
        hold_out: the share of the training vehicles held out for that.
        memory: bytes the kernel may use; None for a share of what is free.
        rerank: None to rank by the features alone.
    """

    method: str
    protocol: str
    data: Path | None = None
    train_on: str | None = None
    train_data: Path | None = None
    recipe: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    boxes: Path | None = None
    train_boxes: Path | None = None
    detector: Path | None = None
    seed: int = 0
    metric: Metric | None = None
    checkpoint: Path | None = None
    runs: Path = Path("runs")
    compute: Compute = field(default_factory=Compute)
    skip_broken: bool = False
    validate: Validate = "train"
    hold_out: float = 0.1
    memory: int | None = None
    rerank: Reranking | None = None


def parse_changes(assignments: tuple[str, ...]) -> dict[str, str]:
    """Return ``("epochs=10",)`` as ``{"epochs": "10"}``.

    Raises:
        UsageError: an assignment without ``=``, or an option set twice.
    """
    changes: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError("an option is not set", found=f"--set {assignment}", expected="--set name=value")
        if name in changes:
            raise UsageError(f"option '{name}' is set twice", found=f"{changes[name]} and {value}")
        changes[name] = value
    return changes
