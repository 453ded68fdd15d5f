"""Contests: records of the same task and fingerprint with their per-query values, ready to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import DataError, RecordError
from harness.scoring.per_query import PerQuery
from harness.scoring.record import Record, read_record
from leaderboard.entries import Entry
from leaderboard.repeats import mean_measures, mean_values, repeats

Group = list[Entry]
"""The repeats that are one side of a comparison; without ``over_seeds`` one record."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """One side of a comparison.

    Attributes:
        name: of the method; with its seed or its place where two have the same, and with the number of its seeds.
        record: its first record.
        measures: its values, over the queries that are compared.
        values: its per-query values, of the queries that are compared.
    """

    name: str
    record: Record
    measures: Mapping[str, float]
    values: PerQuery


@dataclass(frozen=True, eq=False)
class Contest:
    """All that answered one task."""

    task: str
    contestants: tuple[Contestant, ...]


def contests(
    paths: Sequence[Path],
    task: str | None = None,
    *,
    over_seeds: bool = False,
    vehicles: Collection[int] | None = None,
) -> tuple[Contest, ...]:
    """Return the tasks that all paths have a record of, sorted by name.

    Args:
        paths: record files, or folders of runs.
        task: ``protocol/task``, or None for all.
        over_seeds: whether runs that differ in their seed alone are one contestant, the mean over them; a folder may
            then hold any number of runs, and a task needs two contestants.
        vehicles: only queries of these; None for all.

    Raises:
        RecordError: no task is common to all, the same task was asked of different images or by another rule, or no
            query is of one of the vehicles.
    """
    met = _joined(paths, task) if over_seeds else _sides(paths, task)
    return tuple(_contest(name, groups, vehicles) for name, groups in met)


def read_vehicles(path: Path) -> frozenset[int]:
    """Return the vehicles whose numbers stand in a text file, apart by spaces and line ends.

    Raises:
        DataError: the file cannot be read, is empty, or holds anything else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the list of vehicles cannot be read", where=path, found=error) from error
    for number, line in enumerate(lines, 1):
        if any(not (word.isdecimal() and len(word) < 19) for word in line.split()):
            raise DataError(
                "the list of vehicles holds something else",
                where=f"{path}, line {number}",
                found=line.strip()[:80],
                expected="numbers of vehicles, apart by spaces",
            )
    found = frozenset(int(word) for line in lines for word in line.split())
    if not found:
        raise DataError("the list of vehicles is empty", where=path)
    return found


def _sides(paths: Sequence[Path], task: str | None) -> list[tuple[str, list[Group]]]:
    """Return who meets whom in each task that every path has a record of."""
    sides = [_records(path) for path in paths]
    common = sorted({name for name in sides[0] if all(name in side for side in sides)})
    wanted = [name for name in common if task in (None, name)]
    if not wanted:
        raise RecordError(
            "there is no task that all of them answer" if task is None else f"not all of them answer {task}",
            found="; ".join(f"{path}: {', '.join(sorted(side))}" for path, side in zip(paths, sides, strict=True)),
        )
    return [
        (name, [[entry] for entry in entries])
        for name in wanted
        for entries in _alike(name, [side[name] for side in sides])
    ]


def _joined(paths: Sequence[Path], task: str | None) -> list[tuple[str, list[Group]]]:
    """Return the groups of repeats that meet in each task, as they were named; re-ranked ones among themselves."""
    tasks: dict[tuple[str, str], list[Entry]] = {}
    named = {entry.record.run: entry for path in paths for entry in _entries(path)}  # once, however often it is named
    place = {run: number for number, run in enumerate(named)}
    for entry in named.values():
        tasks.setdefault((entry.record.name, str(entry.record.rerank or "")), []).append(entry)
    groups = [
        (name, sorted(repeats(entries), key=lambda group: min(place[entry.record.run] for entry in group)))
        for (name, _), entries in sorted(tasks.items())
        if task in (None, name)
    ]
    met = [(name, found) for name, found in groups if len(found) > 1]
    if not met:
        raise RecordError(
            "there is no task that two of them answer" if task is None else f"no two of them answer {task}",
            found=", ".join(sorted({name for name, _ in tasks})),
            next_step="name the runs of two methods; runs that differ in their seed alone are one of them",
        )
    return met


