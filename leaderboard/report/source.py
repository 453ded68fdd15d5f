"""What a report is made from: the record of a run on one task, the features that it scored, and the data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import FeatureError, RecordError, UsageError, first_of
from harness.features import FeatureFile
from harness.features.finding import FEATURES
from harness.registry.kinds import PROTOCOL
from harness.scoring.evaluation import with_features
from harness.scoring.record import Record, read_record
from harness.tasks.conventions import unavailable
from harness.tasks.fingerprint import fingerprint
from harness.tasks.opening import open_dataset
from leaderboard.record_files import RecordFile

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.registry.registry import Registry
    from harness.tasks.protocol import Protocol
    from harness.tasks.task import Task


@dataclass(frozen=True, eq=False)
class ReportedRun:
    """One run on one task.

    Attributes:
        record: its result.
        protocol: of the task.
        task: the queries, the gallery and the rule.
        dataset: its lists, without the images that have no feature.
        features: the open file of the features that the record scored.
    """

    record: Record
    protocol: Protocol
    task: Task
    dataset: Dataset
    features: FeatureFile


@contextmanager
def open_run(
    run: Path, registry: Registry, *, task: str | None = None, data: Path | None = None, tell: bool = True
) -> Iterator[ReportedRun]:
    """Yield a run on one task, with its feature file open.

    Args:
        run: the folder of a run, one of its records, or a feature file.
        registry: the registry with the protocol.
        task: ``protocol/task``, or a protocol or its file alone; None for the first of the protocol's tasks that the
            run has a record of.
        data: the folder of the data set; None for the protocol's default.
        tell: whether to log what was read otherwise in a user's own data; of two runs on one, the first does.

    Raises:
        UsageError: the run does not exist, the task is unknown, or a feature file has no record and no task is named.
        RecordError: a record is damaged, or the data set is not the one that it was made on.
        FeatureError: the run has no features, or others than those that its record scored.
        DataError: the data set cannot be read.
    """
    if not run.exists():
        raise UsageError("the run is missing", where=run, expected="a folder printed by 'bench run'")
    wanted = None if task is None else registry.tasks(task)
    files = _plain(run, _records(run))
    chosen = _chosen(run, files, registry, wanted)
    if chosen is None:
        if wanted is None:
            raise RecordError(
                "the run has no record",
                where=run,
                expected="a file named record-*.json",
                next_step="name the task with --task PROTOCOL/TASK, or repeat 'bench run', which makes what is missing",
            )
        protocol, tasks = wanted
        named = tasks[0]
    else:
        protocol, named = _task_of(chosen.record, registry, wanted)
    path = _features_of(run, chosen)
    dataset = open_dataset(protocol, data, None, tell=tell)
    problem = unavailable(named, dataset)
    if problem is not None:
        raise problem
    with FeatureFile.open(path) as file:
        skip = chosen is not None and not chosen.record.official
        dataset = with_features(file, named, dataset, skip_missing=skip)
        record = _scored(file, protocol, named, dataset) if chosen is None else chosen.record
        found = fingerprint(protocol, named, dataset)
        if record.fingerprint != found:
            raise RecordError(
                "the data set is not the one of the record",
                where=dataset.root,
                found=f"fingerprint {found[:16]}",
                expected=f"fingerprint {record.fingerprint[:16]}, as in {chosen.path if chosen else run}",
                next_step="give the folder of the right data set with --data DIR",
            )
        yield ReportedRun(record, protocol, named, dataset, file)


def _records(run: Path) -> list[RecordFile]:
    """Return the records of a run's folder, the one that is given, or those beside a feature file."""
    if run.is_dir():
        paths = sorted(run.rglob("record-*.json"))
    elif run.suffix == ".json":
        paths = [run]
    else:
        with FeatureFile.open(run) as file:
            digest = file.digest
        beside = [RecordFile(read_record(path), path) for path in sorted(run.parent.glob("record-*.json"))]
        return [file for file in beside if file.record.features == digest]
    return [RecordFile(read_record(path), path) for path in paths]


