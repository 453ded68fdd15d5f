"""Nothing half-written: files appear complete or not at all, and folders of failed work are removed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, Literal, overload

from harness.basics.leftovers import own_file, own_folder
from harness.errors import DataError, RunError, UsageError


@overload
def replace_file(path: str | Path, mode: Literal["w"] = "w") -> AbstractContextManager[IO[str]]: ...


@overload
def replace_file(path: str | Path, mode: Literal["wb"]) -> AbstractContextManager[IO[bytes]]: ...


@contextmanager
def replace_file(path: str | Path, mode: Literal["w", "wb"] = "w") -> Iterator[IO[Any]]:
    r"""Yield a temporary file that replaces ``path`` in one step when the block ends.

    It is written in the same folder, created if necessary, and removed if the block raises; if the process is killed,
    the next one that writes into the folder removes it. Text is UTF-8 with ``\n``.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    text: dict[str, str] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    temporary = None
    try:
        with own_file(path) as temporary:
            with temporary.open(mode, **text) as file:  # type: ignore[call-overload]  # the mode is a variable
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as problem:
        if problem.filename not in (None, *map(str, (temporary, path, path.parent))):
            raise  # the block failed on another file, which the message would not name
        raise cannot_write(path, problem) from None


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of ``out`` when the block ends, and is removed if the block fails.

    Raises:
        DataError: ``out`` is not empty.
        RunError: the disk is full, or the folder cannot be written.
    """
    _refuse_filled(out)
    try:
        with own_folder(out) as part:
            yield part
            if out.is_dir():
                out.rmdir()
            part.replace(out)
    except OSError as problem:
        if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process has just filled it
            _refuse_filled(out)
        raise cannot_write(out, problem) from None


def _refuse_filled(out: Path) -> None:
    if (out.exists() or out.is_symlink()) and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            "the folder to write into is not empty",
            where=out,
            expected="an empty folder or a new one",
            next_step="name another folder, or delete this one",
        )


def refuse_existing(*paths: Path, force: bool) -> None:
    """Raise a UsageError if one of the files that a command is to write exists, unless it may be replaced.

    A command calls it before it begins. The files of runs are resumed instead, and those of records named by their
    content.
    """
    for path in paths:
        if not force and path.exists():
            raise UsageError(
                "the file exists already", where=path, next_step="name another file, or replace this one with --force"
            )


@contextmanager
def removed_unless(folder: Path, names: Collection[str]) -> Iterator[None]:
    """Remove a folder if the block fails and leaves none of the named files, from which a later call could resume."""
    try:
        yield
    except BaseException:
        if not any(path.name in names for path in folder.rglob("*")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def cannot_write(path: Path, problem: OSError) -> RunError:
    """Return the error for a file that cannot be written."""
    return RunError(
        "the file could not be written",
        where=path,
        found=problem.strerror or str(problem),
        next_step="free some space or name another folder; an existing file was left unchanged",
    )
