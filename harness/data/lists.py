"""Reading the data sets' list files: numbered lines, and one error that names every unusable line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from harness.data.images import ImageTable, IntArray
from harness.errors import DataError, first_of

MAX_BYTES = 256 << 20
"""A list of more bytes is refused; VERI-Wild's largest has 20 million."""

SHOWN = 10
"""Lines that an error shows; it counts the rest."""

WIDTH = 80
"""Characters that an error shows of one line."""


Row = tuple[int, tuple[str, ...]]
"""One line that fits its pattern: its number in the file, from 1, and the pattern's groups."""


class Problems:
    """The lines that cannot be used, kept until all lists are read.

    Args:
        root: the data set's folder; lists are named relative to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: list[str] = []

    def add(self, path: Path, line: int, what: str) -> None:
        """Keep one line and what is wrong with it."""
        name = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        self.found.append(f"{name.as_posix()}:{line}: {what}")

    def check(self) -> None:
        """Raise for all lines kept so far.

        Raises:
            DataError: there are some; up to ten are shown and the rest counted.
        """
        if not self.found:
            return
        shown = self.found[:SHOWN]
        if len(self.found) > SHOWN:
            shown.append(f"and {len(self.found) - SHOWN} more")
        one = len(self.found) == 1
        raise DataError(
            f"{len(self.found)} line{'' if one else 's'} of the lists cannot be used",
            where=self.root,
            found="".join(f"\n    {line}" for line in shown),
            next_step="restore the released lists; the harness reads them untouched",
        )


def release_folder(root: Path, names: Iterable[str]) -> Path:
    """Return the folder that holds one of the files: the root, or the one folder below it that does.

    Raises:
        DataError: there is none, or there are several.
    """
    wanted = tuple(names)
    if any((root / name).is_file() for name in wanted):
        return root
    try:
        below = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as problem:
        raise DataError("the data set's folder cannot be read", where=root, found=problem.strerror) from None
    holding = [path for path in below if any((path / name).is_file() for name in wanted)]
    if len(holding) == 1:
        return holding[0]
    raise DataError(
        "several folders hold the data set's lists" if holding else "the data set's lists are not here",
        where=root,
        found=first_of(path.name for path in holding) if holding else None,
        expected=" or ".join(wanted),
        next_step="name the folder that holds them",
    )


def read_bytes(path: Path) -> bytes:
    """Return a list's or label file's bytes.

    Raises:
        DataError: it is missing, cannot be read, or is too large to be one.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError("the file is too large to be a list", where=path, expected=f"up to {MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as problem:
        missing = isinstance(problem, FileNotFoundError)
        raise DataError(
            "the list is missing" if missing else "the list cannot be read",
            where=path,
            found=None if missing else problem.strerror,
            next_step="copy it from the data set's release",
        ) from None


def read_lines(path: Path) -> list[str]:
    r"""Return a list's lines without their ends and trailing blanks; line ``n`` is item ``n - 1``.

    Lines end with ``\n``, ``\r\n`` or ``\r``. Bytes that are not UTF-8 become the replacement character.

    Raises:
        DataError: as ``read_bytes``, or no line holds anything.
    """
    text = read_bytes(path).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = [line.rstrip(" \t\x0b\x0c\x00") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    if not lines[-1]:
        lines.pop()
    if not any(lines):
        raise DataError("the list is empty", where=path, next_step="copy it from the data set's release")
    return lines


def parse(path: Path, pattern: re.Pattern[str], expected: str, problems: Problems) -> list[Row]:
    """Return the lines of a list that fit a pattern as a whole.

    Blank lines are passed over; others that do not fit are kept as problems.

    Args:
        path: of the list.
        pattern: its groups are the row's fields.
        expected: a line that fits, for the message.
        problems: receives the lines that do not fit.
    """
    rows: list[Row] = []
    for number, text in enumerate(read_lines(path), 1):
        match = pattern.fullmatch(text)
        if match is not None:
            rows.append((number, match.groups()))
        elif text:
            problems.add(path, number, misfit(text, expected))
    return rows


def misfit(text: str, expected: str) -> str:
    """Return what is wrong with a line that does not fit."""
    shown = quote(text)
    if any(leads_out(token) for token in text.split()):
        return f"{shown} is no path inside the data set's folder"
    return f"{shown} is not like '{expected}'"


def quote(text: str) -> str:
    """Return a line's text in quotes, without control characters and no longer than ``WIDTH``."""
    return repr(text if len(text) <= WIDTH else text[: WIDTH - 3] + "...")


def leads_out(key: str) -> bool:
    """Say whether a path could, on any system, name something outside the folder it is relative to."""
    return (
        "\\" in key
        or ":" in key
        or any(ord(character) < 32 for character in key)
        or any(part in ("", ".", "..") for part in key.split("/"))
    )


def refuse_duplicates(path: Path, rows: Sequence[Row], field: int, problems: Problems) -> None:
    """Keep every row as a problem whose field stood in an earlier row."""
    first: dict[str, int] = {}
    for line, fields in rows:
        before = first.setdefault(fields[field], line)
        if before != line:
            problems.add(path, line, f"{quote(fields[field])} stands in line {before} already")


def refuse_shared_vehicles(root: Path, train: IntArray, test: IntArray) -> None:
    """Refuse lists that test on a vehicle they train on.

    Raises:
        DataError: there is one.
    """
    shared = np.intersect1d(train, test)
    if len(shared):
        raise DataError(
            f"{len(shared)} vehicles are in the training and in the test lists",
            where=root,
            found=first_of(shared.tolist(), SHOWN),
            expected="none",
            next_step="restore the released lists",
        )


def refuse_shared_images(root: Path, one: str, first: ImageTable, other: str, second: ImageTable) -> None:
    """Refuse lists of two splits that name one image.

    Raises:
        DataError: there is one.
    """
    shared = sorted(set(first.paths) & set(second.paths))
    if shared:
        raise DataError(
            f"{len(shared)} images are in '{one}' and in '{other}'",
            where=root,
            found=first_of(shared, SHOWN),
            expected="none",
            next_step="restore the released lists",
        )


def numbers(values: Iterable[str]) -> IntArray:
    """Return decimal digits as (n,) int64."""
    return np.fromiter(map(int, values), dtype=np.int64)
