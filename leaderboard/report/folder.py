"""A folder that appears complete or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.basics.files import cannot_write
from harness.basics.leftovers import own_folder, own_name
from harness.errors import UsageError


@contextmanager
def replace_folder(path: Path, marker: str, own: Collection[str]) -> Iterator[Path]:
    """Yield a temporary folder that replaces ``path`` when the block ends, and is removed if the block raises.

    Args:
        path: the folder; it may exist if it is empty or was written here before.
        marker: the file, with a text, by which a folder written before is known: ``index.html: some words``.
        own: the names of everything that such a folder holds; one with anything else is left alone.

    Raises:
        UsageError: the path is something else, which is left unchanged.
        RunError: the disk is full, or the folder cannot be written.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link that is to be replaced
    _refuse_others(path, marker, own)
    old = temporary = own_name(path, "old")
    try:
        with own_folder(path) as part:
            temporary = part
            yield temporary
            if path.exists():
                path.replace(old)
            temporary.replace(path)
    except OSError as problem:
        named = str(problem.filename or path)
        if named not in (str(path), str(old), str(path.parent)) and not named.startswith(str(temporary)):
            raise  # the block failed on another file, which the message would not name
        raise cannot_write(path, problem) from None
    finally:
        if path.exists():  # else the folder before is the only copy
            shutil.rmtree(old, ignore_errors=True)
        elif old.exists():
            old.replace(path)


def _refuse_others(path: Path, marker: str, own: Collection[str]) -> None:
    name, _, text = marker.partition(": ")
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UsageError("the output folder is a file or a link", where=path, next_step="give another one with --out")
    if not path.is_dir() or not any(path.iterdir()):
        return
    try:
        with (path / name).open(encoding="utf-8") as file:
            known = text in file.read(4096) and {entry.name for entry in path.iterdir()} <= set(own)
    except (OSError, UnicodeDecodeError):
        known = False
    if not known:
        raise UsageError(
            "the output folder holds something other than a report",
            where=path,
            expected="a new or empty folder, or an earlier report, which is replaced",
            next_step="give another one with --out DIR",
        )
