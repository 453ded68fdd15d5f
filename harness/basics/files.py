"""Nothing half-written: files appear complete or not at all, and folders of failed work are removed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, overload

from harness.errors import RunError, UsageError


@overload
def replace_file(path: str | Path, mode: Literal["w"] = "w") -> AbstractContextManager[IO[str]]: ...


@overload
def replace_file(path: str | Path, mode: Literal["wb"]) -> AbstractContextManager[IO[bytes]]: ...


@contextmanager
def replace_file(path: str | Path, mode: Literal["w", "wb"] = "w") -> Iterator[IO[Any]]:
    r"""Yield a temporary file that replaces ``path`` in one step when the block ends.

    It is written in the same folder, created if necessary, and removed if the block raises. Text is UTF-8 with ``\n``.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    text: dict[str, str] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode, **text) as file:  # type: ignore[call-overload]  # the mode is a variable
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as problem:
        if problem.filename not in (None, *map(str, (temporary, path, path.parent))):
            raise  # the block failed on another file, which the message would not name
        raise cannot_write(path, problem) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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
