"""The tasks that a feature file is scored on, opened one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.data.dataset import Dataset
from harness.features import FeatureFile
from harness.features.finding import find_features
from harness.features.reader import FeatureRows
from harness.kernel.settings import Settings
from harness.registry.registry import load
from harness.scoring.evaluation import find_root, metric_of, warn_of_own, with_features
from harness.scoring.settings import ScoringSettings
from harness.tasks.conventions import serve_some
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
        settings: with the metric chosen.
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
    def tables(self) -> tuple[FeatureRows, FeatureRows]:
        """The features of the queries and of the gallery."""
        query, gallery = (self.dataset.split(split).paths for split in (self.task.query, self.task.gallery))
        return self.file.rows(query), self.file.rows(gallery)

    @property
    def kernel(self) -> Settings:
        """How the kernel ranks."""
        return Settings(self.settings.metric or "cosine", self.settings.machine)


@contextmanager
def open_tasks(features: Path, words: Mapping[str, Any], settings: ScoringSettings) -> Iterator[list[OpenTask]]:
    """Yield the tasks that the words of a command name.

    Args:
        features: the feature file, or a folder with one.
        words: ``protocol``, ``data`` and ``plugin``.
        settings: how features are scored.

    Raises:
        UsageError: an unknown name, or the data set is not given.
        DataError: the data set cannot be read, or serves none of the tasks.
        FeatureError: the file is damaged, or belongs to another data set.
    """
    protocol, tasks = load(words["plugin"]).tasks(words["protocol"])
    path = find_features(features, protocol.name)
    dataset = protocol.load(find_root(protocol, words["data"]))
    warn_of_own(protocol, dataset)
    served, _ = serve_some(tasks, dataset)
    with FeatureFile.open(path) as file:
        own = replace(settings, metric=metric_of(settings, file))
        yield [
            OpenTask(file, protocol, task, with_features(file, task, dataset, skip_missing=settings.skip_missing), own)
            for task in served
        ]
