"""Reading files that a stranger may have made: regular ones only, no more than a limit, and nothing nested deeply.

A name can be linked to a device that never ends or to a pipe that never begins. A short text can hold thousands of
brackets, on which parsers and whatever walks over their answer run out of stack, and numbers of thousands of digits.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.basics.plain_json import DEEPEST
from harness.errors import BenchError, DataError, UsageError, in_one_line

LARGEST_INTEGER = 1 << 63
"""Integers from a file are smaller than this, as those of nearly all programs."""

TOO_LONG = "it holds an integer of more than 64 bits"

KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def read_whole(
    path: Path, most: int, kind: str, *, error: type[BenchError] = DataError, next_step: str | None = None
) -> bytes:
    """Return the bytes of a regular file.

    Args:
        path: the file.
        most: the most bytes that it may have; a larger one is not read.
        kind: what it is, with its article, for messages: ``the table``.
        error: the class of the error.
        next_step: what to do if it is missing or cannot be read, for messages.

    Raises:
        BenchError: of that class: the file is missing, no regular file, too large, or cannot be read.
    """
    try:
        # A pipe that nobody writes to would be waited for without end.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise irregular(path, kind, about.st_mode, error)
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = b"" if about.st_size > most else file.read(about.st_size + 1)
                if len(content) > about.st_size:  # it grows, or its system does not know its size
                    content += file.read(most + 1 - len(content))
            if max(about.st_size, len(content)) > most:
                raise too_large(path, kind, max(about.st_size, len(content)), most, error)
            return content
        finally:
            os.close(handle)
    except (OSError, ValueError) as problem:  # ValueError: a name that no file can have
        raise _unreadable(path, kind, problem, error, next_step) from None


def check_regular(path: Path, kind: str, *, error: type[BenchError] = DataError, next_step: str | None = None) -> int:
    """Return the size in bytes of a regular file that a library is to open.

    Raises:
        BenchError: of that class: the file is missing, no regular file, or cannot be looked at.
    """
    try:
        about = path.stat()
    except (OSError, ValueError) as problem:
        raise _unreadable(path, kind, problem, error, next_step) from None
    if not stat.S_ISREG(about.st_mode):
        raise irregular(path, kind, about.st_mode, error)
    return about.st_size


def irregular(path: Path, kind: str, mode: int, error: type[BenchError]) -> BenchError:
    """Return the error for something that is no regular file."""
    found = next((name for is_one, name in KINDS if is_one(mode)), "something else")
    return error(f"{kind} is no regular file", where=path, found=found, expected="a file on disk")


def too_large(path: Path, kind: str, size: int, most: int, error: type[BenchError]) -> BenchError:
    """Return the error for a file that is not read because of its size."""
    return error(f"{kind} is too large", where=path, found=f"{size:,} bytes", expected=f"at most {most:,} bytes")


def _unreadable(
    path: Path, kind: str, problem: OSError | ValueError, error: type[BenchError], next_step: str | None
) -> BenchError:
    missing = isinstance(problem, FileNotFoundError)
    why = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return error(
        f"{kind} is missing" if missing else f"{kind} cannot be read",
        where=path,
        found=None if missing else why,
        next_step=next_step,
    )


def read_toml(path: Path, most: int, kind: str) -> tuple[dict[str, Any], list[str]]:
    """Return what a user's TOML file says, and its lines for messages.

    Args:
        path: the file.
        most: the most bytes that it may have.
        kind: what it is, with its article, for messages: ``the sweep's file``.

    Raises:
        UsageError: the file is missing, no regular file, too large, cannot be read, or is not TOML.
    """
    raw = read_whole(path, most, kind, error=UsageError)
    try:
        text = raw.decode("utf-8-sig")
        return plain_toml(text), text.splitlines()
    except ValueError as problem:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise UsageError(f"{kind} is not valid TOML", where=path, found=in_one_line(problem)) from None


def plain_toml(text: str) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises:
        ValueError: it is not TOML, is nested too deeply, or has a number or a text that is refused as odd.
    """
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as problem:
        if "integer string conversion" in str(problem):  # of more than 4,300 digits
            raise ValueError(TOO_LONG) from None
        raise
    refuse_odd(found)
    return found


def refuse_odd(found: object) -> None:
    """Refuse values on which later code would fail, without a recursion of its own.

    Args:
        found: made of lists, mappings, texts, numbers and what else a parser of TOML returns.

    Raises:
        ValueError: it is nested more than ``DEEPEST`` levels, or holds an integer of more than 64 bits.
    """
    waiting: list[tuple[object, int]] = [(found, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} levels deep")
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            waiting.extend((part, depth + 1) for part in parts)
        elif isinstance(value, int) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
            raise ValueError(TOO_LONG)
