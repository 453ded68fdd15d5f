"""The file of a sweep: TOML, checked, with the line of whatever is wrong."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.basics.names import usable
from harness.basics.reading import read_toml
from harness.errors import UsageError, unknown_name, wanted

MAX_BYTES = 1 << 20
"""The largest file, in bytes; one of a hundred tables takes 20 kB."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

LISTED = ("run", "exclude")
"""The tables that can occur several times."""

Table = dict[str, Any]


class Content(BaseModel):
    """The tables of a sweep's file.

    Attributes:
        name: the name of the sweep's folder in ``runs``; default: the file's.
        runs: the folder of all runs.
        plugin: Python files with plugin hooks.
        data: the folder of each protocol's data set.
        defaults: words of ``bench run`` that hold for every run that does not give them itself.
        run: each table is a set of runs: every value that is a list stands for each of its members in turn.
        exclude: runs to leave out: those that agree with a table in everything that it gives.
        engine: the options of engines, by the engine's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=NAME)] | None = None
    runs: str = "runs"
    plugin: list[str] = []
    data: dict[str, str] = {}
    defaults: Table = {}
    run: Annotated[list[Table], Field(min_length=1)]
    exclude: list[Table] = []
    engine: dict[str, Table] = {}


@dataclass(frozen=True)
class Place:
    """A table of the file, or a key in it, for messages.

    Attributes:
        file: the file.
        lines: its lines.
        table: ``run``, ``exclude``, ``defaults`` or ``engine.slurm``.
        number: which of the tables of this name, from 1; 0 for a table that occurs once.
    """

    file: Path
    lines: Sequence[str]
    table: str
    number: int = 0

    def at(self, key: str = "") -> str:
        """Return the place as a text: the file, the line of the key (or of the table) and the table."""
        start, stop = self._extent()
        wanted = re.compile(rf"""\s*(?:\w[\w-]*\.)?["']?{re.escape(key)}["']?\s*[=.]""") if key else None
        found = [number for number in range(start, stop) if wanted and wanted.match(self.lines[number])]
        line = f", line {(found or [start])[0] + 1}" if start < stop else ""
        shown = f"[[{self.table}]] {self.number}" if self.number else f"[{self.table}]"
        return f"{self.file}{line}, in {shown}"

    def _extent(self) -> tuple[int, int]:
        """Return the first line of the table and the line after its last one, from 0."""
        heads = [(number, found[1]) for number, line in enumerate(self.lines) if (found := _head(line))]
        own = [number for number, name in heads if name == self.table]
        index = max(0, self.number - 1)
        if index >= len(own):
            return 0, 0
        later = [number for number, name in heads if number > own[index] and not name.startswith(f"{self.table}.")]
        return own[index], (later or [len(self.lines)])[0]


def _head(line: str) -> re.Match[str] | None:
    return re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line)


@dataclass(frozen=True)
class SweepFile:
    """A sweep's file, read and checked as far as no name has to be looked up."""

    path: Path
    content: Content
    lines: Sequence[str]

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return self.content.name or re.sub(r"[^A-Za-z0-9._-]+", "-", self.path.stem).strip("-._") or "sweep"

    @property
    def folder(self) -> Path:
        """The folder of the sweep's state and logs."""
        return Path(self.content.runs) / "sweeps" / usable(self.name)

    @property
    def source(self) -> str:
        """What tells this file from another one of the same name: a digest of where it is."""
        return hashlib.sha256(str(self.path.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]

    def place(self, table: str, number: int = 0) -> Place:
        """Return a table of the file."""
        return Place(self.path, self.lines, table, number)

    def tables(self, table: str) -> Iterator[tuple[Place, Table]]:
        """Yield the tables ``run`` or ``exclude`` with their places."""
        for number, found in enumerate(getattr(self.content, table), 1):
            yield self.place(table, number), found


def read_sweep(path: Path) -> SweepFile:
    """Return the sweep of a TOML file.

    Raises:
        UsageError: the file is missing, is not TOML, or has an unknown table or key; the message names the line.
    """
    values, lines = read_toml(path, MAX_BYTES, "the sweep's file")
    return SweepFile(path, _checked(path, values), lines)


def _checked(path: Path, values: Mapping[str, Any]) -> Content:
    for word in values:
        if word not in Content.model_fields:
            raise _unknown_table(path, word, values[word])
    for word, value in values.items():
        if (word in LISTED and isinstance(value, dict)) or (word == "runs" and not isinstance(value, str)):
            right = "run" if word == "runs" else word
            raise UsageError(
                f"'{word}' is no such table",
                where=path,
                found=f"[{word}]" if isinstance(value, dict) else f"[[{word}]]",
                expected=f"[[{right}]], with two brackets, since there can be several",
            )
    try:
        return Content.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        word = ".".join(str(part) for part in first["loc"])
        if word == "run":
            raise UsageError(
                "the sweep has no runs", where=path, expected="a table [[run]] with method = ..."
            ) from None
        raise UsageError(
            f"'{word}' of the sweep does not fit", where=path, found=repr(first["input"])[:200], expected=wanted(first)
        ) from None


def _unknown_table(path: Path, word: str, value: object) -> UsageError:
    known = sorted(Content.model_fields)
    error = unknown_name("table" if isinstance(value, dict | list) else "key", word, known)
    error.where = path
    if not isinstance(value, dict | list):
        error.next_step = "put a word of a run below [defaults] or [[run]]"
    assert isinstance(error, UsageError)  # noqa: S101 - for the type checker
    return error


def check_keys(table: Mapping[str, Any], known: Collection[str], place: Place, kind: str = "word of a run") -> None:
    """Raise a UsageError that names the line and the nearest right word for a key that is not known."""
    for key in table:
        if key not in known:
            error = unknown_name(kind, key, known)
            error.where = place.at(key)
            raise error
