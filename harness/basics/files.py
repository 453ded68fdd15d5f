"""Nothing half-written: a file appears whole under its name, and a folder of failed work goes again."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, overload

from harness.errors import RunError


@overload
def replace_file(path: str | Path, mode: Literal["w"] = "w") -> AbstractContextManager[IO[str]]: ...


@overload
def replace_file(path: str | Path, mode: Literal["wb"]) -> AbstractContextManager[IO[bytes]]: ...


def replace_file(path: str | Path, mode: Literal["w", "wb"] = "w") -> AbstractContextManager[IO[Any]]:
    r"""Yield a file to write to; when the block ends it takes the place of ``path`` in one step.

    Until then it lies beside the old one; where the block raises it vanishes. Text is UTF-8 with ``\n``.

    Args:
        path: of the file; its folder is made if it is missing.
        mode: ``w`` for text, ``wb`` for bytes.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    return _replace(Path(path), mode)


@contextmanager
def gone_unless(folder: Path, names: Collection[str]) -> Iterator[None]:
    """Remove a folder where the block fails and left none of these files in it: there is nothing to go on from.

    Args:
        folder: that the block works in.
        names: of the files, anywhere below it, from which a later call goes on.
    """
    try:
        yield
    except BaseException:
        if not any(path.name in names for path in folder.rglob("*")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def cannot_write(path: Path, problem: OSError) -> RunError:
    """Return the error for a file that could not be written."""
    return RunError(
        "the file could not be written",
        where=path,
        found=problem.strerror or str(problem),
        next_step="free some space or name another folder; what stood there before is unharmed",
    )


@contextmanager
def _replace(path: Path, mode: str) -> Iterator[IO[Any]]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    text: dict[str, str] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode, **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as problem:
        if problem.filename not in (None, *map(str, (temporary, path, path.parent))):
            raise  # the block failed at another file, which the message would not name
        raise cannot_write(path, problem) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
