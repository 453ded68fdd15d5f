"""Nothing half-written: files appear complete or not at all, and folders of failed work are removed."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, Literal, overload

from harness.basics.leftovers import own_file, own_folder
from harness.errors import DataError, RunError, UsageError

FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""What a system answers if there is no room for a file: the disk, a quota or a limit of the process is full."""

FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""What a system answers if a place may only be read."""

UNWRITABLE = FULL | FORBIDDEN | {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EIO}
"""What a system answers if a file cannot be written."""

WAITS = os.name == "nt"
"""Whether this system refuses to replace a file that another process has open."""

PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Seconds between the tries to replace such a file."""


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
                _keep(file)
            take_place(temporary, path)
    except OSError as problem:
        if problem.filename not in (None, *map(str, (temporary, path, *path.parents))):
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


def _keep(file: IO[Any]) -> None:
    """Wait until a file's content is on the disk, where the drive can tell."""
    try:
        os.fsync(file.fileno())
    except OSError as problem:
        if problem.errno in UNWRITABLE:
            raise


def take_place(temporary: Path, path: Path) -> None:
    """Move a file to the place of another in one step.

    Raises:
        OSError: it cannot be moved; on Windows, where an open file keeps its place, only after a second and a half.
    """
    for pause in PAUSES if WAITS else ():
        try:
            temporary.replace(path)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    temporary.replace(path)


def reserve(file: IO[bytes], size: int) -> None:
    """Reserve disk space for an open file, so that a full disk is found before anything is computed.

    macOS and Windows cannot do so, and some network drives refuse: there the free bytes are counted.

    Args:
        file: the file, by its name.
        size: bytes.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as problem:
            if problem.errno in FULL:
                raise
        else:
            return
    free = free_bytes(Path(file.name))
    if free is not None and free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)


def free_bytes(path: Path) -> int | None:
    """Return how many bytes are free where a path is or would be, or None if the system does not say."""
    there = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free
    except OSError:
        return None


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


def cannot_write(path: Path, problem: OSError, *, needed: int | None = None) -> RunError:
    """Return the error for a file or folder that cannot be written; ``needed`` are its bytes, if they are known."""
    found, step = problem.strerror or str(problem), "name a folder that can be written"
    if problem.errno in FULL or problem.errno is None:
        step = "free some space or name another folder"
        free = None if problem.errno is None else free_bytes(path)
        found += "" if free is None else f": {free:,} bytes are free in {path.parent}"
        found += "" if needed is None else f"{',' if free is not None else ':'} {needed:,} are needed"
    elif problem.errno == errno.ENAMETOOLONG:
        step = "give a shorter name, or a folder with a shorter path"
    if path.is_dir():
        return RunError("the folder could not be written", where=path, found=found, next_step=step)
    return RunError(
        "the file could not be written",
        where=path,
        found=found,
        next_step=f"{step}; an existing file was left unchanged",
    )
