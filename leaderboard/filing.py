"""Filing a record: where it lies among the project's records, and what is left out of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery, write_per_query
from harness.scoring.record import Record, write_record
from leaderboard.entries import Entry, collect


def slug(name: str) -> str:
    """Return a name as part of a path: lower-case letters, digits and hyphens, at most 60."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "x"


def place(record: Record, folder: Path) -> Path:
    """Return where a record is filed: a folder of its own by protocol, method and run."""
    own = f"{slug(record.method_name)}-{record.run[:12]}"
    return folder / slug(record.protocol) / own / f"record-{slug(record.name)}.json"


def file_record(entry: Entry, values: PerQuery, folder: Path) -> Path:
    """File a record with its per-query values, and return its path.

    The names of the query images are left out: most data sets may not be passed on, lists of names included.

    Args:
        entry: checked before.
        values: its per-query values.
        folder: of all filed records.

    Raises:
        RecordError: the same run is filed with other digits.
        RunError: the folder cannot be written.
    """
    path = place(entry.record, folder)
    for filed in collect([folder]):
        if filed.record.run == entry.record.run and filed.record.measures != entry.record.measures:
            raise RecordError(
                "the same run is filed with other digits",
                where=filed.path,
                found=entry.path,
                next_step="run 'bench verify' with the features to see which of the two holds",
            )
    if entry.record.per_query is None:
        raise RecordError("the record has no per-query values", where=entry.path)
    write_per_query(path.parent / entry.record.per_query.name, replace(values, keys=("",) * len(values)))
    write_record(path, entry.record)
    return path