def _plain(run: Path, files: Sequence[RecordFile]) -> list[RecordFile]:
    """Return the records without post-processing, since the nearest units are known for these alone."""
    plain = [file for file in files if file.record.plain]
    if files and not plain:
        raise UsageError(
            "the run has post-processed results only, whose lists are not kept",
            where=run,
            next_step="evaluate its features once without --rerank and --post, and report that",
        )
    return plain


def _chosen(
    run: Path, files: Sequence[RecordFile], registry: Registry, wanted: tuple[Protocol, Sequence[Task]] | None
) -> RecordFile | None:
    """Return the record to report, or None if there is none of the task."""
    if not files:
        return None
    if wanted is None:
        protocol = _recorded(run, files[0].record, registry)
        names = [f"{protocol.name}/{task.name}" for task in protocol.tasks]
    else:
        names = [f"{wanted[0].name}/{task.name}" for task in wanted[1]]
    found = [file for name in names for file in files if file.record.name == name]
    if not found and wanted is None:
        found = list(files)
    if not found:
        held = first_of(sorted({file.record.name for file in files}))
        raise RecordError("the run has no record of the task", where=run, found=held, expected=" or ".join(names))
    same = [file for file in found if file.record.name == found[0].record.name]
    if len(same) > 1:
        raise RecordError(
            "the run has several records of one task",
            where=run,
            found=first_of(file.path.relative_to(run) for file in same),
            next_step="name one of these files in place of the folder",
        )
    return found[0]


def _recorded(run: Path, record: Record, registry: Registry) -> Protocol:
    """Return the protocol that a record names, which for a user's own data is known by its file alone."""
    if record.protocol in registry.names(PROTOCOL):
        return registry.protocol(record.protocol)
    raise UsageError(
        f"the protocol '{record.protocol}' of the run is not known here",
        where=run,
        expected="the TOML file that the run was made with, or the plugin that has the protocol",
        next_step=f"give the file of your own data with --protocol {record.protocol.removeprefix('own-')}.toml, or a "
        "plugin with --plugin",
    )


def _task_of(
    record: Record, registry: Registry, wanted: tuple[Protocol, Sequence[Task]] | None
) -> tuple[Protocol, Task]:
    """Return the protocol and the task of a record."""
    protocol, tasks = wanted or registry.tasks(record.name)
    return protocol, next(task for task in tasks if f"{protocol.name}/{task.name}" == record.name)


def _features_of(run: Path, chosen: RecordFile | None) -> Path:
    """Return the feature file that a record scored, or without a record the run's only one."""
    if run.is_file() and run.suffix != ".json":
        return run
    folder = run if run.is_dir() else run.parent
    paths = sorted(folder.rglob(FEATURES)) or sorted(folder.rglob("*.h5"))  # boxes are in HDF5 files too
    if not paths:
        raise FeatureError(
            "the run has no features",
            where=folder,
            expected=FEATURES,
            next_step="repeat the same 'bench run', which makes only what is missing",
        )
    if chosen is None:
        if len(paths) > 1:
            raise UsageError(
                "the run has several feature files and no record",
                where=folder,
                found=first_of(path.relative_to(folder) for path in paths),
                next_step="name one of them in place of the folder",
            )
        return paths[0]
    digests = {path: _digest(path) for path in paths}
    for path, digest in digests.items():
        if digest == chosen.record.features:
            return path
    raise FeatureError(
        "the features do not match the record",
        where=paths[0],
        found=f"digest {digests[paths[0]][:16]}",
        expected=f"digest {chosen.record.features[:16]}, as in {chosen.path.name}",
        next_step="score these features again with 'bench eval', or restore those that the record scored",
    )


def _digest(path: Path) -> str:
    with FeatureFile.open(path) as file:
        return file.digest


def _scored(file: FeatureFile, protocol: Protocol, task: Task, dataset: Dataset) -> Record:
    """Return a record of features that have none."""
    from harness.scoring.recording import record_tasks
    from harness.scoring.settings import ScoringSettings

    return record_tasks(file, protocol, [task], dataset, ScoringSettings())[0]
