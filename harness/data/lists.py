"""Reading the list files of data sets: numbered lines, and one error that names every unusable line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.basics.reading import read_whole
from harness.data.encoding import to_utf8
from harness.data.images import ImageTable, IntArray
from harness.errors import DataError, first_of

MAX_BYTES = 256 << 20
"""Size limit of a list in bytes; VERI-Wild's largest has 20 million."""

RESTORE = "restore the released lists; the harness reads them unchanged"

SHOWN = 10
"""Number of lines shown in an error; the rest are counted."""

WIDTH = 80
"""Number of characters shown of one line in an error."""

LEADS_OUT = re.compile(r"[\\:\x00-\x1f]|(?:^|/)\.{0,2}(?:/|\Z)")
"""A drive, a backslash, a control character, or a part that is empty, ``.`` or ``..``."""

Row = tuple[int, tuple[str, ...]]
"""A line that matches its pattern: its number in the file, from 1, and the pattern's groups."""


class Problems:
    """Unusable lines, collected until all lists are read; ``source`` and ``next_step`` are words of the message."""

    def __init__(self, root: Path, source: str = "the lists", next_step: str = RESTORE) -> None:
        self.root = root
        self.source = source
        self.next_step = next_step
        self.found: list[str] = []

    def add(self, path: Path, line: int, what: str) -> None:
        """Record one line and the reason why it cannot be used."""
        name = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        self.found.append(f"{name.as_posix()}:{line}: {what}")

    def check(self) -> None:
        """Raise one DataError for all lines recorded so far, if any: up to ten are shown, the rest counted."""
        if not self.found:
            return
        shown = self.found[:SHOWN]
        if len(self.found) > SHOWN:
            shown.append(f"and {len(self.found) - SHOWN} more")
        one = len(self.found) == 1
        raise DataError(
            f"{len(self.found)} line{'' if one else 's'} of {self.source} cannot be used",
            where=self.root,
            found="".join(f"\n    {line}" for line in shown),
            next_step=self.next_step,
        )


def release_folder(root: Path, names: Iterable[str]) -> Path:
    """Return the folder that contains one of the files: the root or one of its direct subfolders.

    Raises:
        DataError: there is no such folder, or several.
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
        "several folders contain the data set's lists" if holding else "the data set's lists are not here",
        where=root,
        found=first_of(path.name for path in holding) if holding else None,
        expected=" or ".join(wanted),
        next_step="name the folder that contains them",
    )


def read_bytes(path: Path, kind: str = "list", next_step: str | None = "copy it from the data set's release") -> bytes:
    """Return the bytes of a list or label file, which messages call ``kind``.

    Raises:
        DataError: the file is missing, no regular file, unreadable or too large.
    """
    return read_whole(path, MAX_BYTES, f"the {kind}", next_step=next_step)


def read_lines(path: Path, kind: str = "list") -> list[str]:
    r"""Return the lines of a list without line ends and trailing blanks; line ``n`` is item ``n - 1``.

    Messages call it ``kind``.

    Lines end with ``\n``, ``\r\n`` or ``\r``.

    Raises:
        DataError: as ``read_bytes``, all lines are blank, or the text is not in UTF-8: two names that differ in bytes
            that cannot be read would become one.
    """
    step = "copy it from the data set's release" if kind == "list" else None
    lines = lines_of(to_utf8(path, read_bytes(path, kind, step), kind=kind).decode())
    if not any(lines):
        raise DataError(f"the {kind} is empty", where=path, next_step=step)
    return lines


def lines_of(text: str) -> list[str]:
    r"""Return the lines of a text without line ends, trailing blanks and the byte-order mark.

    Lines end with ``\n``, ``\r\n`` or ``\r`` and nothing else: a name may hold what Unicode calls a line separator.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip(" \t\x0b\x0c\x00") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]


def parse(path: Path, pattern: re.Pattern[str], expected: str, problems: Problems) -> list[Row]:
    """Return the lines of a list that match a pattern in full; its groups are the fields of the row.

    Blank lines are skipped; other lines that do not match are recorded as problems.
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
    """Return the reason why a line does not match."""
    shown = quote(text)
    if any(leads_out(token) for token in text.split()):
        return f"{shown} is not a path inside the data set's folder"
    return f"{shown} is not like '{expected}'"


def quote(text: str) -> str:
    """Return a line's text in quotes, with control characters escaped, cut to ``WIDTH`` characters."""
    return repr(text if len(text) <= WIDTH else text[: WIDTH - 3] + "...")


def forward(text: str) -> str:
    """Return a path with forward slashes and without a leading ``./``."""
    return text.replace("\\", "/").removeprefix("./")


def leads_out(key: str) -> bool:
    """Return whether a relative path could, on any system, lead out of its folder."""
    return LEADS_OUT.search(key) is not None


def refuse_duplicates(path: Path, rows: Sequence[Row], field: int, problems: Problems) -> None:
    """Record every row as a problem that repeats the field of an earlier row."""
    first: dict[str, int] = {}
    for line, fields in rows:
        before = first.setdefault(fields[field], line)
        if before != line:
            problems.add(path, line, f"{quote(fields[field])} is already in line {before}")


def refuse_shared_vehicles(
    root: Path, train: IntArray, test: IntArray, names: Mapping[int, str] | None = None, next_step: str = RESTORE
) -> None:
    """Raise a DataError if a vehicle is in both the training and the test split; ``names`` are for the message."""
    shared = np.intersect1d(train, test).tolist()
    if shared:
        raise DataError(
            f"{len(shared)} vehicles are in the training and in the test lists",
            where=root,
            found=first_of([(names or {}).get(vehicle, vehicle) for vehicle in shared], SHOWN),
            expected="none",
            next_step=next_step,
        )


def refuse_shared_images(root: Path, one: str, first: ImageTable, other: str, second: ImageTable) -> None:
    """Raise a DataError if two splits share an image."""
    shared = sorted(set(first.paths) & set(second.paths))
    if shared:
        raise DataError(
            f"{len(shared)} images are in '{one}' and in '{other}'",
            where=root,
            found=first_of(shared, SHOWN),
            expected="none",
            next_step=RESTORE,
        )


def numbers(values: Iterable[str]) -> IntArray:
    """Return decimal digits as (n,) int64."""
    return np.fromiter(map(int, values), dtype=np.int64)
