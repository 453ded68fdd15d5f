"""The per-query values of one task of one run, in a compressed CSV file that pandas can read directly."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.basics.digests import digest
from harness.basics.files import replace_file
from harness.data.images import IntArray
from harness.errors import RecordError, in_one_line

MAX_BYTES = 256 << 20
"""The maximum size when uncompressed, 128 times the 2 MB of the largest known task, VehicleID's 17,377 queries."""
LONGEST_LINE = 1 << 16
"""The longest line of a file in bytes; one of 20 measures has at most 1,500."""
MOST_CELLS = 1 << 24
"""The most cells of a file: two million queries with five measures."""
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
    with _reading(path), gzip.open(path, "rb") as file:
        table = _read_table(path, csv.reader(_lines(file, path), strict=True))
    if expected is not None and table.digest != expected:
        raise RecordError("the per-query values do not match the record", where=path, expected=f"digest {expected}")
    return table


def _read_table(path: Path, rows: Iterator[list[str]]) -> PerQuery:
    header = next(rows, [])
    if tuple(header[:3]) != FIXED or len(set(header)) != len(header):
        raise RecordError(
            "the file has no per-query values",
            where=path,
            found=str(header)[:200],
            expected=f"the columns {', '.join(FIXED)} and measures",
        )
    first = 4 if header[3:4] == [ASKED] else 3
    keys: list[str] = []
    # Arrays rather than lists: 8 bytes a number.
    vehicle, asked, values = array("q"), array("q"), [array("d") for _ in header[first:]]
    for number, row in enumerate(rows):
        try:
            if len(row) != len(header) or int(row[0]) != number:
                raise ValueError("a column or a row is missing")
            vehicle.append(_within(int(row[2]), "a vehicle"))
            if first == 4:
                asked.append(_count(row[3]))
            for column, cell in zip(values, row[first:], strict=True):
                column.append(_read(cell))
        except ValueError as problem:
            raise RecordError(
                "a row of per-query values cannot be read",
                where=f"{path}, row {number}",
                found=in_one_line(problem),
            ) from None
        if (number + 1) * len(header) > MOST_CELLS:
            raise _too_large(path, f"more than {number} rows of {len(header)} columns", f"at most {MOST_CELLS} cells")
        keys.append(row[1])
    columns = {measure: np.array(column) for measure, column in zip(header[first:], values, strict=True)}
    draws = np.array(asked) if first == 4 else None
    return PerQuery(tuple(keys), np.array(vehicle), columns, draws)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Check a file's size before it is read, and turn the errors of reading it into a RecordError."""
    try:
        if path.exists() and not path.is_file():
            raise RecordError("the per-query values are no regular file", where=path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_large(path, f"{size} bytes", f"at most {MAX_BYTES} bytes")
        yield
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as problem:
        raise RecordError("the per-query values cannot be read", where=path, found=in_one_line(problem)) from None


def _lines(file: gzip.GzipFile, path: Path) -> Iterator[str]:
    """Yield the lines of a compressed file, which may hold much more than its size tells."""
    read = 0
    while line := file.readline(LONGEST_LINE + 1):
        read += len(line)
        if len(line) > LONGEST_LINE:
            raise _too_large(path, f"a line of more than {LONGEST_LINE} bytes", f"at most {LONGEST_LINE} bytes a line")
        if read > MAX_BYTES:
            raise _too_large(path, f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes when uncompressed")
        yield line.decode()


def _too_large(path: Path, found: str, expected: str) -> RecordError:
    return RecordError("the per-query values are too large", where=path, found=found, expected=expected)


def _within(value: int, what: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{what} of {len(str(value))} digits, more than 19")
    return value


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
