"""The records that a leaderboard is made of: found, read, and each run counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery, read_per_query
from harness.scoring.record import Record, read_record

SHIPPED = Path(__file__).parent / "records"
"""The records that come with the package."""


@dataclass(frozen=True)
class Entry:
    """A record and the file that it was read from."""

    record: Record
    path: Path


def collect(records: Iterable[Path], runs: Iterable[Path] = ()) -> tuple[Entry, ...]:
    """Return the records of some folders, each run once, sorted by what they say and not by where they lie.

    Two files with the same run and the same digits are one entry, whichever is named first; what they may differ in
    is provenance. Two files with the same run and other digits cannot both be right.

    Args:
        records: folders of records; every JSON file below them is one.
        runs: folders of runs; a run names its records ``record-TASK.json``.

    Raises:
        RecordError: a folder is missing, a file is no record, or two records of one run contradict each other.
    """
    entries: dict[str, Entry] = {}
    for path in [*_files(records, "**/*.json"), *_files(runs, "**/record-*.json")]:
        entry = Entry(read_record(path), path)
        first = entries.setdefault(entry.record.run, entry)
        if _digits(first.record) != _digits(entry.record):
            raise RecordError(
                "two records of the same run contradict each other",
                where=first.path,
                found=path,
                next_step="score the features once more and keep the record that agrees",
            )
    return tuple(sorted(entries.values(), key=lambda entry: (entry.record.name, entry.record.run)))


def _digits(record: Record) -> object:
    return record.measures, record.per_draw, record.ignored_queries, record.ties


def _files(folders: Iterable[Path], pattern: str) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise RecordError("the folder of records is missing", where=folder)
        yield from sorted(folder.glob(pattern))


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
