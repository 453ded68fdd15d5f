"""From an open feature file to records: each task of a protocol scored once, and written down."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.compute.machine import Machine
from harness.errors import RecordError
from harness.features import FeatureFile
from harness.methods.method import Metric
from harness.scoring.cost import read_cost
from harness.scoring.evaluation import find_root, score, with_features
from harness.scoring.per_query import PerQuery, write_per_query
from harness.scoring.record import Record, installed_versions, read_record, write_record
from harness.tasks.conventions import serve, with_conventions
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.registry.registry import Registry
    from harness.scoring.scores import Scores
    from harness.tasks.protocol import Protocol
    from harness.tasks.reranking import Reranking
    from harness.tasks.task import Task

log = logging.getLogger("bench")


def evaluate_file(
    features: Path,
    word: str,
    *,
    registry: Registry,
    data: Path | None = None,
    metric: Metric | None = None,
    skip_missing: bool = False,
    machine: Machine | None = None,
    folder: Path | None = None,
    conventions: Sequence[str] = (),
    rerank: Reranking | None = None,
) -> list[Record]:
    """Return the records of a feature file under the tasks that ``veri776`` or ``veri776/image-to-image`` names.

    Args:
        features: the file.
        word: a protocol, or one task of it.
        registry: where protocols are found.
        data: the data set's folder.
        metric: None for what the file proposes, else cosine.
        skip_missing: leave out images without a feature; the results are then not official.
        machine: what ranks; None for one process on the processor.
        folder: where records and per-query values are written; None to write none.
        conventions: names of conventions under which the tasks are scored too, or ``all``.
        rerank: the numbers of k-reciprocal re-ranking; None to rank by the features alone.

    Raises:
        UsageError: an unknown name, no data set, or re-ranking is defined for none of the tasks.
        DataError: the data set cannot be read, or serves none of the tasks.
        FeatureError: the file is damaged, or is another data set's.
    """
    protocol, tasks = registry.tasks(word)
    tasks = with_conventions(tasks, conventions)
    dataset = protocol.load(find_root(protocol, data))
    with FeatureFile.open(features) as file:
        return record_tasks(
            file,
            protocol,
            tasks,
            dataset,
            metric=metric,
            skip_missing=skip_missing,
            machine=machine,
            folder=folder,
            rerank=rerank,
        )


def record_tasks(
    file: FeatureFile,
    protocol: Protocol,
    tasks: Sequence[Task],
    dataset: Dataset,
    *,
    metric: Metric | None = None,
    skip_missing: bool = False,
    machine: Machine | None = None,
    folder: Path | None = None,
    rerank: Reranking | None = None,
) -> list[Record]:
    """Return a record for each task that the data set can serve; what stands in ``folder`` is used again.

    Of several processes the first has the records and writes them; the others return none.

    Raises:
        UsageError: re-ranking is defined for none of the tasks.
        DataError: the data set serves none of the tasks.
    """
    chosen = metric or cast("Metric", file.provenance.metric or "cosine")
    served, lost = serve(tasks, dataset, rerank)
    if not served:
        raise next(iter(lost.values()))
    for name, problem in lost.items():
        log.warning("%s/%s is left out: %s", protocol.name, name, problem.what)
    recorder = _Recorder(file, protocol, chosen, machine or Machine(), folder, rerank)
    found = [recorder.record(task, with_features(file, task, dataset, skip_missing=skip_missing)) for task in served]
    return [record for record in found if record is not None]


@dataclass(frozen=True, eq=False)
class _Recorder:
    """Scores the tasks of one protocol on one feature file."""

    file: FeatureFile
    protocol: Protocol
    metric: Metric
    machine: Machine
    folder: Path | None
    rerank: Reranking | None

    def record(self, task: Task, dataset: Dataset) -> Record | None:
        """Return the task's record, the one that stands or a new one; None in every process but the first."""
        words = (self.protocol.name, task.name, self.metric, *([self.rerank.slug] if self.rerank else []))
        name = "-".join(words)
        standing = None
        if self.folder is not None and self.machine.first:
            standing = self._standing(self.folder / f"record-{name}.json", task, dataset)
        if self.machine.team.as_first(standing is not None):
            return standing
        scores = score(
            self.file, self.protocol, task, dataset, metric=self.metric, machine=self.machine, rerank=self.rerank
        )
        return self._written(scores, name, task, dataset) if self.machine.first else None

    def _written(self, scores: Scores, name: str, task: Task, dataset: Dataset) -> Record:
        """Return a new record, written where there is a folder."""
        query = dataset.split(task.query)
        table = PerQuery(query.paths, query.vehicle, scores.per_query)
        values = f"per-query-{name}.csv.gz"
        record = Record.from_scores(
            scores,
            version=self.protocol.version,
            differences=differences(task, dataset),
            per_query=None if self.folder is None else {"name": values, "digest": table.digest},
            **self._about(),
        )
        if self.folder is not None:
            write_per_query(self.folder / values, table)
            write_record(self.folder / f"record-{name}.json", record)
        return record

    def _about(self) -> dict[str, Any]:
        """Return what the feature file says of where it comes from, in the record's words."""
        unrecorded = {"dataset", "images", "precision", "device"}
        about = self.file.provenance.model_dump(exclude=unrecorded | {"versions", "metric"})
        return {
            **about,
            "features": self.file.digest,
            "width": self.file.shape[1],
            "dtype": self.file.dtype.name,
            "cost": read_cost(self.file),
            "versions": self.file.provenance.versions or installed_versions(),
        }

    def _standing(self, path: Path, task: Task, dataset: Dataset) -> Record | None:
        """Return the record that an earlier run wrote for these very features and this very task, if it is whole."""
        if not path.is_file():
            return None
        try:
            record = read_record(path)
        except RecordError as problem:
            log.info("%s is evaluated again: %s", path.name, problem.what)
            return None
        expected = (self.file.digest, fingerprint(self.protocol, task, dataset), self.metric, self.rerank)
        found = (record.features, record.fingerprint, record.metric, record.rerank)
        whole = record.per_query is not None and (path.parent / record.per_query.name).is_file()
        return record if whole and found == expected else None
