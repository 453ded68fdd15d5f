"""Results matched by task: the sides of a comparison, with their values on the same queries."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.images import IntArray
from harness.data.lists import read_lines
from harness.data.values import number_of_text
from harness.errors import RecordError
from harness.features.kinds import kind_of
from harness.scoring.per_query import PerQuery
from harness.scoring.record import Record, read_record
from leaderboard.grouping import grouped
from leaderboard.named import is_name, named_records, refuse_ambiguous
from leaderboard.record_files import RecordFile
from leaderboard.repeats import group_repeats, mean_measures, side_of
from leaderboard.statistics.paired import Side

Group = list[RecordFile]
"""The records that form one side of a comparison; a single one without ``over_seeds``."""


@dataclass(frozen=True, eq=False)
class NamedSide:
    """One side of a comparison.

    Attributes:
        name: the method's name, followed by its seed or run if two have the same name, or by the number of its seeds.
        record: its first record.
        measures: the means over the compared queries.
        runs: its runs, on the compared queries.
        values: the per-query values of their mean.
    """

    name: str
    record: Record
    measures: Mapping[str, float]
    runs: Side
    values: PerQuery


@dataclass(frozen=True, eq=False)
class MatchedTask:
    """A task with the results to be compared on it."""

    task: str
    sides: tuple[NamedSide, ...]


def match_results(
    paths: Sequence[Path],
    task: str | None = None,
    *,
    known: Sequence[RecordFile] = (),
    over_seeds: bool = False,
    vehicles: Collection[int] | None = None,
) -> tuple[MatchedTask, ...]:
    """Return the tasks that all paths have a record of, sorted by name.

    Args:
        paths: record files, folders of runs, or names of known records.
        known: the records that a name may mean.
        task: ``protocol/task``, or None for all.
        over_seeds: whether runs that differ only in their seed form one side, with their mean; a folder may then
            contain any number of runs, and a task needs two sides.
        vehicles: compare only queries of these vehicles; None for all.

    Raises:
        RecordError: the paths share no task, two results of one task have different fingerprints, or no query shows
            one of the vehicles.
    """
    results = [_files(path, known) for path in paths]
    matches = _joined(results, task) if over_seeds else _single(paths, results, task)
    return tuple(_matched(name, groups, vehicles) for name, groups in matches)


def read_vehicles(path: Path) -> frozenset[int]:
    """Return the vehicles in a text file: numbers separated by spaces or line ends, or one word of a table in a line.

    A number also means the vehicle whose word it is, in a table of one's own that has other words, too.

    Raises:
        DataError: the file cannot be read, or is empty.
    """
    lines = [line.strip() for line in read_lines(path, "list of vehicles")]
    numbers = {word for line in lines if re.fullmatch(r"[0-9]{1,18}(\s+[0-9]{1,18})*", line) for word in line.split()}
    return frozenset(map(int, numbers)) | {number_of_text(text) for text in {*lines, *numbers} if text}


def _single(paths: Sequence[Path], results: Sequence[Group], task: str | None) -> list[tuple[str, list[Group]]]:
    """Return the sides of each task that every path has a record of, with one record per side."""
    found = [_by_task(path, files) for path, files in zip(paths, results, strict=True)]
    common = sorted({name for name in found[0] if all(name in one for one in found)})
    wanted = [name for name in common if task in (None, name)]
    if not wanted:
        raise RecordError(
            "the results have no task in common" if task is None else f"not all of the results are of {task}",
            found="; ".join(f"{path}: {', '.join(sorted(one))}" for path, one in zip(paths, found, strict=True)),
        )
    return [
        (name, [[file] for file in files]) for name in wanted for files in _alike(name, [one[name] for one in found])
    ]


def _joined(results: Sequence[Group], task: str | None) -> list[tuple[str, list[Group]]]:
    """Return the groups of repeats of each task in the order given; each kind of ranking separately."""
    named = {file.record.run: file for files in results for file in files}  # a run named twice counts once
    order = {run: number for number, run in enumerate(named)}
    tasks = grouped(named.values(), lambda file: (file.record.name, file.record.ranking))
    matches = []
    for (name, _), files in sorted(tasks.items()):
        found = group_repeats(files, of_one_code=True)
        if len(found) > 1 and task in (None, name):
            matches.append((name, sorted(found, key=lambda group: min(order[file.record.run] for file in group))))
    if not matches:
        raise RecordError(
            "no task has results of two methods" if task is None else f"{task} does not have results of two methods",
            found=", ".join(sorted({name for name, _ in tasks})),
            next_step="name the runs of two methods; runs that differ only in their seed count as one",
        )
    return matches


def _alike(task: str, results: Sequence[Mapping[str, RecordFile]]) -> list[list[RecordFile]]:
    """Return the records to be compared: if all paths have one, these; else those ranked alike."""
    if all(len(one) == 1 for one in results):
        return [[file for one in results for file in one.values()]]
    alike = [[one[mark] for one in results] for mark in sorted(results[0]) if all(mark in one for one in results)]
    if not alike:
        raise RecordError(
            f"the results of {task} are ranked differently",
            found="; ".join(", ".join(mark or "features alone" for mark in sorted(one)) for one in results),
            next_step="name the record files to be compared",
        )
    return alike


def _files(path: Path, known: Sequence[RecordFile]) -> list[RecordFile]:
    """Return the record of a file, the records below a folder, or those of a name.

    Raises:
        RecordError: the file is no record, the folder has none, or no record has the name.
    """
    if is_name(path):
        return named_records(path.as_posix(), known)
    paths = sorted(path.rglob("record-*.json")) if path.is_dir() else [path]
    if path.is_file():
        _refuse_features(path)
    return [RecordFile(read_record(file), file) for file in paths]


def _refuse_features(path: Path) -> None:
    """Raise a RecordError if a file such as those with features is given in place of a record, which is JSON."""
    try:
        kind = kind_of(path)
    except OSError:
        return  # reading the record says why
    if kind is not None:
        raise RecordError(
            "the file is not a record",
            where=path,
            found=kind[1],
            expected="a file named record-*.json, which has the numbers of a result, or the folder of a run",
            next_step=f"make a record of these features first: bench eval {path} --protocol NAME --record DIR",
        )


def _by_task(path: Path, found: Group) -> dict[str, dict[str, RecordFile]]:
    """Return the records of a file, folder or name by task, then by what ranked besides the features."""
    if is_name(path):
        refuse_ambiguous(path.as_posix(), found)
    files: dict[str, dict[str, RecordFile]] = {}
    for file in found:
        first = files.setdefault(file.record.name, {}).setdefault(file.record.ranking, file)
        if first is not file:
            raise RecordError(
                "the folder has two records of one task",
                where=first.path,
                found=file.path,
                next_step="name one of the two files, or join runs that differ only in their seed with --over-seeds",
            )
    return files


def _matched(task: str, groups: Sequence[Group], vehicles: Collection[int] | None) -> MatchedTask:
    files = [file for group in groups for file in group]
    first = files[0].record
    for file in files:
        if file.record.fingerprint != first.fingerprint:
            raise RecordError(
                f"two results of {task} cannot be compared: they have different fingerprints",
                where=f"{files[0].path} and {file.path}",
                found=f"{first.fingerprint[:16]} and {file.record.fingerprint[:16]}",
                next_step="score both on the same data set with the same version of the protocol",
            )
    sides = [_side(name, group, vehicles) for name, group in zip(_names(groups), groups, strict=True)]
    part = f", {len(sides[0].values)} of {first.queries} queries" if vehicles is not None else ""
    return MatchedTask(task + part, tuple(sides))


def _side(name: str, group: Group, vehicles: Collection[int] | None) -> NamedSide:
    runs, measures = side_of(group), mean_measures(group)
    if vehicles is None:
        return NamedSide(name, group[0].record, measures, runs, runs.mean)
    runs = runs.of_rows(_of_vehicles(runs.tables[0], vehicles, name))
    values = runs.mean
    measures = {word: _weighted_mean(values, word) for word in values.values}
    return NamedSide(name, group[0].record, measures, runs, values)


def _weighted_mean(values: PerQuery, measure: str) -> float:
    """Return the mean over the queries, each as often as draws asked it, summed without rounding; NaN without one."""
    column = values.values[measure]
    weights = np.ones(len(column), dtype=np.int64) if values.asked is None else values.asked
    known = ~np.isnan(column) & (weights > 0)
    total = int(weights[known].sum())
    return math.fsum(column[known] * weights[known]) / total if total else math.nan


def _of_vehicles(values: PerQuery, vehicles: Collection[int], name: str) -> IntArray:
    """Return the rows of the queries of some vehicles.

    Raises:
        RecordError: there are no such queries.
    """
    rows = np.flatnonzero(np.isin(values.vehicle, list(vehicles)))
    if not len(rows):
        raise RecordError(
            f"no query of {name} is of one of the vehicles listed",
            found=f"queries of {len(np.unique(values.vehicle))} vehicles, the first {int(values.vehicle[0])}",
        )
    return rows


def _names(groups: Sequence[Group]) -> list[str]:
    """Return a name for each, with the number of its seeds; equal ones get the recipe, the seed, the run's digest."""
    names = [group[0].record.method_name for group in groups]
    tails: tuple[Callable[[Record], str], ...] = (
        lambda record: f"recipe {record.recipe}" if record.recipe else "",
        lambda record: f"seed {record.seed}",
        lambda record: record.run[:8],
    )
    for tail in tails:
        counts, told = Counter(names), [tail(group[0].record) for group in groups]
        if len(set(told)) == 1:  # it tells nothing apart
            continue
        names = [
            f"{name} ({text})" if counts[name] > 1 and text and (len(group) == 1 or tail is tails[0]) else name
            for name, text, group in zip(names, told, groups, strict=True)
        ]
    return [
        f"{name} ({len(group)} seeds)" if len(group) > 1 else name for name, group in zip(names, groups, strict=True)
    ]
