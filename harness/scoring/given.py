"""Records of a finished query-by-gallery matrix, which says how images compare without their features."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.basics.progress import progress
from harness.data.dataset import Dataset
from harness.exchange.matrix import GivenMatrix, MatrixRequest, read_matrix
from harness.features.provenance import Embedding, facts
from harness.kernel.given import rank_given
from harness.registry.registry import Registry
from harness.scoring.evaluation import scored, with_training
from harness.scoring.record import GIVEN, Record, installed_versions
from harness.scoring.recording import named, ranking_words, written
from harness.scoring.settings import ScoringSettings
from harness.tasks.conventions import serve_some
from harness.tasks.opening import open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.rules import ALL_RIGHT, all_right, relevance
from harness.tasks.task import Task

log = logging.getLogger("bench")


@dataclass(frozen=True, eq=False)
class GivenResult:
    """The records of a matrix, and how it was brought into the order of the lists, one sentence each."""

    records: tuple[Record, ...]
    notes: tuple[str, ...]


def evaluate_matrix(
    request: MatrixRequest,
    word: str,
    origin: Embedding,
    settings: ScoringSettings,
    *,
    registry: Registry,
    data: Path | None = None,
    folder: Path | None = None,
) -> GivenResult:
    """Return the records of a matrix under the tasks that ``veri776`` or ``veri776/image-to-image`` names.

    Tasks with other lists than the first, or with mean features of tracks, are left out with a warning. The records are
    written into ``folder``, with the per-query values, unless it is None.

    Raises:
        UsageError: an unknown name, or the data set is not given.
        DataError: the data set cannot be read, or serves none of the tasks.
        FeatureError: the file is damaged, or its matrix is not one of the lists; it holds NaN.
    """
    protocol, tasks = registry.tasks(word)
    dataset = open_dataset(protocol, data, tasks, tell=settings.machine.first)
    served, _ = serve_some(tasks, dataset)
    records = []
    with ExitStack() as held:
        first = served[0]
        matrix = read_matrix(request, dataset.split(first.query), dataset.split(first.gallery), held)
        given = _Given(matrix, matrix.digest(), origin)
        for task in served:
            if (task.query, task.gallery) != (first.query, first.gallery) or _by_mean(task):
                log.warning("%s/%s is skipped: it needs another matrix or features", protocol.name, task.name)
                continue
            records.append(given.record(protocol, task, dataset, settings, folder))
    return GivenResult(tuple(records), matrix.notes)


def _by_mean(task: Task) -> bool:
    return task.rule.unit == "track" and task.rule.reduce == "mean feature"


@dataclass(frozen=True, eq=False)
class _Given:
    """A matrix, its digest and where it comes from."""

    matrix: GivenMatrix
    digest: str
    origin: Embedding

    def record(
        self, protocol: Protocol, task: Task, dataset: Dataset, settings: ScoringSettings, folder: Path | None
    ) -> Record:
        """Return the record of a task, written into a folder unless that is None."""
        rule, metric = relevance(task, dataset), GIVEN[self.matrix.similar]
        if all_right(rule):
            log.warning("%s/%s: %s", protocol.name, task.name, ALL_RIGHT)
        with progress(f"ranking {protocol.name}/{task.name}") as advance:
            ranks = rank_given(self.matrix, rule, similar=self.matrix.similar, progress=advance)
        dataset = with_training(self.origin, protocol.name, task, dataset)
        scores = scored(ranks, protocol, task, dataset, settings, metric=metric)
        name = named(ranking_words(protocol.name, task.name, metric.replace(" ", "-")), self.origin, self.digest)
        return written(
            scores,
            protocol,
            task,
            dataset,
            None if folder is None else folder / f"record-{name}.json",
            features=self.digest,
            width=self.matrix.shape[1],
            dtype=self.matrix.dtype.name,
            versions=installed_versions(),
            **facts(self.origin, Embedding),
        )
