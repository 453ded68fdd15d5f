"""Feature tables as the kernel reads them: by blocks of whole units, checked, in canonical order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from harness.errors import FeatureError
from harness.images import IntArray
from harness.kernel.native.similarity import unit_means
from harness.kernel.prepared import Workers, norms_of

CHECKED = 4096
"""Rows that are looked through at once for those that are not finite."""


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


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive units of the gallery, in memory.

    Attributes:
        first: number of the first unit.
        rows: (n, d) float32 features, or float64 means.
        norms: (n,) float64, their canonical squared norms.
        starts: (units + 1,) int64, the rows of each unit.
    """

    first: int
    rows: npt.NDArray[np.floating]
    norms: npt.NDArray[np.float64]
    starts: IntArray


def check(table: Rows, rows: int, what: str) -> None:
    """Check that a table has the given number of rows and a dtype that the kernel reads.

    Raises:
        FeatureError: it has not.
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
        order: (n,) rows in the order of their units, or None where that is the table's own.
        starts: (u + 1,) for each unit its images in that order.
        reduce: whether a unit is compared by its nearest image or by its mean.
        size: images a block; a unit of more images makes a block of its own.
    """

    def __init__(
        self,
        table: Rows,
        order: IntArray | None,
        starts: IntArray,
        reduce: Literal["maximum", "mean feature"],
        size: int,
    ) -> None:
        self.table = table
        self.order = order
        self.starts = starts
        self.reduce = reduce
        self.cuts = cut(starts, size)
        self.norms: dict[int, npt.NDArray[np.float64]] = {}

    @property
    def width(self) -> int:
        """Numbers a row."""
        return int(self.table.shape[1])

    def __len__(self) -> int:
        return len(self.cuts) - 1

    def read(self, number: int) -> tuple[int, npt.NDArray[np.floating], IntArray]:
        """Return one block: its first unit, its rows, and the rows of each unit."""
        first, last = int(self.cuts[number]), int(self.cuts[number + 1])
        starts = self.starts[first : last + 1]
        rows = as_rows(self._rows(int(starts[0]), int(starts[-1])))
        starts = starts - starts[0]
        if self.reduce == "mean feature" and len(starts) - 1 < len(rows):
            means = np.empty((len(starts) - 1, self.width))
            unit_means(rows, starts, means)
            rows, starts = means, np.arange(len(starts))
        return first, rows, starts

    def block(self, number: int, workers: Workers) -> Block:
        """Return one block with its norms, which are computed once and remembered.

        Raises:
            FeatureError: a feature is not finite.
        """
        first, rows, starts = self.read(number)
        norms = self.norms.get(number)
        if norms is None:
            norms = self.norms[number] = norms_of(rows, workers)
            if not np.isfinite(norms).all():
                raise not_finite(self.table, "gallery")
        return Block(first, rows, norms, starts)

    def _rows(self, first: int, last: int) -> npt.NDArray[Any]:
        if self.order is None:
            return self.table[first:last]
        order = self.order[first:last]
        if isinstance(self.table, np.ndarray):
            return np.asarray(self.table[order])
        return np.concatenate([self.table[a:b] for a, b in runs(order)])


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
