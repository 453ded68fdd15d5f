"""Image tables from a user's CSV file with one row per image; errors name the lines of all bad rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.columns import lookalikes
from harness.data.delimiters import DELIMITERS, best_delimiter, fields_of
from harness.data.encoding import marked, to_utf8
from harness.data.images import LABELS, ImageTable, IntArray
from harness.data.lists import Problems, forward, leads_out, quote, read_bytes
from harness.data.values import Words, count_of_texts, fault_of_time, moment, nobodies, numbered
from harness.errors import DataError, first_of, nearest

if TYPE_CHECKING:
    import pandas

NEEDED = ("path", "vehicle")
KNOWN = (*NEEDED, "split", *LABELS)
ALL = "all"
"""The only split of a table without the column ``split``."""

OTHERS = (*DELIMITERS, "|", " ")
"""Delimiters that a message proposes."""

WORDS = Words()
ABSOLUTE = re.compile(r"/|[A-Za-z]:")
"""How an absolute path begins on any system, written with forward slashes."""

NO_VEHICLE = 'the vehicle is required; if nobody knows it, write nobody = [""] in the protocol\'s file'


@dataclass(frozen=True)
class Header:
    """A table's first line.

    Attributes:
        places: the position of each known column, without cameras or tracks that are empty in every row.
        unused: the names of the other columns.
    """

    places: Mapping[str, int]
    unused: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Source:
    """A table's bytes, in UTF-8 and with lines that end in a line feed, and how to read them."""

    path: Path
    content: bytes
    delimiter: str
    place: dict[str, int]
    header: Sequence[str]

    @contextmanager
    def reader(self) -> Iterator[Any]:
        """Yield a strict ``csv.reader`` at the first row below the header."""
        with io.TextIOWrapper(io.BytesIO(self.content), encoding="utf-8", newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            try:
                next(reader)
            except csv.Error as problem:
                raise _unreadable_header(self.path, problem) from None
            yield reader


@dataclass(frozen=True, eq=False)
class _Column:
    """The stripped fields of one column: its distinct texts, and for each row the position of its text."""

    codes: IntArray
    texts: Sequence[str]


def read_header(
    path: Path, columns: Mapping[str, str], delimiter: str = "", encoding: str = "utf-8", words: Words = WORDS
) -> Header:
    """Return which columns a table has.

    Args:
        path: the CSV file; its first line names the columns.
        columns: the file's own names for known columns: ``{"vehicle": "plate"}``.
        delimiter: the character between the fields; empty for the comma, semicolon or tab that fits the first line.
        encoding: the encoding of the file; a byte-order mark is skipped, and one of UTF-16 overrides UTF-8.
        words: the words that mean an unknown value.

    Raises:
        DataError: the file is missing, in another encoding, or lacks a column that is required or named.
    """
    source = _open(path, columns, delimiter, encoding)
    empty = {word for word in ("camera", "track") if word in source.place}
    with source.reader() as reader:
        try:
            for row in reader:
                empty -= {
                    word for word in empty if any(map(words.known, map(str.strip, row[source.place[word] :][:1])))
                }
                if not empty:
                    break
        except csv.Error:
            empty = set()  # ``read_tables`` names the line
    places = {word: place for word, place in source.place.items() if word not in empty}
    unused = tuple(name for place, name in enumerate(source.header) if place not in source.place.values())
    return Header(places, unused)


def read_tables(
    path: Path,
    columns: Mapping[str, str],
    delimiter: str = "",
    encoding: str = "utf-8",
    words: Words = WORDS,
    notes: list[str] | None = None,
) -> dict[str, ImageTable]:
    """Return the table of each split, or of the split ``all``; the first arguments are those of ``read_header``.

    Every field is text, exactly as written: ``007``, ``1e5`` and ``NA`` are not converted. If the distinct texts of a
    column are distinct whole numbers, these are its labels; otherwise each text gets its own number, the same in every
    file. A label is unknown if its field is empty or one of ``words.unknown``, and a column without a known label is
    ignored. An image, or if it is known the track, of a vehicle in ``words.nobody`` gets a vehicle of its own.

    Args:
        path: the CSV file.
        columns: as for ``read_header``.
        delimiter: as for ``read_header``.
        encoding: as for ``read_header``.
        words: words of the table with a meaning of their own.
        notes: receives a sentence for everything that was read otherwise than it is written.

    Raises:
        DataError: as for ``read_header``, or some rows cannot be used.
    """
    notes = [] if notes is None else notes
    source = _open(path, columns, delimiter, encoding, notes)
    paths, texts = _read(source, words, notes)
    if not paths:
        raise DataError("the table has no images", where=path)
    labels: dict[str, Any] = {}
    names: dict[str, dict[int, str]] = {}
    for word, column in texts.items():
        if word == "time":
            labels[word] = np.array([moment(text) for text in column.texts], dtype=np.int64)[column.codes]
        elif word == "vehicle":
            track = texts.get("track")
            labels[word], names[word] = _vehicles(path, column, words, paths, track)
        elif word != "split" and any(column.texts):
            numbers, names[word] = numbered(path, word, column.texts)
            labels[word] = numbers[column.codes]
    whole = ImageTable(tuple(paths), names={word: named for word, named in names.items() if named}, **labels)
    if "split" not in texts:
        return {ALL: whole}
    split = texts["split"]
    order = np.unique(split.codes, return_index=True)
    return {split.texts[code]: whole.take(split.codes == code) for code in order[0][np.argsort(order[1])]}


def _vehicles(
    path: Path, column: _Column, words: Words, paths: Sequence[str], track: _Column | None
) -> tuple[IntArray, dict[int, str]]:
    """Return the vehicle of each image, and the texts of those that are not written as their numbers."""
    known = [text for text in column.texts if text not in words.nobody]
    number_of, names = numbered(path, "vehicle", known)
    if len(known) == len(column.texts):
        return number_of[column.codes], names
    place = dict(zip(known, number_of.tolist(), strict=True))
    vehicle = np.array([place.get(text, 0) for text in column.texts], dtype=np.int64)[column.codes]
    rows = np.flatnonzero(np.array([text in words.nobody for text in column.texts])[column.codes])
    of_track = [""] * len(paths) if track is None else [track.texts[code] for code in track.codes.tolist()]
    vehicle[rows] = nobodies([f"track\0{of_track[row]}" if of_track[row] else paths[row] for row in rows.tolist()])
    named = {int(vehicle[row]): column.texts[column.codes[row]] or "nobody" for row in rows.tolist()}
    return vehicle, {**names, **named}


def _open(
    path: Path, columns: Mapping[str, str], delimiter: str, encoding: str, notes: list[str] | None = None
) -> _Source:
    raw = read_bytes(path, "table", _beside(path))
    content = to_utf8(path, raw, encoding)
    if notes is not None and encoding == "utf-8" != marked(raw):
        notes.append(f"{path.name} is read as {marked(raw).upper()}, which its byte-order mark names")
    if content.count(b"\r") > content.count(b"\r\n"):  # pandas loses an empty first field after a lone \r
        content = re.sub(rb"\r(?!\n)", b"\n", content)
    first = content.partition(b"\n")[0].decode().rstrip("\r")
    wanted = {columns.get(word, word) for word in KNOWN}
    mark = delimiter or best_delimiter(first, lambda names: (len(wanted.intersection(names)), len(names)))
    header = _fields(path, first, mark)
    _refuse_delimiter(path, first, mark, columns)
    return _Source(path, content, mark, _places(path, header, columns), header)


def _beside(path: Path) -> str:
    """Return what to do about a table that is missing: there may be another one beside it."""
    found = sorted(other.name for other in path.parent.glob("*.csv"))[:100] if path.parent.is_dir() else []
    near = nearest(path.name, found)
    word = "check the word 'table' in the protocol's file"
    return f"{word}; there is '{near}'" if near else word


def _refuse_delimiter(path: Path, line: str, mark: str, columns: Mapping[str, str]) -> None:
    """Raise a DataError if only another delimiter separates the columns that are required."""
    needed = {columns.get(word, word) for word in NEEDED}
    if needed <= set(_fields(path, line, mark)):
        return
    for other in OTHERS:
        if needed <= set(_fields(path, line, other)):
            raise DataError(
                f"the fields of the table are not separated by {mark!r}",
                where=f"{path}:1",
                found=quote(line),
                expected=f"{other!r}, by the columns {' and '.join(sorted(needed))}",
                next_step=f"write delimiter = {_toml(other)} in the protocol's file",
            )


def _toml(delimiter: str) -> str:
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'


def _fields(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        return fields_of(line, delimiter)
    except csv.Error as problem:
        raise _unreadable_header(path, problem) from None


def _unreadable_header(path: Path, problem: csv.Error) -> DataError:
    return DataError("the table's first line cannot be read", where=f"{path}:1", found=problem)


def _places(path: Path, header: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise DataError("a column is in the table twice", where=path, found=first_of(twice))
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
                expected=f"columns {', '.join(NEEDED)}, and if known split, {', '.join(LABELS)}",
                next_step=_naming(path, word, name, header),
            )
    return found


def _naming(path: Path, word: str, name: str, header: Sequence[str]) -> str:
    """Return what to do about a missing column; a name in the first line that looks like it is proposed."""
    free = [one for one in header if one]
    like = next(iter(lookalikes(free, word)), "") or (nearest(name, free) if word != name else "")
    if like:
        return f"if '{like}' is it, write {word} = \"{like}\" under [columns] in the protocol's file"
    return f"name the columns under [columns] in the protocol's file, or run 'bench data init --table {path}'"


def _read(source: _Source, words: Words, notes: list[str]) -> tuple[list[str], dict[str, _Column]]:
    """Return the paths and the other columns by word; blank rows are skipped.

    pandas is fast but lenient. If the table could contain a bad row, the strict reader reads the file again.
    """
    import pandas

    try:
        frame = _frame(source)
    except pandas.errors.ParserError as problem:
        _refuse_bad_rows(source, words)
        raise DataError("the table cannot be read", where=source.path, found=problem) from None
    last = frame[max(source.place.values())]
    short = (last == "").any()  # pandas fills a row that ends early with empty fields
    paths = [path.strip() for path in frame[source.place["path"]]]
    turned = sum("\\" in path for path in paths)
    if turned:
        notes.append(
            f"{turned} paths of {source.path.name} are written with backslashes, and read with forward slashes"
        )
    paths = [forward(path) for path in paths]
    columns = {word: _column(frame[place]) for word, place in source.place.items() if word != "path"}
    columns = {word: _known(word, column, words, notes) for word, column in columns.items()}
    needed = [
        word for word in ("vehicle", "split") if word in columns and not (word == "vehicle" and "" in words.nobody)
    ]
    suspicious = (
        short
        or any(mark in source.content for mark in (b'"', b"\0"))
        or any("" in columns[word].texts for word in needed)
        or any(map(leads_out, paths))
        or pandas.DataFrame({"path": paths, "split": columns["split"].codes if "split" in columns else 0})
        .duplicated()
        .any()
        or ("time" in columns and any(fault_of_time(text) for text in columns["time"].texts))
    )
    if suspicious:
        _refuse_bad_rows(source, words)
        rows = np.flatnonzero([bool(path) for path in paths])
        paths = [paths[row] for row in rows]
        columns = {word: _Column(column.codes[rows], column.texts) for word, column in columns.items()}
    return paths, columns


def _frame(source: _Source) -> pandas.DataFrame:
    """Return the known columns, by position, as text; pandas' categories would read "007" as 7."""
    import pandas

    return pandas.read_csv(
        io.BytesIO(source.content),
        sep=source.delimiter,
        header=0,
        names=list(range(len(source.header))),
        usecols=sorted(source.place.values()),
        index_col=False,
        dtype=str,
        na_filter=False,
        engine="c" if source.delimiter.isascii() else "python",
    )


def _column(series: pandas.Series[Any]) -> _Column:
    """Return a column with each distinct text stripped and stored once."""
    codes, written = series.factorize()
    stripped = [text.strip() for text in written]
    code_of = {text: code for code, text in enumerate(dict.fromkeys(stripped))}
    merged = np.array([code_of[text] for text in stripped], dtype=np.int64)
    return _Column(merged[codes], tuple(code_of))


def _known(word: str, column: _Column, words: Words, notes: list[str]) -> _Column:
    """Return a label's column with empty texts for its words that mean an unknown value, and note these."""
    if word in ("vehicle", "split"):
        return column
    meaning = {text: words.known(text) for text in column.texts}
    counts = count_of_texts(column.codes, column.texts, meaning)
    if not counts:
        return column
    shown = first_of((f"'{text}'" for text in counts), 3)
    named = "" if word == "time" else f"; if it is a {word}, write unknown = [] in the protocol's file"
    notes.append(f"the {word} of {sum(counts.values())} images is {shown}, which is read as unknown{named}")
    code_of = {text: code for code, text in enumerate(dict.fromkeys(meaning.values()))}
    return _Column(np.array([code_of[meaning[text]] for text in column.texts])[column.codes], tuple(code_of))


def _refuse_bad_rows(source: _Source, words: Words) -> None:
    """Raise an error that names the lines of all rows that cannot be used, if there are any."""
    path, place = source.path, source.place
    problems = Problems(path.parent, "the table", "correct these lines, or let 'bench data init' write another table")
    needed = max(place.values()) + 1
    seen: dict[tuple[str, str], int] = {}
    with source.reader() as reader:
        try:
            for row in reader:
                line = reader.line_num
                if not any(map(str.strip, row)):
                    continue
                if len(row) < needed:
                    problems.add(path, line, f"{len(row)} fields, at least {needed} expected")
                    continue
                image = forward(row[place["path"]].strip())
                vehicle = row[place["vehicle"]].strip()
                split = row[place["split"]].strip() if "split" in place else ALL
                before = seen.setdefault((image, split), line)
                time = fault_of_time(words.known(row[place["time"]].strip())) if "time" in place else None
                if leads_out(image):
                    hint = "; write it as it goes on below the folder 'root'" if ABSOLUTE.match(image) else ""
                    problems.add(path, line, f"{quote(image)} is not a path inside the data set's folder{hint}")
                elif not split:
                    problems.add(path, line, "the split is required")
                elif not vehicle and "" not in words.nobody:
                    problems.add(path, line, NO_VEHICLE)
                elif "\0" in "".join(row):
                    problems.add(path, line, "the row has a NUL character")
                elif before != line:
                    problems.add(path, line, f"{quote(image)} is already in line {before}")
                elif time:
                    problems.add(path, line, time)
        except csv.Error as problem:
            problems.add(path, reader.line_num, str(problem))
    problems.check()
