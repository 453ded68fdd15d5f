"""A user's table or list as it lies on disk: its encoding, its delimiter, whether its first line names the columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.columns import known_columns, lookalikes
from harness.data.delimiters import DELIMITERS, best_delimiter, fields_of
from harness.data.encoding import guess_encoding, to_utf8
from harness.data.lists import read_bytes
from harness.data.own.folder import FORMATS
from harness.errors import DataError

BLANK = " "
"""The delimiter of lists whose fields are separated by any number of spaces."""

MARKS = (*DELIMITERS, "|", BLANK)

MOST = 0.9
"""Share of the lines that a delimiter must divide alike."""

TRIED = 200
"""The number of lines that the delimiter is chosen by."""


@dataclass(frozen=True)
class RawTable:
    """A table of texts.

    Attributes:
        path: its file.
        header: the names of its columns, or an empty tuple if the first line is a row.
        rows: the number of each row's line and its stripped fields; blank lines are left out.
        delimiter: the character between the fields, ``BLANK`` for spaces.
        encoding: its encoding, as Python names it.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str
    encoding: str


def read_raw(path: Path) -> RawTable:
    """Return a table or list of a user's.

    Raises:
        DataError: it is missing, too large, no text, in an encoding that cannot be told, or empty.
    """
    content = read_bytes(path, "table", "name an existing table with --table")
    encoding = guess_encoding(content) or "utf-8"
    text = to_utf8(path, content, encoding).decode().replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError("the table has a NUL character", where=f"{path}:{line}", next_step="remove it")
    lines = [line for line in text.split("\n") if line.strip()][:TRIED]
    if not lines:
        raise DataError("the table is empty", where=path)
    named_by = _header(lines[0])
    delimiter = named_by or _delimiter(lines)
    rows = _rows(path, text, delimiter)
    return RawTable(path, rows[0][1] if named_by else (), tuple(rows[bool(named_by) :]), delimiter, encoding)


def _header(line: str) -> str:
    """Return the delimiter by which a first line names columns, or an empty text if it names none."""

    def known(names: list[str]) -> int:
        return 0 if any(map(is_image, names)) else known_columns(names)

    best = best_delimiter(line, known, MARKS, _split)
    names = _split(line, best)
    return best if known(names) >= 2 or (known(names) and lookalikes(names, "path")) else ""


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that divides nearly all lines into the same number of fields, two or more."""
    for mark in MARKS:
        [(width, count)] = Counter(len(_split(line, mark)) for line in lines).most_common(1)
        if width > 1 and count >= MOST * len(lines):
            return mark
    return ","


def _split(line: str, mark: str) -> list[str]:
    if mark == BLANK:
        return line.split()
    try:
        return fields_of(line, mark)
    except csv.Error:
        return [line]


def _rows(path: Path, text: str, mark: str) -> list[tuple[int, tuple[str, ...]]]:
    if mark == BLANK:
        fields = [(number, tuple(line.split())) for number, line in enumerate(text.split("\n"), 1)]
        return [row for row in fields if row[1]]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        rows = [(reader.line_num, tuple(map(str.strip, row))) for row in reader]
    except csv.Error as problem:
        raise DataError("the table cannot be read", where=f"{path}:{reader.line_num}", found=problem) from None
    return [row for row in rows if any(row[1])]


def is_image(text: str) -> bool:
    """Return whether a field ends like the file name of an image."""
    return any(text.lower().endswith(ending) for ending in FORMATS)
