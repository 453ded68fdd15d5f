"""Tables of one image a row: text (CSV), and Parquet."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.basics.extras import require
from harness.data.delimiters import best_delimiter
from harness.data.encoding import to_utf8
from harness.errors import DataError, FeatureError, first_of
from harness.exchange.contents import Array, Contents, refuse_size, unreadable
from harness.exchange.words import CAMERAS, KEYS, VEHICLES, last

MOST_ROWS = 20_000_000
"""Limit of the rows of a Parquet table, which may take no bytes in the file."""

LABELS = (*VEHICLES, *CAMERAS)
BEFORE = ("split", "part", "role", "index", "unnamed:_0", "__index_level_0__", "")
"""Columns that other programs write and that are neither features nor labels; they are not read."""


def read_csv(path: Path) -> Contents:
    """Return a table of text: ``features`` (n, d) float32 from its columns of numbers, and its keys and labels.

    The first line names the columns unless it is a row of numbers behind an image's name. The column of keys has one of
    the usual names, or is the first if that is no number. The delimiter is the comma, semicolon or tab that fits best.

    Raises:
        FeatureError: the file is not UTF-8, a row has more or fewer fields than the first, or a feature is no number.
    """
    refuse_size(path, path.stat().st_size)
    try:
        text = to_utf8(path, path.read_bytes()).decode()
    except DataError as problem:
        raise unreadable(path, "a table of text", problem.found, instead="save it as UTF-8") from None
    first = text.partition("\n")[0]
    mark = best_delimiter(first, len)
    rows = _rows(path, text, mark)
    header = next(rows, (0, []))[1]
    if not any(header):
        raise unreadable(path, "a table of text", "it is empty")
    titled = not _are_numbers(header[1:] or header) or _counts(header[1:]) or _counts(header)
    names = [name.strip() for name in header] if titled else [str(number) for number in range(len(header))]
    body = rows if titled else _rows(path, text, mark)
    return _table(path, names, body, titled=titled)


def _rows(path: Path, text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, with the numbers of their lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        for row in reader:
            if any(map(str.strip, row)):
                yield reader.line_num, row
    except csv.Error as problem:
        raise unreadable(f"{path}:{reader.line_num}", "a table of text", problem) from None  # type: ignore[arg-type]


def _counts(names: Sequence[str]) -> bool:
    """Return whether names are 0, 1, 2, ... as pandas names columns."""
    return len(names) > 1 and list(names) == [str(number) for number in range(len(names))]


def _are_numbers(fields: Sequence[str]) -> bool:
    return all(_number(field) is not None for field in fields)


def _number(field: str) -> float | None:
    try:
        return None if "_" in field else float(field)
    except ValueError:
        return None


def _table(path: Path, names: Sequence[str], rows: Iterator[tuple[int, list[str]]], *, titled: bool) -> Contents:
    width, keys = len(names), -1
    labels: dict[int, str] = {}
    features: list[int] = []
    texts: dict[str, list[str]] = {}
    numbers: list[Array] = []
    for line, row in rows:
        if len(row) != width:
            raise FeatureError(
                "the rows of the table differ in length",
                where=f"{path}:{line}",
                found=f"{len(row)} fields",
                expected=f"{width} fields, as in the first line",
            )
        if not features:
            keys = _key_column(names, row, titled=titled)
            labels = {place: name for place, name in enumerate(names) if place != keys and last(name) in LABELS}
            features = [
                place
                for place, name in enumerate(names)
                if place != keys and place not in labels and not (titled and last(name) in BEFORE)
            ]
            _refuse_strange_columns(path, [names[place] for place in features] if titled else [])
            texts = {name: list[str]() for name in labels.values()}
            if keys >= 0:
                texts["keys"] = []
        if keys >= 0:
            texts["keys"].append(row[keys].strip())
        for place, name in labels.items():
            texts[name].append(row[place].strip())
        numbers.append(_features(path, line, row, features, names))
    if not numbers or not features:
        raise unreadable(path, "a table of text", "it has no numbers" if numbers else "it has no rows")
    table = np.stack(numbers)
    if not titled and keys < 0 and _whole(table[:, 0]) and not _whole(table):
        raise FeatureError(
            "the first column may be the numbers of images or features",
            where=path,
            found="a first column of whole numbers in a table without names",
            expected="a first line that names the columns: key, or camera, or f0, f1, ...",
        )
    return Contents(path, {"features": table}, {name: tuple(words) for name, words in texts.items()}, decimal=True)


def _whole(values: Array) -> bool:
    return bool((values == np.floor(values)).all())


def _refuse_strange_columns(path: Path, names: Sequence[str]) -> None:
    """Refuse columns of numbers that are not all of one name and a number: they may be something else than features."""
    stems = {name: name.rstrip("0123456789") for name in names}
    usual = Counter(stem for name, stem in stems.items() if stem != name).most_common(1)
    strange = [name for name, stem in stems.items() if usual and (stem != usual[0][0] or stem == name)]
    if strange:
        raise FeatureError(
            "a column may be no feature",
            where=path,
            found=f"{first_of(strange, 5)} beside {usual[0][0]}0, {usual[0][0]}1, ...",
            expected="columns of features of one name and a number, a column of keys, and labels "
            "(vehicle, camera) if known",
            next_step="remove the column, or rename it",
        )


def _key_column(names: Sequence[str], row: Sequence[str], *, titled: bool) -> int:
    """Return the column of the keys, or -1: the one with a usual name, or the first if it is no number."""
    named = [place for place, name in enumerate(names) if titled and last(name) in KEYS]
    if named:
        return named[0]
    return 0 if _number(row[0]) is None else -1


def _features(path: Path, line: int, row: Sequence[str], places: Sequence[int], names: Sequence[str]) -> Array:
    try:
        values = [float(row[place]) for place in places]
        if not any("_" in row[place] for place in places):  # Python reads 1_0 as 10
            return np.array(values, dtype=np.float32)
    except ValueError:
        pass
    wrong = next(place for place in places if _number(row[place]) is None)
    raise FeatureError(
        "a feature is not a number",
        where=f"{path}:{line}, column '{names[wrong]}'",
        found=repr(row[wrong][:80]),
        expected="a number in every column but those of the keys and labels",
    )


def read_parquet(path: Path) -> Contents:
    """Return the columns of a Parquet table: lists of numbers, texts and labels; plain numbers become ``features``.

    It is called in a process of its own (``apart``): a few bytes of the file can stand for any number of equal texts.

    Raises:
        UsageError: pyarrow is not installed.
        FeatureError: the file is damaged, or is too large.
    """
    pyarrow = require("pyarrow", by="reading Parquet", extra="parquet")
    parquet = require("pyarrow.parquet", by="reading Parquet", extra="parquet")
    try:
        with parquet.ParquetFile(path) as file:
            about = file.metadata
            refuse_size(path, about.num_rows * about.num_columns * 4)
            refuse_size(path, sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups)))
            if about.num_rows > MOST_ROWS:
                raise ValueError(f"it says that it has {about.num_rows} rows, more than the {MOST_ROWS} allowed")
            table = file.read(use_threads=False)
            refuse_size(path, table.nbytes)
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as problem:
        raise unreadable(path, "a Parquet table", problem) from None
    return _columns(path, table)


def _columns(path: Path, table: Any) -> Contents:
    import pyarrow

    arrays: dict[str, Array] = {}
    texts: dict[str, tuple[str, ...]] = {}
    unusable: dict[str, str] = {}
    plain: list[Array] = []
    names: list[str] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            read = _column(column.combine_chunks())
        except (pyarrow.ArrowException, ValueError, TypeError) as problem:
            unusable[name] = " ".join(str(problem).split())[:100]
            continue
        if isinstance(read, tuple):
            texts[name] = read
        elif read.ndim == 1 and last(name) not in (*LABELS, *BEFORE):
            plain.append(read)
            names.append(name)
        else:
            arrays[name] = read
    if plain and not arrays.keys() - {name for name in arrays if last(name) in (*LABELS, *BEFORE)}:
        _refuse_strange_columns(path, names)
        arrays["features"] = np.stack(plain, axis=1)
    return Contents(path, arrays, texts, unusable)


def _column(column: Any) -> Array | tuple[str, ...]:
    """Return a column of texts, of numbers (n,), or of lists of equal length (n, d)."""
    from pyarrow import compute, types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if column.null_count:
        raise ValueError(f"{column.null_count} fields are empty")
    if types.is_string(kind) or types.is_large_string(kind):
        return tuple(column.to_pylist())
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        lengths = set(compute.list_value_length(column).to_pylist())
        if len(lengths) != 1:
            raise ValueError(f"lists of {min(lengths)} to {max(lengths)} numbers")
        inner = column.flatten()
        if inner.null_count:
            raise ValueError(f"{inner.null_count} numbers of its lists are empty")
        return _as_array(inner).reshape(len(column), lengths.pop())
    return _as_array(column)


def _as_array(column: Any) -> Array:
    from pyarrow import types

    if not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type)):
        raise ValueError(f"values of type {column.type}")
    array: Array = column.to_numpy(zero_copy_only=False)
    return array
