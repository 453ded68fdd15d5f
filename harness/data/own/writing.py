"""Writing what was found out: the protocol's file, and the table if the user's own cannot be read as it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.basics.files import replace_file
from harness.basics.shown import visible
from harness.data.csv_table import ALL, KNOWN
from harness.data.own.found import OwnData
from harness.errors import DataError, UsageError

HEAD = "# Written by 'bench data init'. docs/own-data.md explains every setting."


def files_of(out: Path, data: OwnData) -> tuple[Path, ...]:
    """Return the files that ``write`` writes: the protocol's, and the table unless the user's own is read.

    The table is named like the protocol, unless this is the user's own table, which is never written over.
    """
    if data.rows is None:
        return (out,)
    table = out.with_suffix(".csv")
    own = data.source is not None and table.exists() and table.samefile(data.source)
    return out, out.with_name(f"{out.stem}-images.csv") if own else table


def write(out: Path, name: str, data: OwnData, told: Sequence[tuple[str, str]]) -> tuple[Path, ...]:
    """Write the protocol's file, and beside it the table if there are rows; return the files.

    Args:
        out: the protocol's file.
        name: the protocol's name; empty for that of the file.
        data: what was found out.
        told: what was taken for what, for the comments at the top of the file.

    Raises:
        DataError: a path is not UTF-8.
        RunError: a file cannot be written; the protocol's file is written last.
    """
    files = files_of(out, data)
    table = files[-1] if data.rows is not None else data.source
    if table is None:
        raise UsageError("there is neither a table nor rows for one", where=out)
    try:
        text = "\n".join(_lines(out, table, data, told, name)) + "\n"
        text.encode()
    except UnicodeEncodeError:
        raise DataError("the folder's path is not UTF-8", where=repr(str(data.root)), next_step="rename it") from None
    if data.rows is not None:
        with replace_file(files[-1]) as file:
            columns = [word for word in KNOWN if any(word in row for row in data.rows)]
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted(data.rows, key=lambda row: (row.get("split", ""), row["path"])))
    with replace_file(out) as file:
        file.write(text)
    return files


def _lines(out: Path, table: Path, data: OwnData, told: Sequence[tuple[str, str]], name: str) -> Iterator[str]:
    yield HEAD
    for word, what in told:
        yield _comment(f"{word}: {what}")
    yield ""
    yield f"table = {toml(_relative(table, out.parent))}"
    root = _relative(data.root, out.parent)
    if root != ".":
        yield f"root = {toml(root)}"
    if name:
        yield f"name = {toml(name)}"
    for word, value in data.settings.items():
        if value != ["JPEG", "PNG"]:
            yield f"{word} = {toml(value)}"
    if data.columns:
        yield "\n[columns]"
        yield from (f"{word} = {toml(name)}" for word, name in data.columns.items())
    yield "\n[tasks.main]"
    usual = ("query", "gallery") if data.rows is None or any("split" in row for row in data.rows) else (ALL, ALL)
    if data.query and (data.query, data.gallery) != usual:
        yield f"query = {toml(data.query)}"
        yield f"gallery = {toml(data.gallery)}"
    if data.ignore:
        yield f"ignore = {toml(list(data.ignore))}"


def toml(value: object) -> str:
    """Return a text or a list of texts as TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "# " + visible(text, keep="")


def _relative(path: Path, folder: Path) -> str:
    """Return a path relative to a folder if it lies in it, else as an absolute one; with forward slashes."""
    path, folder = path.resolve(), folder.resolve()
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()
