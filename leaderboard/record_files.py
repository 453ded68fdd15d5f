"""Record files: found below folders, read, and each run counted once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from harness.errors import BenchError, RecordError
from harness.scoring.per_query import PerQuery, read_per_query
from harness.scoring.record import Record, read_record

log = logging.getLogger("bench")

SHIPPED = Path(__file__).parent / "records"
"""The records that come with the package."""


@dataclass(frozen=True)
class RecordFile:
    """A record and the file that it was read from.

    Attributes:
        record: the record.
        path: its file.
        names: names of other records of the same features, which count once.
    """

    record: Record
    path: Path
    names: tuple[str, ...] = ()

    @cached_property
    def values(self) -> PerQuery:
        """The per-query values, checked; see ``values_of``."""
        return _values_of(self)


LeftOut = Callable[[Path, RecordError], None]
"""What is told of a file that is left out, and why."""


def name_left_out(path: Path, problem: RecordError) -> None:
    """Name a record that is left out in a warning, with the reason."""
    log.warning("%s is left out: %s", path, in_one_row(path, problem))


def in_one_row(path: Path, problem: BenchError) -> str:
    """Return an error in one line behind the name of its file, which is not said again."""
    lines = map(str.strip, str(problem).splitlines())
    return "; ".join(line for line in lines if line != f"where: {path}")


def shipped_folders() -> list[Path]:
    """Return the folder of the shipped records, or an empty list if the installation has none."""
    return [SHIPPED] if SHIPPED.is_dir() else []


def collect(
    records: Iterable[Path], runs: Iterable[Path] = (), *, left_out: LeftOut = name_left_out
) -> tuple[RecordFile, ...]:
    """Return the records of some folders, each run once, sorted by their content and not by their path.

    Two files of the same run with the same digits count once, and the first is kept; they may differ in provenance.
    A file that is no record is left out, so that it takes no other down. So is one that contradicts the first record
    of its run, since both cannot be right.

    Args:
        records: folders of records; every JSON file below them is a record.
        runs: folders of runs, whose records are named ``record-TASK.json``.
        left_out: is told of each file that is left out; by default a warning names it.

    Raises:
        RecordError: a folder is missing.
    """
    files: dict[str, RecordFile] = {}
    for path in [*_paths(records, "**/*.json"), *_paths(runs, "**/record-*.json")]:
        try:
            file = RecordFile(read_record(path), path)
            first = files.setdefault(file.record.run, file)
            if contradict(first.record, file.record):
                raise RecordError(
                    "two records of the same run contradict each other",
                    where=path,
                    found=f"other digits than in {first.path}",
                    next_step="score the features once more and keep the record that agrees",
                )
        except RecordError as problem:
            left_out(path, problem)
    return tuple(sorted(files.values(), key=lambda file: (file.record.name, file.record.run)))


def contradict(one: Record, other: Record) -> bool:
    """Return whether two records of one run differ in a digit; only one may have a further measure."""
    shared = one.further.keys() & other.further.keys()
    return _digits(one, shared) != _digits(other, shared)


def _digits(record: Record, further: Collection[str]) -> object:
    added = {word: record.further[word] for word in further}
    return record.measures, record.per_draw, record.ignored_queries, record.ties, added


def _paths(folders: Iterable[Path], pattern: str) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise RecordError("the folder of records is missing", where=folder)
        yield from sorted(folder.glob(pattern))


def values_of(file: RecordFile) -> PerQuery:
    """Return the per-query values of a record.

    Raises:
        RecordError: the record names no file of them, or the file is missing, damaged or of another record; it lacks
            a measure of the record, has no value of it, or one that is no fraction of 1.
    """
    return file.values


def _values_of(file: RecordFile) -> PerQuery:
    about = file.record.per_query
    if about is None:
        raise RecordError("the record has no per-query values", where=file.path)
    values = read_per_query(file.path.parent / about.name, expected=about.digest)
    path, draws = file.path.parent / about.name, file.record.draws
    if len(values) != file.record.queries:
        raise RecordError("the per-query values do not cover all queries", where=path)
    if values.asked is not None and int(values.asked.max(initial=0)) > draws:
        raise RecordError(
            "a query was asked in more draws than there are", where=path, found=int(values.asked.max()), expected=draws
        )
    for measure in file.record.measures:
        _check_column(path, measure, values)
    return values


def _check_column(path: Path, measure: str, values: PerQuery) -> None:
    if measure not in values.values:
        raise RecordError(
            f"there are no per-query values of '{measure}'", where=path, found=", ".join(values.values) or "no measure"
        )
    column = values.values[measure]
    known = column[~np.isnan(column)]
    if not len(known):
        raise RecordError(f"no query has a value of '{measure}'", where=path)
    if known.min() < 0 or known.max() > 1:
        wrong = known.min() if known.min() < 0 else known.max()
        raise RecordError(
            f"a per-query value of '{measure}' is no fraction of 1", where=path, found=float(wrong), expected="0 to 1"
        )
