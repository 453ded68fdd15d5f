"""Which records can stand on a board together: those whose per-query values are of the same queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from harness.basics.digests import digest
from harness.errors import RecordError
from leaderboard.grouping import grouped
from leaderboard.record_files import LeftOut, RecordFile, name_left_out, values_of


def readable(files: Iterable[RecordFile], *, left_out: LeftOut = name_left_out) -> list[RecordFile]:
    """Return the records without those whose per-query values cannot be used; one may have none at all."""
    found = []
    for file in files:
        try:
            if file.record.per_query is not None:
                values_of(file)
        except RecordError as problem:
            left_out(file.path, problem)
        else:
            found.append(file)
    return found


def alike(files: Sequence[RecordFile], *, left_out: LeftOut = name_left_out) -> list[RecordFile]:
    """Return the records of one fingerprint without those that ask other queries than most do.

    A fingerprint decides the queries, so that a record with others is not what it says. Of equally many, those with the
    first record in order stay.
    """
    for key in (_counts, _queries, _draws):
        files = _most(files, key, left_out)
    return list(files)


def _most(
    files: Sequence[RecordFile], key: Callable[[RecordFile], object | None], left_out: LeftOut
) -> list[RecordFile]:
    """Return the largest group of files with one key, and those that have none."""
    groups = grouped((file for file in files if key(file) is not None), key)
    most = max(groups.values(), key=len, default=[])
    others = [file for group in groups.values() if group is not most for file in group]
    for file in others:
        problem = RecordError(
            "the record asks other queries than the others of its fingerprint",
            where=file.path,
            found=f"{file.record.queries} queries, {file.record.draws} draws",
            expected=f"the {most[0].record.queries} queries of {len(most)} other records",
            next_step="score its features once more",
        )
        left_out(file.path, problem)
    gone = set(map(id, others))
    return [file for file in files if id(file) not in gone]


def _counts(file: RecordFile) -> object:
    return file.record.queries, file.record.draws


def _queries(file: RecordFile) -> object | None:
    """Return the vehicles of the queries and which of these have a positive, or None if nobody knows."""
    if file.record.per_query is None:
        return None
    values = values_of(file)
    lacking = [np.flatnonzero(np.isnan(values.values[measure])).tolist() for measure in sorted(file.record.measures)]
    return digest([values.vehicle.tolist(), lacking])


def _draws(file: RecordFile) -> object | None:
    """Return how often each query was asked; None without draws, and for older records."""
    asked = None if file.record.per_query is None else values_of(file).asked
    return None if asked is None else digest(asked.tolist())
