"""Image tables from a CSV file of the user's own: one row an image, every bad row named."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.images import LABELS, UNKNOWN, ImageTable, IntArray
from harness.data.lists import Problems, leads_out, quote, read_lines
from harness.errors import DataError, first_of

NEEDED = ("path", "vehicle", "split")
KNOWN = (*NEEDED, *LABELS)
INTEGER = re.compile(r"[0-9]{1,15}")
ENCODING = "utf-8-sig"

Named = tuple[IntArray, dict[int, str]]


def read_header(path: Path, columns: Mapping[str, str], delimiter: str = ",") -> dict[str, int]:
    """Return the place of each column that the file has, by the harness's word for it.

    Args:
        path: of the CSV file; its first line names the columns.
        columns: for words that the file calls otherwise, its name: ``{"vehicle": "plate"}``.
        delimiter: between the fields.

    Raises:
        DataError: the file is missing, or lacks a column that is needed or named.
    """
    header = [name.strip() for name in next(csv.reader(io.StringIO(read_lines(path)[0]), delimiter=delimiter), [])]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError("a column stands twice in the table", where=path, found=first_of(twice))
    found = {}
    for word in KNOWN:
        name = columns.get(word, word)
        if name in header:
            found[word] = header.index(name)
        elif word in NEEDED or word in columns:
            raise DataError(
                f"the table has no column '{name}'",
                where=path,
                found=first_of(header) or "an empty first line",
                expected=f"columns {', '.join(NEEDED)}, and where known {', '.join(LABELS)}",
                next_step="name the columns in the table's first line, or under [columns] in the protocol's file",
            )
    return found


def read_tables(path: Path, columns: Mapping[str, str], delimiter: str = ",") -> dict[str, ImageTable]:
    """Return the table of each split.

    A column of whole numbers keeps them. In any other, each text has a number of its own, the same in every file. An
    empty field is unknown; a column of nothing else is as if it were not there.

    Args:
        path: of the CSV file, UTF-8.
        columns: as for ``read_header``.
        delimiter: between the fields.

    Raises:
        DataError: as ``read_header``, or rows cannot be used.
    """
    place = read_header(path, columns, delimiter)
    problems = Problems(path.parent)
    lines, rows = _rows(path, place, delimiter, problems)
    problems.check()
    if not rows:
        raise DataError("the table has no images", where=path)
    labels: dict[str, Named] = {}
    for word in place.keys() - {"path", "split"}:
        values = [row[place[word]].strip() for row in rows]
        if word == "time":
            labels[word] = (_times(path, lines, values, problems), {})
        elif any(values):
            labels[word] = _numbered(path, word, values)
    problems.check()
    return _split(rows, place, labels)


def _rows(
    path: Path, place: Mapping[str, int], delimiter: str, problems: Problems
) -> tuple[list[int], list[list[str]]]:
    """Return the rows below the header and their lines; those that cannot be used become problems."""
    width = max(place.values()) + 1
    seen: dict[tuple[str, str], int] = {}
    lines: list[int] = []
    rows: list[list[str]] = []
    with path.open(encoding=ENCODING, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            next(reader)
            for row in reader:
                line = reader.line_num
                if not any(row):
                    continue
                if len(row) < width:
                    problems.add(path, line, f"{len(row)} fields, at least {width} expected")
                    continue
                image, split = row[place["path"]].strip(), row[place["split"]].strip()
                before = seen.setdefault((image, split), line)
                if leads_out(image):
                    problems.add(path, line, f"{quote(image)} is no path inside the data set's folder")
                elif not split or not row[place["vehicle"]].strip():
                    problems.add(path, line, "the vehicle and the split must be named")
                elif before != line:
                    problems.add(path, line, f"{quote(image)} stands in line {before} already")
                lines.append(line)
                rows.append(row)
        except csv.Error as problem:
            problems.add(path, reader.line_num, str(problem))
    return lines, rows


def _numbered(path: Path, word: str, values: Sequence[str]) -> Named:
    """Return a column of labels as numbers, and the names of those that are no numbers themselves."""
    written = set(values) - {""}
    if all(map(INTEGER.fullmatch, written)) and len(set(map(int, written))) == len(written):  # "7" is not "07"
        return np.array([int(value) if value else UNKNOWN for value in values], dtype=np.int64), {}
    number_of = {value: _number(value) for value in set(values)}
    names = {number: value for value, number in number_of.items() if value}
    if len(set(number_of.values())) < len(number_of):
        raise DataError(f"two values of the column '{word}' have one number; rename one", where=path)
    return np.array([number_of[value] for value in values], dtype=np.int64), dict(sorted(names.items()))


def _number(value: str) -> int:
    """Return 48 bits of a text's SHA-256, so that no other row of the table moves its number."""
    return int.from_bytes(hashlib.sha256(value.encode()).digest()[:6]) if value else UNKNOWN


def _times(path: Path, lines: Sequence[int], values: Sequence[str], problems: Problems) -> IntArray:
    """Return whole numbers as they are and ISO times as seconds since 1970."""
    times = np.full(len(values), UNKNOWN, dtype=np.int64)
    for row, value in enumerate(values):
        try:
            if value:
                whole = INTEGER.fullmatch(value) is not None
                times[row] = int(value) if whole else int(np.datetime64(value, "s").astype(np.int64))
        except ValueError:
            problems.add(path, lines[row], f"{quote(value)} is no time; expected 1520787605 or 2018-03-11T17:00:05")
    return times


def _split(
    rows: Sequence[Sequence[str]], place: Mapping[str, int], labels: Mapping[str, Named]
) -> dict[str, ImageTable]:
    """Return the rows of each split as a table, splits in the order of their first row."""
    splits = [row[place["split"]].strip() for row in rows]
    columns: dict[str, Any] = {word: column for word, (column, _) in labels.items()}
    names = {word: named for word, (_, named) in labels.items() if named}
    whole = ImageTable(tuple([row[place["path"]].strip() for row in rows]), names=names, **columns)
    array = np.array(splits)
    return {split: whole.take(array == split) for split in dict.fromkeys(splits)}
