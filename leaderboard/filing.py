"""Filing a record among the project's records, without the names of its query images."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness.basics.digests import digest
from harness.basics.locks import in_turn
from harness.basics.names import usable
from harness.errors import RecordError
from harness.scoring.pairs import write_pair
from harness.scoring.per_query import PerQuery
from harness.scoring.record import Record
from leaderboard.record_files import RecordFile, collect, contradict

USUAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:/[a-z0-9]+(?:-[a-z0-9]+)*)?(?: \([a-z ]+ not stated\))?")
"""Names of tasks, and of collections of numbers whose rule or test set nobody states."""


def slug(name: str) -> str:
    """Return a name as part of a path on any system: lower-case letters, digits and hyphens, at most 62."""
    return usable(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "x")


def address(name: str) -> str:
    """Return the name of a task as part of an address or of a file's name: different tasks, different addresses.

    A protocol with a hyphen is parted from its task by two. A name that no task of ours can have ends in a digest.

    Example:
        >>> address("veri776/image-to-image"), address("fleet/night-main"), address("fleet-night/main")
        ('veri776-image-to-image', 'fleet-night-main', 'fleet-night--main')
    """
    found = USUAL.fullmatch(name)
    if found is None or len(name) > 60 or name.endswith("-not-stated"):
        return f"{slug(name)}-{digest(name)[:8]}"
    protocol, _, rest = name.partition("/")
    return f"{protocol}--{slug(rest)}" if "-" in protocol and rest else slug(name)


def filed_path(record: Record, folder: Path) -> Path:
    """Return the path of a filed record: a folder of its own by protocol, method and run."""
    own = f"{slug(record.method_name)}-{record.run[:12]}"
    return folder / slug(record.protocol) / own / f"record-{slug(record.name)}.json"


class Filed(NamedTuple):
    """The path of a record that was filed, and the files of records that it took the place of."""

    path: Path
    replaced: tuple[Path, ...] = ()


def file_record(file: RecordFile, values: PerQuery, folder: Path, *, confirmed: bool = False) -> Filed:
    """File a record with its per-query values; others who file into the folder wait.

    The names of the query images are left out: most data sets may not be redistributed, lists of names included.

    Args:
        file: the record.
        values: its per-query values.
        folder: the folder of filed records.
        confirmed: whether its features give its digits, so that a filed record of the same run with others is wrong,
            and is replaced.

    Raises:
        RecordError: the same run is filed with other digits, and nobody knows which are right; another run has taken
            the path.
        RunError: the folder cannot be written.
    """
    if file.record.per_query is None:
        raise RecordError("the record has no per-query values", where=file.path)
    path = filed_path(file.record, folder)
    with in_turn(folder):
        filed = collect([folder])
        wrong = [one for one in filed if one.record.run == file.record.run and contradict(one.record, file.record)]
        if wrong and not confirmed:
            raise RecordError(
                "the same run is already filed with other digits",
                where=wrong[0].path,
                found=file.path,
                next_step="give its features with --features FILE; if they give the digits of this record, it takes "
                "the place of the filed one",
            )
        for one in filed:
            if one.path.resolve() == path.resolve() and one.record.run != file.record.run:
                raise RecordError("another run is filed under the same path", where=path, found=one.record.run)
        for one in wrong:
            about = one.record.per_query
            one.path.unlink()
            if about is not None:
                (one.path.parent / about.name).unlink(missing_ok=True)
        write_pair(path, file.record, replace(values, keys=("",) * len(values)))
    return Filed(path, tuple(one.path for one in wrong))
