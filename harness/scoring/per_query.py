"""The per-query values of one task of one run, in a compressed CSV file that pandas can read directly."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.basics.digests import digest
from harness.basics.files import replace_file
from harness.data.images import IntArray
from harness.errors import RecordError

MAX_BYTES = 1 << 30
"""The maximum size when uncompressed, 500 times the 2 MB of the largest known task, VehicleID's 17,377 queries."""
MOST_DRAWS = 1 << 20
"""The maximum number of draws in a file, far beyond the 10 of any data set; weights of this size add up in an int64."""
FIXED = ("query", "key", "vehicle")
ASKED = "draws asked"
"""The heading of the column that only tasks with draws have; no measure's word has a space."""


@dataclass(frozen=True, eq=False)
class PerQuery:
    """One row per query, in the order of the task's list.

    Attributes:
        keys: (q,) keys of the query images, or empty strings if the names must not be published.
        vehicle: (q,) int64 vehicles, needed to resample by vehicle for confidence intervals.
        values: for each measure (q,) float64, NaN for a query that has no positive or is in no draw.
        asked: (q,) int64, the number of draws in which a query was asked and had a positive; with these as weights, the
            mean over the queries is the mean over the draws. None without draws, and in files of older versions.
    """

    keys: tuple[str, ...]
    vehicle: IntArray
    values: Mapping[str, npt.NDArray[np.float64]]
    asked: IntArray | None = None

    def __post_init__(self) -> None:
        columns = (self.keys, self.vehicle, *self.values.values(), *(() if self.asked is None else (self.asked,)))
        lengths = set(map(len, columns))
        if len(lengths) != 1:
            raise RecordError("the per-query values have different lengths", found=sorted(lengths))

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: IntArray) -> PerQuery:
        """Return some of the rows, by their numbers."""
        values = {measure: column[rows] for measure, column in self.values.items()}
        asked = None if self.asked is None else self.asked[rows]
        return PerQuery(tuple(self.keys[row] for row in rows), self.vehicle[rows], values, asked)

    @property
    def digest(self) -> str:
        """The SHA-256 of vehicles and values; it excludes the keys, which may be removed for publication."""
        columns = {measure: _plain(column) for measure, column in self.values.items()}
        asked = {} if self.asked is None else {"asked": [int(draws) for draws in self.asked]}
        return digest({"vehicle": [int(vehicle) for vehicle in self.vehicle], "values": columns, **asked})


def write_per_query(path: str | Path, table: PerQuery) -> str:
    """Write the values in full precision to a file named ``*.csv.gz``, and return their digest.

    Raises:
        RunError: the file cannot be written.
    """
    text = io.StringIO(newline="")
    # All strings are quoted, since csv would not quote a carriage return in a key; floats are written by their repr.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    measures = sorted(table.values)
    asked = [] if table.asked is None else [table.asked.tolist()]
    writer.writerow([*FIXED, *[ASKED for _ in asked], *measures])
    columns = [*asked, *(_plain(table.values[measure]) for measure in measures)]
    rows = zip(range(len(table)), table.keys, table.vehicle.tolist(), *columns, strict=True)
    writer.writerows(rows)
    with replace_file(path, "wb") as file:
        file.write(gzip.compress(text.getvalue().encode(), mtime=0))
    return table.digest


def read_per_query(path: str | Path, *, expected: str | None = None) -> PerQuery:
    """Read the values from a file, and compare them with the digest in the record unless it is None.

    Raises:
        RecordError: the file is missing, damaged, or does not match the record.
    """
    path = Path(path)
    rows = _rows(path)
    header = next(rows, [])
    if tuple(header[:3]) != FIXED or len(set(header)) != len(header):
        raise RecordError("the file has no per-query values", where=path, found=header, expected=[*FIXED, "measures"])
    drawn = header[3:4] == [ASKED]
    measures = header[4 if drawn else 3 :]
    keys: list[str] = []
    vehicle: list[int] = []
    asked: list[int] = []
    values: list[list[float]] = [[] for _ in measures]
    for number, row in enumerate(rows):
        try:
            if len(row) != len(header) or int(row[0]) != number:
                raise ValueError("a column or a row is missing")
            vehicle.append(int(row[2]))
            asked += [_count(cell) for cell in row[3:4] if drawn]
            for column, cell in zip(values, row[4 if drawn else 3 :], strict=True):
                column.append(_read(cell))
        except ValueError as problem:
            raise RecordError(
                "a row of per-query values cannot be read", where=f"{path}, row {number}", found=problem
            ) from None
        keys.append(row[1])
    columns = {measure: np.array(column) for measure, column in zip(measures, values, strict=True)}
    draws = np.array(asked, dtype=np.int64) if drawn else None
    table = PerQuery(tuple(keys), np.array(vehicle, dtype=np.int64), columns, draws)
    if expected is not None and table.digest != expected:
        raise RecordError("the per-query values do not match the record", where=path, expected=f"digest {expected}")
    return table


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with gzip.open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise RecordError("the per-query values are too large", where=path, expected=f"at most {MAX_BYTES} bytes")
        yield from csv.reader(io.StringIO(raw.decode(), newline=""), strict=True)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as problem:
        raise RecordError("the per-query values cannot be read", where=path, found=problem) from None


def _plain(column: Sequence[float] | npt.NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in np.asarray(column, dtype=np.float64).tolist()]


def _count(cell: str) -> int:
    value = int(cell)
    if not 0 <= value <= MOST_DRAWS:
        raise ValueError(f"{cell} is not a number of draws")
    return value


def _read(cell: str) -> float:
    value = float(cell) if cell else math.nan
    if cell and not math.isfinite(value):
        raise ValueError(f"{cell} is not a number")
    return value
