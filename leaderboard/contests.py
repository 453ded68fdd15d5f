"""Contests: records of the same task and fingerprint with their per-query values, ready to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RecordError
from harness.per_query import PerQuery, read_per_query
from harness.record import Record, read_record
from leaderboard.entries import Entry


@dataclass(frozen=True, eq=False)
class Contestant:
    """One side of a comparison.

    Attributes:
        name: of the method; with its seed or its place where two have the same.
        record: its record.
        values: its per-query values.
    """

    name: str
    record: Record
    values: PerQuery


@dataclass(frozen=True, eq=False)
class Contest:
    """All that answered one task."""

    task: str
    contestants: tuple[Contestant, ...]


def values_of(entry: Entry) -> PerQuery:
    """Return the per-query values that lie beside a record.

    Raises:
        RecordError: the record names none, or the file is missing, damaged or another's.
    """
    about = entry.record.per_query
    if about is None:
        raise RecordError("the record has no per-query values", where=entry.path)
    values = read_per_query(entry.path.parent / about.name, expected=about.digest)
    if len(values) != entry.record.queries:
        raise RecordError("the per-query values are not of all queries", where=entry.path.parent / about.name)
    return values


def contests(paths: Sequence[Path], task: str | None = None) -> tuple[Contest, ...]:
    """Return the tasks that all paths have a record of, sorted by name.

    Args:
        paths: record files, or folders of runs.
        task: ``protocol/task``, or None for all.

    Raises:
        RecordError: no task is common to all, or the same task was asked of different images or by another rule.
    """
    sides = [_records(path) for path in paths]
    common = sorted({name for name in sides[0] if all(name in side for side in sides)})
    wanted = [name for name in common if task in (None, name)]
    if not wanted:
        raise RecordError(
            "there is no task that all of them answer" if task is None else f"not all of them answer {task}",
            found="; ".join(f"{path}: {', '.join(sorted(side))}" for path, side in zip(paths, sides, strict=True)),
        )
    return tuple(_contest(name, entries) for name in wanted for entries in _alike(name, [side[name] for side in sides]))


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


def _records(path: Path) -> dict[str, dict[str, Entry]]:
    """Return the records of a file or folder by task, and by the mark of a re-ranking."""
    files = sorted(path.rglob("record-*.json")) if path.is_dir() else [path]
    entries: dict[str, dict[str, Entry]] = {}
    for file in files:
        entry = Entry(read_record(file), file)
        first = entries.setdefault(entry.record.name, {}).setdefault(str(entry.record.rerank or ""), entry)
        if first is not entry:
            raise RecordError(
                "the folder has two records of one task",
                where=first.path,
                found=file,
                next_step="name one of the two files",
            )
    if not entries:
        raise RecordError("the folder has no record", where=path, expected="files named record-*.json")
    return entries


def _contest(task: str, entries: Sequence[Entry]) -> Contest:
    first = entries[0].record
    for entry in entries:
        if entry.record.fingerprint != first.fingerprint:
            raise RecordError(
                f"two results of {task} cannot be compared: they have different fingerprints",
                where=f"{entries[0].path} and {entry.path}",
                found=f"{first.fingerprint[:16]} and {entry.record.fingerprint[:16]}",
                next_step="score both on the same data set with the same version of the protocol",
            )
    names = _names(entries)
    return Contest(
        task,
        tuple(Contestant(name, entry.record, values_of(entry)) for name, entry in zip(names, entries, strict=True)),
    )


def _names(entries: Sequence[Entry]) -> list[str]:
    """Return a name for each, told apart by the seed, else by the run's digest."""
    names = [entry.record.method_name for entry in entries]
    for tail in (lambda record: f"seed {record.seed}", lambda record: record.run[:8]):
        counts = Counter(names)
        names = [
            f"{name} ({tail(entry.record)})" if counts[name] > 1 else name
            for name, entry in zip(names, entries, strict=True)
        ]
    return names
