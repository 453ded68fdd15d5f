"""From an open feature file to records: each task of a protocol is scored once and recorded."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.basics.digests import digest
from harness.data.dataset import Dataset
from harness.errors import RecordError
from harness.features import FeatureFile
from harness.features.added.distractors import Distractors
from harness.features.finding import find_features, is_of_run
from harness.features.provenance import Embedding, facts
from harness.measures import FAMILIES, parse
from harness.registry.registry import Registry
from harness.scoring.cost import read_cost
from harness.scoring.evaluation import fingerprint_of, metric_of, score, with_distractors, with_features
from harness.scoring.fields import DistractorsField
from harness.scoring.pairs import write_pair
from harness.scoring.record import Record, installed_versions, read_record
from harness.scoring.scores import Scores
from harness.scoring.settings import ScoringSettings
from harness.tasks.contents import known_content
from harness.tasks.conventions import serve, serve_some, with_conventions
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from harness.tasks.opening import open_dataset
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task

log = logging.getLogger("bench")


def evaluate_file(
    features: Path,
    word: str,
    settings: ScoringSettings,
    *,
    registry: Registry,
    data: Path | None = None,
    folder: Path | None = None,
    conventions: Sequence[str] = (),
) -> list[Record]:
    """Return the records of a feature file under the tasks that ``veri776`` or ``veri776/image-to-image`` names.

    ``features`` may be a folder with one feature file for the protocol, such as a run's. The records are written into
    ``folder``, with the per-query values, unless it is None; ``conventions`` may be ``all``.

    Raises:
        UsageError: an unknown name, the data set is not given, or the post-processing is defined for none of the tasks.
        DataError: the data set cannot be read, or serves none of the tasks.
        FeatureError: the file is damaged, or belongs to another data set; or distractors cannot be added to it.
    """
    protocol, tasks = registry.tasks(word)
    tasks = with_conventions(tasks, conventions)
    path = find_features(features, protocol.name)
    needed = None if settings.post else tasks  # a step of post-processing is given whatever labels there are
    dataset = open_dataset(protocol, data, needed, tell=settings.machine.first)
    with FeatureFile.open(path) as file, with_distractors(settings, file) as scoring:
        return record_tasks(file, protocol, tasks, dataset, scoring, folder=folder)


def record_tasks(
    file: FeatureFile,
    protocol: Protocol,
    tasks: Sequence[Task],
    dataset: Dataset,
    settings: ScoringSettings,
    *,
    folder: Path | None = None,
) -> list[Record]:
    """Return a record for each task that the data set can serve; records that ``folder`` already holds are reused.

    If there are several processes, only the first writes and returns the records.

    Raises:
        UsageError: the post-processing is defined for none of the tasks, or the processes do not see the same data.
        DataError: the data set serves none of the tasks.
    """
    served, lost = serve_some(tasks, dataset, settings.post.problem)
    for name, problem in lost.items():
        log.warning("%s/%s is skipped: %s", protocol.name, name, problem.what)
    recorder = _Recorder(file, protocol, replace(settings, metric=metric_of(settings, file)), folder)
    known = [(task, with_features(file, task, dataset, skip_missing=settings.skip_missing)) for task in served]
    recorder.agree(known)
    found = [recorder.record(task, data) for task, data in known]
    return [record for record in found if record is not None]


def named(words: str, origin: Embedding, features: str) -> str:
    """Return a name for the files of a record that no record of another method, variant or features has.

    Args:
        words: the task and the ranking: ``veri776-image-to-image-cosine``.
        origin: the method, its variant and its options.
        features: the digest of the features.
    """
    run = "-".join(word for word in (origin.method, origin.variant) if word)
    safe = re.sub(r"[^A-Za-z0-9._@+-]+", "-", run).strip("-.")[:60] or "features"
    return f"{safe}-{words}-{digest({'features': features, **origin_of(origin)})[:12]}"


def written(
    scores: Scores,
    protocol: Protocol,
    task: Task,
    dataset: Dataset,
    path: Path | None,
    *,
    further: Sequence[str] = (),
    **stated: Any,
) -> Record:
    """Return the record of scores, and write it with its per-query values unless the path is None.

    Args:
        scores: of the task.
        protocol: the protocol.
        task: the task.
        dataset: its images.
        path: the record's file, ``record-NAME.json``; the values are beside it.
        further: why the result is not official, besides the lists.
        stated: what else the record says.
    """
    table = scores.table
    values = {} if path is None else {"name": f"per-query-{path.stem.removeprefix('record-')}.csv.gz"}
    record = Record.from_scores(
        scores,
        version=protocol.version,
        differences=(*differences(task, dataset), *further),
        content=known_content(protocol, task, dataset) if scores.official else "",
        per_query=None if path is None else {**values, "digest": table.digest},
        **stated,
    )
    return record if path is None else write_pair(path, record, table)


def ranking_words(protocol: str, *words: str) -> str:
    """Return a protocol, its task and the ranking as one word; two tasks of different names give two.

    Example:
        >>> ranking_words("fleet", "night-main", "cosine"), ranking_words("fleet-night", "main", "cosine")
        ('fleet-night-main-cosine', 'fleet-night--main-cosine')
    """
    return f"{protocol}{'--' if '-' in protocol else '-'}{'-'.join(words)}"


def origin_of(described: Embedding) -> dict[str, Any]:
    """Return how features were made, as JSON values."""
    return Embedding.model_validate(facts(described, Embedding)).model_dump(mode="json")


def _field(added: Distractors) -> DistractorsField:
    return DistractorsField(count=len(added), images=added.images, features=added.digests)


def _same(folder: Path, other: Path) -> bool:
    return folder.resolve() == other.resolve()


def standing_records(
    file: FeatureFile,
    protocol: Protocol,
    tasks: Sequence[Task],
    dataset: Dataset,
    settings: ScoringSettings,
    *,
    folder: Path,
) -> list[Record]:
    """Return the records that ``record_tasks`` would find in the folder; empty if it would have to compute one.

    Raises:
        FeatureError: the file lacks images of the tasks.
    """
    served, _ = serve(tasks, dataset, settings.post.problem)
    recorder = _Recorder(file, protocol, replace(settings, metric=metric_of(settings, file)), folder)
    found = []
    for task in served:
        record = recorder.standing(task, with_features(file, task, dataset, skip_missing=settings.skip_missing))
        if record is None:
            return []
        found.append(record)
    return found


@dataclass(frozen=True, eq=False)
class _Recorder:
    """Scores the tasks of one protocol on one feature file."""

    file: FeatureFile
    protocol: Protocol
    settings: ScoringSettings
    folder: Path | None

    def agree(self, served: Sequence[tuple[Task, Dataset]]) -> None:
        """Refuse to sum the counts of processes that have other features or lists."""
        team = self.settings.machine.team
        if team.count == 1:
            return
        lists = {
            f"the lists of {self.protocol.name}/{task.name}": fingerprint(self.protocol, task, dataset)
            for task, dataset in served
        }
        post = self.settings.post.stated.slug
        added = None if self.settings.distractors is None else list(self.settings.distractors.digests)
        features = {"features": self.file.digest, "metric": self.settings.metric, "post-processing": post}
        team.agree({**features, "distractors": added, **lists})

    def record(self, task: Task, dataset: Dataset) -> Record | None:
        """Return the task's record, an existing or a new one; None in all processes but the first."""
        settings, machine = self.settings, self.settings.machine
        name, existing = self._name(task), None
        if self.folder is not None and machine.first:
            existing = self._existing(self.folder / f"record-{name}.json", task, dataset)
        if machine.team.as_first(existing is not None and self._answers(existing, task)):
            return existing
        if existing is not None:  # what it holds besides is kept
            kept = (parse(word) for word in existing.further if word.partition("@")[0] in FAMILIES)
            settings = replace(settings, measures=tuple(dict.fromkeys((*settings.measures, *kept))))
        scores = score(self.file, self.protocol, task, dataset, settings)
        return self._written(scores, name, task, dataset) if machine.first else None

    def standing(self, task: Task, dataset: Dataset) -> Record | None:
        """Return the task's record in the folder if it has all measures that are asked for, or None."""
        if self.folder is None:
            return None
        existing = self._existing(self.folder / f"record-{self._name(task)}.json", task, dataset)
        return existing if existing is not None and self._answers(existing, task) else None

    def _name(self, task: Task) -> str:
        """Return the part of the file names behind ``record-`` and ``per-query-``.

        A run's own folder holds one feature file. Elsewhere, whatever the file is called, the name begins with the
        method and the variant, and ends with a digest of the features and their origin, so that no record replaces
        another's.
        """
        words = [self.protocol.name, task.name, str(self.settings.metric), self.settings.post.stated.slug]
        if self.settings.distractors is not None:
            words.append(f"distractors-{digest(list(self.settings.distractors.digests))[:12]}")
        words = [word for word in words if word]
        path = self.file.path
        if self.folder is not None and _same(self.folder, path.parent) and is_of_run(path):
            return "-".join(words)
        return named(ranking_words(*words), self.file.provenance, self.file.digest)

    def _written(self, scores: Scores, name: str, task: Task, dataset: Dataset) -> Record:
        provenance, added = self.file.provenance, self.settings.distractors
        return written(
            scores,
            self.protocol,
            task,
            dataset,
            None if self.folder is None else self.folder / f"record-{name}.json",
            further=() if added is None else (added.note,),
            distractors=None if added is None else _field(added),
            features=self.file.digest,
            width=self.file.shape[1],
            dtype=self.file.storage.word,
            cost=read_cost(self.file),
            versions=provenance.versions or installed_versions(),
            **facts(provenance, Embedding),
        )

    def _existing(self, path: Path, task: Task, dataset: Dataset) -> Record | None:
        """Return the record that an earlier run wrote for these features and this task, if it is complete."""
        if not path.is_file():
            return None
        try:
            record = read_record(path)
        except RecordError as problem:
            log.info("%s is evaluated again: %s", path.name, problem.what)
            return None
        settings = self.settings
        lists = fingerprint_of(self.protocol, task, dataset, settings)
        added = None if settings.distractors is None else _field(settings.distractors)
        expected = (self.file.digest, lists, settings.metric, settings.post.stated, added)
        found = (record.features, record.fingerprint, record.metric, record.chain, record.distractors)
        whole = record.per_query is not None and (path.parent / record.per_query.name).is_file()
        same = found == expected and facts(record, Embedding) == facts(self.file.provenance, Embedding)
        return record if whole and same else None

    def _answers(self, record: Record, task: Task) -> bool:
        """Return whether a record holds all measures; a third party's is computed again, since its code may change."""
        wanted = [measure for measure in self.settings.measures if measure.word not in task.measures]
        return all(measure.word in record.further and measure.family.word in FAMILIES for measure in wanted)
