"""Writing a record and its per-query values, so that the two fit each other at every moment."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from harness.basics.locks import in_turn
from harness.errors import RecordError
from harness.scoring.fields import PerQueryFile
from harness.scoring.per_query import PerQuery, write_per_query
from harness.scoring.record import Record, read_record, write_record

ENDING = ".csv.gz"


def write_pair(path: Path, record: Record, table: PerQuery) -> Record:
    """Write a record and its per-query values beside it, in turn with other processes, and return the record.

    If other values of the same name stand there, which the record before refers to, the new ones get a name with their
    digest, and the ones before are removed last: a process that is killed in between leaves one pair that is whole.

    Raises:
        RunError: the folder cannot be written.
    """
    folder, about = path.parent, record.per_query
    if about is None:
        raise RecordError("the record has no per-query values", where=path)
    with in_turn(folder):
        before = _before(path)
        if before is not None and before.name == about.name and before.digest != about.digest:
            other = f"{about.name.removesuffix(ENDING)}-{about.digest[:12]}{ENDING}"
            record = record.model_copy(update={"per_query": about.model_copy(update={"name": other})})
        name = (record.per_query or about).name
        write_per_query(folder / name, table)
        write_record(path, record)
        _remove_others(folder, about.name.removesuffix(ENDING), name)
    return record


def _remove_others(folder: Path, stem: str, kept: str) -> None:
    """Remove per-query values that no record refers to any more."""
    names = re.compile(f"{re.escape(stem)}(-[0-9a-f]{{12}})?{re.escape(ENDING)}")
    for path in folder.iterdir():
        if path.name != kept and names.fullmatch(path.name):
            with suppress(OSError):
                path.unlink()


def _before(path: Path) -> PerQueryFile | None:
    try:
        return read_record(path).per_query
    except RecordError:  # there is none, or it is replaced because it is damaged
        return None
