"""The transcribed documents, read into one list of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.basics.reading import plain_toml, read_whole
from harness.errors import RecordError, unknown_name, wanted
from leaderboard.grouping import grouped
from leaderboard.published.schema import (
    NOT_STATED,
    NOTHING,
    OF_THE_ROW,
    DatasetFacts,
    PrintedColumn,
    PrintedRow,
    PrintedTable,
    Published,
    percent,
)

T = TypeVar("T")

FOLDER = Path(__file__).parent
"""The documents that come with the package."""
DATASETS = "datasets.toml"


class Cell(NamedTuple):
    """The place of a printed number: document, table, row and column, the last two from 1."""

    document: str
    table: str
    row: int
    column: int


@dataclass(frozen=True)
class Number:
    """One printed number with its row, column and document.

    Attributes:
        place: number of the row, from 1.
        index: number of the column, from 0.
    """

    document: str
    table: PrintedTable
    row: PrintedRow
    place: int
    index: int

    def __hash__(self) -> int:
        """Return the hash of its place, since that of its whole table takes long."""
        return hash(self.cell)

    @property
    def column(self) -> PrintedColumn:
        """Its column."""
        return self.table.columns[self.index]

    @cached_property
    def printed(self) -> str:
        """The value as printed."""
        return self.row.values[self.index]

    @cached_property
    def text(self) -> str:
        """The value as printed, or its correction."""
        corrections = {correction.column: correction.value for correction in self.row.corrections}
        return corrections.get(self.index + 1, self.printed)

    @cached_property
    def value(self) -> Decimal:
        """The printed value in percent, with the printed digits."""
        return percent(self.text, self.table.scale)

    @cached_property
    def step(self) -> Decimal:
        """One unit of the last printed digit, in percent."""
        return Decimal(1).scaleb(int(self.value.as_tuple().exponent))

    @property
    def shown(self) -> str:
        """The value in percent, with the printed digits."""
        return f"{self.value:f}"

    @property
    def correction(self) -> str:
        """What is printed instead of a corrected value, and why it is corrected; empty for a value as printed."""
        if self.text == self.printed:
            return ""
        reasons = {correction.column: correction.reason for correction in self.row.corrections}
        return f"{self.column.printed} is printed as {self.printed}: {reasons[self.index + 1]}"

    @property
    def low(self) -> Decimal:
        """The least value that rounds to this."""
        return self.value - self.step / 2

    @property
    def high(self) -> Decimal:
        """The greatest value that rounds to this."""
        return self.value + self.step / 2

    def agrees_with(self, other: Number) -> bool:
        """Return whether a value can round to both; 52.8 and 52.9 do not agree, although 52.85 is between them."""
        return self.low < other.high and other.low < self.high

    @property
    def subset(self) -> str:
        """The test set, from the column or else from the row."""
        return self.row.subset if self.column.subset == OF_THE_ROW else self.column.subset

    @property
    def question(self) -> tuple[str, str, str, str]:
        """Data set, subset, task and measure, which two comparable numbers share."""
        return self.column.dataset, self.subset, self.column.task, self.column.measure

    @property
    def cell(self) -> Cell:
        """Its place."""
        return Cell(self.document, self.table.number, self.place, self.index + 1)

    @property
    def printed_column(self) -> tuple[str, str, int]:
        """Document, table and number of its column."""
        return self.document, self.table.number, self.index

    @property
    def where(self) -> str:
        """Document, table, row and column in one line."""
        return f"{self.document}, table {self.table.number}, {self.row.printed}, {self.column.printed}"


@dataclass(frozen=True)
class Library:
    """All documents, and the data sets that they may name."""

    documents: tuple[Published, ...]
    datasets: Mapping[str, DatasetFacts]

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """Every printed number, document by document, row by row."""
        return tuple(number for document in self.documents for number in numbers(document))

    @cached_property
    def rows(self) -> tuple[tuple[Number, ...], ...]:
        """The numbers of each printed row."""
        rows = grouped(self.numbers, lambda number: number.cell[:3])
        return tuple(map(tuple, rows.values()))

    @cached_property
    def supervision(self) -> Mapping[str, tuple[str, ...]]:
        """The labels and boxes of each method and variant, by its name: whatever some document states."""
        words: dict[str, dict[str, None]] = {}
        for row in self._printed_rows():
            words.setdefault(row.method_name, {}).update(dict.fromkeys(row.supervision))
        return {name: tuple(found) for name, found in words.items()}

    def _printed_rows(self) -> Iterable[PrintedRow]:
        return (row for document in self.documents for table in document.table for row in table.rows)


def numbers(document: Published) -> Iterable[Number]:
    """Yield the numbers of one document, row by row."""
    for table in document.table:
        for place, row in enumerate(table.rows, 1):
            for index, printed in enumerate(row.values):
                if printed != NOTHING:
                    yield Number(document.document.name, table, row, place, index)


def load_library(folder: Path = FOLDER) -> Library:
    """Return all documents of a folder: ``datasets.toml``, and every other TOML file as one document.

    Raises:
        RecordError: a file cannot be read, does not fit the schema, or names an unknown data set, subset or task,
            or two files are the same document.
    """
    known = _read(folder / DATASETS, TypeAdapter(dict[str, DatasetFacts]))
    documents: dict[str, Published] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.name == DATASETS:
            continue
        document = _read(path, TypeAdapter(Published))
        if document.document.name in documents:
            raise RecordError("a document is transcribed twice", where=path, found=document.document.name)
        for number in numbers(document):
            _check(number, known)
        for count in document.count:
            _require("data set", count.dataset, known, f"{document.document.name}, {count.where}")
        documents[document.document.name] = document
    return Library(tuple(documents.values()), known)


MAX_BYTES = 1 << 20
"""Size limit of a transcription."""


def _read(path: Path, adapter: TypeAdapter[T]) -> T:
    try:
        return adapter.validate_python(
            plain_toml(read_whole(path, MAX_BYTES, "the transcription", error=RecordError).decode())
        )
    except ValidationError as problem:
        first = problem.errors()[0]
        raise RecordError(
            "the transcription does not fit its schema",
            where=f"{path}: {'.'.join(str(part) for part in first['loc'])}",
            found=repr(first.get("input"))[:200] if first["type"] != "value_error" else None,
            expected=wanted(first),
        ) from None
    except ValueError as problem:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise RecordError("the transcription cannot be read", where=path, found=problem) from None


def _check(number: Number, known: Mapping[str, DatasetFacts]) -> None:
    _require("data set", number.column.dataset, known, number.where)
    dataset = known[number.column.dataset]
    _require(f"task of {dataset.title}", number.column.task, (*dataset.tasks, NOT_STATED), number.where)
    _require(f"subset of {dataset.title}", number.subset, dataset.subsets, number.where)


def _require(kind: str, name: str, known: Iterable[str], where: str) -> None:
    """Raise the error for an unknown name, with its place."""
    if name not in (names := list(known)):
        error = unknown_name(kind, name, names, error=RecordError)
        error.where = where
        raise error
