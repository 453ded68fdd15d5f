"""Feature tables as the kernel reads them: by blocks of whole units, checked, in canonical order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import FeatureError
from harness.kernel.exact import unit_sums
from harness.kernel.native.tuples import Block
from harness.kernel.prepared import Workers, norms_of

CHECKED = 4096
"""Rows checked at once for being finite, or copied at once into a table of several."""


class Rows(Protocol):
    """A table of features that gives its rows by slices: an array, or a dataset of an open HDF5 file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and numbers a row."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float16."""

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        """Return the rows of a slice with step 1."""


def check(table: Rows, rows: int, what: str) -> None:
    """Check that a table has the given number of rows and a dtype that the kernel reads.

    Raises:
        FeatureError: it does not.
    """
    if len(table.shape) != 2 or table.shape[0] != rows or table.shape[1] < 1:
        raise FeatureError(f"the {what} features do not fit the lists", found=table.shape, expected=f"({rows}, d)")
    if table.dtype not in (np.float32, np.float16):
        raise FeatureError(f"the {what} features are {table.dtype}", expected="float32 or float16")


def not_finite(table: Rows, what: str) -> FeatureError:
    """Return the error for a table with rows that hold NaN or infinity; it counts them all."""
    wrong = [
        first + int(row)
        for first in range(0, table.shape[0], CHECKED)
        for row in np.flatnonzero(~np.isfinite(table[first : first + CHECKED]).all(axis=1))
    ]
    return FeatureError(
        "features are not finite",
        where=f"{what} row {wrong[0]}",
        found=f"{len(wrong)} of {table.shape[0]} {what} rows hold NaN or infinity",
        next_step="extract the features again, in float32",
    )


def as_rows(values: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    """Return contiguous float32 rows; float16 is widened, which is exact."""
    return np.ascontiguousarray(values, dtype=np.float32)


class Gallery:
    """A gallery table cut into blocks of whole units.

    Args:
        table: (g, d) features.
        order: (n,) rows in the order of their units, or None if that is the table's own order.
        starts: (u + 1,) for each unit its images in that order.
        reduce: whether a unit is compared by its nearest image or by its mean.
        size: images a block; a unit of more images makes a block of its own.
        units: the first unit to read and the one behind the last.
    """

    def __init__(
        self,
        table: Rows,
        order: IntArray | None,
        starts: IntArray,
        reduce: Literal["maximum", "mean feature"],
        *,
        size: int,
        units: tuple[int, int],
    ) -> None:
        self.table = table
        self.order = order
        self.starts = starts
        self.reduce = reduce
        self.cuts = units[0] + cut(starts[units[0] : units[1] + 1], size)
        self.norms: dict[int, npt.NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.cuts) - 1

    @property
    def images(self) -> int:
        """The number of images to read."""
        return int(self.starts[self.cuts[-1]] - self.starts[self.cuts[0]])

    def blocks(self, numbers: Iterable[int], workers: Workers) -> Iterator[tuple[int, Block]]:
        """Yield blocks with their numbers; the next is read while one is used, unless all rows are in memory.

        Raises:
            FeatureError: a feature is not finite.
        """
        listed = [int(number) for number in numbers]
        if isinstance(self.table, np.ndarray) and self.order is None:
            for number in listed:
                yield number, self._block(number, self._read(number), workers)
            return
        with ThreadPoolExecutor(1) as reader:
            coming = deque(reader.submit(self._read, number) for number in listed[:1])
            for place, number in enumerate(listed):
                rows = coming.popleft().result()
                coming.extend(reader.submit(self._read, number) for number in listed[place + 1 : place + 2])
                yield number, self._block(number, rows, workers)

    def _read(self, number: int) -> npt.NDArray[np.floating]:
        starts = self.starts[self.cuts[number] : self.cuts[number + 1] + 1]
        return as_rows(self._rows(int(starts[0]), int(starts[-1])))

    def _block(self, number: int, rows: npt.NDArray[np.floating], workers: Workers) -> Block:
        first, last = int(self.cuts[number]), int(self.cuts[number + 1])
        starts = self.starts[first : last + 1] - self.starts[first]
        if number not in self.norms:
            self.norms[number] = norms_of(rows, workers)
            if not np.isfinite(self.norms[number]).all():
                raise not_finite(self.table, "gallery")
        if self.reduce == "mean feature" and len(starts) - 1 < len(rows):
            sums, means = unit_sums(rows, starts)
            return Block(sums, norms_of(sums, workers), np.arange(len(starts)), first, means)
        return Block(rows, self.norms[number], starts, first)

    def _rows(self, first: int, last: int) -> npt.NDArray[Any]:
        if self.order is None:
            return self.table[first:last]
        order = self.order[first:last]
        if isinstance(self.table, np.ndarray):
            return np.asarray(self.table[order])
        return np.concatenate([self.table[a:b] for a, b in runs(order)])


def take(table: Rows, numbers: IntArray) -> npt.NDArray[np.floating]:
    """Return some rows of a table, numbered in ascending order, as float32."""
    if not len(numbers):
        return np.empty((0, table.shape[1]), dtype=np.float32)
    rows = table[int(numbers[0]) : int(numbers[-1]) + 1]
    return as_rows(rows if len(rows) == len(numbers) else rows[numbers - numbers[0]])


def together(tables: Mapping[str, Rows], workers: Workers) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return several tables as one of float32 rows, and their canonical squared norms.

    Args:
        tables: of one width, by the name of their rows in an error.
        workers: the threads.

    Raises:
        FeatureError: a feature is not finite.
    """
    count = sum(table.shape[0] for table in tables.values())
    width = max(table.shape[1] for table in tables.values())
    rows, norms = np.empty((count, width), dtype=np.float32), np.empty(count)
    edge = 0
    for what, table in tables.items():
        own = slice(edge, edge + table.shape[0])
        for first in range(0, table.shape[0], CHECKED):
            rows[own][first : first + CHECKED] = table[first : first + CHECKED]
        norms[own] = norms_of(rows[own], workers)
        if not np.isfinite(norms[own]).all():
            raise not_finite(table, what)
        edge = own.stop
    return rows, norms


def runs(numbers: IntArray) -> Iterator[tuple[int, int]]:
    """Yield the runs of consecutive numbers as half-open ranges."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    for first, last in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
        if last > first:
            yield int(numbers[first]), int(numbers[last - 1]) + 1


def cut(starts: IntArray, size: int) -> IntArray:
    """Return the units at which blocks of at most ``size`` images begin, and the number of units."""
    units = len(starts) - 1
    cuts = [0]
    while cuts[-1] < units:
        last = int(np.searchsorted(starts, starts[cuts[-1]] + size, side="right")) - 1
        cuts.append(min(max(last, cuts[-1] + 1), units))
    return np.array(cuts, dtype=np.int64)
