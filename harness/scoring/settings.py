"""How features are scored: the settings of every step from a feature file to a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.compute.machine import Machine
from harness.features.added.distractors import Distractors
from harness.features.metric import Metric, check_metric
from harness.measures.family import Measure
from harness.postprocessing.tuned import TunedFile
from harness.steps.chain import NOTHING, Chain


@dataclass(frozen=True)
class ScoringSettings:
    """How features are scored.

    Attributes:
        metric: how features are compared, or None for the metric that the feature file names, else cosine.
        post: the steps of post-processing, such as re-ranking; empty to rank by the features alone.
        measures: measures to compute besides those of the task.
        skip_missing: leave out images that have no feature; the result is then not official.
        distractor_files: feature files whose images are added to the gallery; the result is then not official.
        distractors: those files, opened by ``with_distractors``, or None.
        machine: device, memory and processes; no digit depends on it.
        tuned: the file of ``bench tune`` that ``post`` comes from, or None; other features than it names are refused.
    """

    metric: Metric | None = None
    post: Chain = NOTHING
    measures: tuple[Measure, ...] = ()
    skip_missing: bool = False
    distractor_files: tuple[Path, ...] = ()
    distractors: Distractors | None = None
    machine: Machine = field(default_factory=Machine)
    tuned: TunedFile | None = None

    def __post_init__(self) -> None:
        if self.metric is not None:
            check_metric(self.metric)