def _alike(task: str, sides: Sequence[Mapping[str, Entry]]) -> list[list[Entry]]:
    """Return who meets whom: the one record of every side, else all that carry the same mark of a re-ranking."""
    if all(len(side) == 1 for side in sides):
        return [[entry for side in sides for entry in side.values()]]
    alike = [[side[mark] for side in sides] for mark in sorted(sides[0]) if all(mark in side for side in sides)]
    if not alike:
        raise RecordError(
            f"the results of {task} are not re-ranked alike",
            found="; ".join(", ".join(mark or "not re-ranked" for mark in sorted(side)) for side in sides),
            next_step="name the record files to be compared",
        )
    return alike


def _entries(path: Path) -> list[Entry]:
    """Return the record of a file, or those below a folder.

    Raises:
        RecordError: the folder has none.
    """
    files = sorted(path.rglob("record-*.json")) if path.is_dir() else [path]
    if not files:
        raise RecordError("the folder has no record", where=path, expected="files named record-*.json")
    return [Entry(read_record(file), file) for file in files]


def _records(path: Path) -> dict[str, dict[str, Entry]]:
    """Return the records of a file or folder by task, and by the mark of a re-ranking."""
    entries: dict[str, dict[str, Entry]] = {}
    for entry in _entries(path):
        first = entries.setdefault(entry.record.name, {}).setdefault(str(entry.record.rerank or ""), entry)
        if first is not entry:
            raise RecordError(
                "the folder has two records of one task",
                where=first.path,
                found=entry.path,
                next_step="name one of the two files; runs that differ in their seed alone are joined by --over-seeds",
            )
    return entries


def _contest(task: str, groups: Sequence[Group], vehicles: Collection[int] | None) -> Contest:
    entries = [entry for group in groups for entry in group]
    first = entries[0].record
    for entry in entries:
        if entry.record.fingerprint != first.fingerprint:
            raise RecordError(
                f"two results of {task} cannot be compared: they have different fingerprints",
                where=f"{entries[0].path} and {entry.path}",
                found=f"{first.fingerprint[:16]} and {entry.record.fingerprint[:16]}",
                next_step="score both on the same data set with the same version of the protocol",
            )
    sides = [_contestant(name, group, vehicles) for name, group in zip(_names(groups), groups, strict=True)]
    asked = len(sides[0].values)
    part = f", {asked} of {first.queries} queries" if vehicles is not None else ""
    return Contest(task + part, tuple(sides))


def _contestant(name: str, group: Group, vehicles: Collection[int] | None) -> Contestant:
    values, measures = mean_values(group), mean_measures(group)
    if vehicles is not None:
        values = _of_vehicles(values, vehicles, name)
        measures = {measure: float(np.nanmean(column)) for measure, column in values.values.items()}
    return Contestant(name, group[0].record, measures, values)


def _of_vehicles(values: PerQuery, vehicles: Collection[int], name: str) -> PerQuery:
    """Return the rows of queries of some vehicles.

    Raises:
        RecordError: there is none.
    """
    rows = np.flatnonzero(np.isin(values.vehicle, list(vehicles)))
    if not len(rows):
        raise RecordError(
            f"no query of {name} is of one of the vehicles listed",
            found=f"queries of {len(np.unique(values.vehicle))} vehicles, the first {int(values.vehicle[0])}",
        )
    columns = {measure: column[rows] for measure, column in values.values.items()}
    return PerQuery(tuple(values.keys[row] for row in rows), values.vehicle[rows], columns)


def _names(groups: Sequence[Group]) -> list[str]:
    """Return a name for each, with the number of its seeds; told apart by the seed, else by the run's digest."""
    names = [group[0].record.method_name for group in groups]
    for tail in (lambda record: f"seed {record.seed}", lambda record: record.run[:8]):
        counts = Counter(names)
        names = [
            f"{name} ({tail(group[0].record)})" if counts[name] > 1 and len(group) == 1 else name
            for name, group in zip(names, groups, strict=True)
        ]
    return [
        f"{name} ({len(group)} seeds)" if len(group) > 1 else name for name, group in zip(names, groups, strict=True)
    ]
