"""A user's own data: a protocol from a TOML file that names an image table and says each task's rule.

The shortest one, with a table of the columns path, vehicle, split and camera::

    table = "images.csv"

    [tasks.main]
    ignore = ["same vehicle and camera"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.data.csv_table import KNOWN, read_header, read_tables
from harness.data.dataset import Dataset
from harness.data.lists import refuse_shared_vehicles
from harness.errors import DataError, UsageError, unknown_name
from harness.measures import parse
from harness.tasks.protocol import Protocol
from harness.tasks.task import Draws, Ignored, Rule, Task

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_BYTES = 1 << 20
SEPARATE = "give every vehicle of a tested split images of that split only"
MEASURES = ("ap", "cmc@1", "cmc@5")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DrawsWords(_Strict):
    """``draws`` of a task; see ``harness.tasks.task.Draws``."""

    drawn: Literal["gallery", "query"] = "gallery"
    count: int = Field(default=10, ge=1, le=1000)
    seed: int = Field(default=0, ge=0)


class TaskWords(_Strict):
    """``[tasks.NAME]``; see ``harness.tasks.task.Task`` and ``Rule``."""

    query: str = "query"
    gallery: str = "gallery"
    unit: Literal["image", "track"] = "image"
    reduce: Literal["maximum", "mean feature"] = "maximum"
    ignore: list[Ignored] | None = None
    draws: DrawsWords | None = None
    measures: list[str] = Field(default=list(MEASURES), min_length=1)
    about: str = ""
    source: str = ""


class Words(_Strict):
    """The whole file.

    Attributes:
        table: the image table, relative to the file.
        tasks: by name, the main task first.
        name: of the protocol; the file's name without its ending where it is left away.
        title: the data set's name in tables.
        version: raise it when the table or a rule changes.
        root: the folder that paths are relative to, itself relative to the file.
        columns: what the table calls a column: ``vehicle = "plate"``.
        delimiter: between the table's fields; empty for the comma, semicolon or tab that fits its first line.
        encoding: of the table, in Python's words.
        formats: image formats in Pillow's words.
    """

    table: str = Field(min_length=1)
    tasks: dict[str, TaskWords] = Field(min_length=1)
    name: str = ""
    title: str = ""
    version: int = Field(default=1, ge=1)
    root: str = "."
    columns: dict[Literal[KNOWN], str] = {}  # type: ignore[valid-type]  # the words of the table's columns
    delimiter: str = Field(default="", max_length=1)
    encoding: str = "utf-8"
    formats: list[str] = ["JPEG", "PNG"]


class Own(Protocol):
    """The protocol of a TOML file."""

    file: ClassVar[Path]
    words: ClassVar[Words]

    def load(self, root: Path) -> Dataset:
        """Read the image table; ``root`` is the folder that its paths are relative to."""
        table = self.file.parent / self.words.table
        splits = read_tables(table, self.words.columns, self.words.delimiter, self.words.encoding)
        for task in self.tasks:
            for split in (task.query, task.gallery):
                if split not in splits:
                    raise unknown_name(f"split of task '{task.name}'", split, splits, error=DataError)
                if "train" in splits and split != "train":
                    train = splits["train"]
                    refuse_shared_vehicles(
                        table, train.vehicle, splits[split].vehicle, train.names.get("vehicle"), SEPARATE
                    )
        return Dataset(root, splits, formats=tuple(self.words.formats))

    def default_root(self) -> Path:
        """Return the folder that the file names."""
        return self.file.parent / self.words.root


def open_protocol(path: Path) -> Protocol:
    """Return the protocol that a TOML file describes; of its table only the first line is read.

    Raises:
        UsageError: no such file.
        DataError: the file or the table's first line cannot be used.
    """
    words = _read(path)
    name = words.name or path.stem.lower().replace("_", "-")
    if not NAME.fullmatch(name):
        raise DataError(
            "the protocol's name cannot be used", where=path, found=name, expected="lower-case letters, digits, hyphens"
        )
    header = read_header(path.parent / words.table, words.columns, words.delimiter, words.encoding)
    tasks = tuple(_task(path, task, described, header) for task, described in words.tasks.items())
    attributes = {
        "__doc__": f"The protocol of {path.name}.",
        "file": path,
        "words": words,
        "name": name,
        "title": words.title or name,
        "version": words.version,
        "tasks": tasks,
    }
    described: type[Own] = type("Own", (Own,), attributes)
    return described()


def _read(path: Path) -> Words:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise UsageError("the protocol's file cannot be read", where=path, found=problem.strerror) from None
    if len(content) > MAX_BYTES:
        raise DataError("the protocol's file is too large", where=path, expected=f"at most {MAX_BYTES} bytes")
    try:
        return Words.model_validate(tomllib.loads(content.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DataError("the protocol's file is not TOML", where=path, found=problem) from None
    except ValidationError as problem:
        first = problem.errors()[0]
        raise DataError(
            "the protocol's file cannot be used",
            where=f"{path}: {'.'.join(str(part) for part in first['loc'])}",
            found=first["input"] if first["type"] != "missing" else None,
            expected=first["msg"],
            next_step="see docs/own-data.md",
        ) from None


def _task(path: Path, name: str, words: TaskWords, columns: Collection[str]) -> Task:
    """Return one task of the file.

    Where nothing is said of what is ignored, it is the query's own image, and its vehicle under its own camera if the
    table knows cameras; nothing where the rule draws.
    """
    if not NAME.fullmatch(name):
        raise DataError(
            f"task '{name}' cannot be called so", where=path, expected="lower-case letters, digits, hyphens"
        )
    for word in words.measures:
        parse(word)
    ignore = words.ignore
    if ignore is None:
        ignore = [] if words.draws is not None else ["same image"]
        if "camera" in columns and words.draws is None:
            ignore = ["same image", "same vehicle and camera"]
    for column, wanted in (("camera", any("camera" in word for word in ignore)), ("track", words.unit == "track")):
        if wanted and column not in columns:
            raise DataError(
                f"the rule of task '{name}' needs a column '{column}', which the table does not have",
                where=path,
                next_step=f"add the column, or a rule without {column}s; do not invent {column} numbers",
            )
    if words.draws is not None and (words.query != words.gallery or words.unit != "image"):
        raise DataError(f"task '{name}' draws, which needs single images of one split", where=path)
    draws = None if words.draws is None else Draws(**words.draws.model_dump())
    return Task(
        name,
        Rule(words.unit, words.reduce, tuple(ignore), draws),
        tuple(words.measures),
        query=words.query,
        gallery=words.gallery,
        about=words.about,
        source=words.source or path.name,
    )
