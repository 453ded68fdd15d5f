"""Filing a record among the project's records, without the names of its query images."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.basics.file_names import usable
from harness.errors import RecordError
from harness.scoring.per_query import PerQuery, write_per_query
from harness.scoring.record import Record, write_record
from leaderboard.record_files import RecordFile, collect, contradict


def slug(name: str) -> str:
    """Return a name as part of a path on any system: lower-case letters, digits and hyphens, at most 62."""
    return usable(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "x")


def filed_path(record: Record, folder: Path) -> Path:
    """Return the path of a filed record: a folder of its own by protocol, method and run."""
    own = f"{slug(record.method_name)}-{record.run[:12]}"
    return folder / slug(record.protocol) / own / f"record-{slug(record.name)}.json"


def file_record(file: RecordFile, values: PerQuery, folder: Path) -> Path:
    """File a record with its per-query values, and return its path.

    The names of the query images are left out: most data sets may not be redistributed, lists of names included.

    Raises:
        RecordError: the same run is filed with other digits.
        RunError: the folder cannot be written.
    """
    path = filed_path(file.record, folder)
    for filed in collect([folder]):
        if filed.record.run == file.record.run and contradict(filed.record, file.record):
            raise RecordError(
                "the same run is already filed with other digits",
                where=filed.path,
                found=file.path,
                next_step="run 'bench verify' with the features to see which of the two is right",
            )
    if file.record.per_query is None:
        raise RecordError("the record has no per-query values", where=file.path)
    write_per_query(path.parent / file.record.per_query.name, replace(values, keys=("",) * len(values)))
    write_record(path, file.record)
    return path
