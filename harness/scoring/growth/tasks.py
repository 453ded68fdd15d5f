"""The tasks that a feature file is scored on: everything looked up, read and open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.data.dataset import Dataset
from harness.features import FeatureFile
from harness.features.finding import find_features
from harness.features.reader import FeatureRows
from harness.kernel.settings import Settings
from harness.registry.registry import Registry
from harness.scoring.evaluation import metric_of, with_distractors, with_features
from harness.scoring.inputs import task_rows
from harness.scoring.settings import ScoringSettings
from harness.tasks.conventions import serve_some
from harness.tasks.opening import open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task


@dataclass(frozen=True, eq=False)
class OpenTask:
    """A task with the features of its images.

    Attributes:
        file: the open feature file.
        protocol: of the task.
        task: the task.
        dataset: without the images that have no feature.
        settings: with the metric chosen, and with the distractors opened.
    """

    file: FeatureFile
    protocol: Protocol
    task: Task
    dataset: Dataset
    settings: ScoringSettings

    @property
    def name(self) -> str:
        """The task's name: ``veri776/image-to-image``."""
        return f"{self.protocol.name}/{self.task.name}"

    @property
    def method(self) -> str:
        """The name of the run."""
        return self.file.provenance.run_name

    @cached_property
    def rows(self) -> tuple[FeatureRows, FeatureRows]:
        """The features of the queries and of the gallery, without distractors."""
        return task_rows(self.file, self.task, self.dataset)

    @property
    def kernel(self) -> Settings:
        """How the kernel ranks."""
        return Settings(self.settings.metric or "cosine", self.settings.machine)


@contextmanager
def open_tasks(
    features: Path, word: str, settings: ScoringSettings, *, registry: Registry, data: Path | None = None
) -> Iterator[list[OpenTask]]:
    """Yield the tasks that ``veri776`` or ``veri776/image-to-image`` names.

    Args:
        features: the feature file, or a folder with one.
        word: the protocol or task.
        settings: how features are scored.
        registry: of everything installed.
        data: the folder of the data set.

    Raises:
        UsageError: an unknown name, or the data set is not given.
        DataError: the data set cannot be read, or serves none of the tasks.
        FeatureError: a file is damaged, belongs to another data set, or distractors cannot be added.
    """
    protocol, tasks = registry.tasks(word)
    path = find_features(features, protocol.name)
    dataset = open_dataset(protocol, data, tasks, tell=settings.machine.first)
    served, _ = serve_some(tasks, dataset)
    with FeatureFile.open(path) as file, with_distractors(settings, file) as scoring:
        own = replace(scoring, metric=metric_of(scoring, file))
        yield [
            OpenTask(file, protocol, task, with_features(file, task, dataset, skip_missing=own.skip_missing), own)
            for task in served
        ]
