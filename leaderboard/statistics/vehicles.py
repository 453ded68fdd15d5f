"""Per-query values summed by vehicle, as whole numbers: their sums are exact in any order and on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.images import IntArray
from harness.errors import RecordError
from harness.scoring.per_query import PerQuery

FloatArray = npt.NDArray[np.float64]
BITS = 62
"""Sums stay below 2**62, within an int64."""
FINEST = 40
"""Values are rounded to 2**-40, about 1e-12."""


@dataclass(frozen=True, eq=False)
class ByVehicle:
    """Sums of a measure over the queries of each vehicle.

    Attributes:
        sums: (v,) int64, in units of 1 / ``unit``.
        counts: (v,) int64, the vehicle's queries that have a value; with draws, how often they were asked.
        unit: a power of two.
        vehicles: (v,) int64, the vehicles, ascending; None for sums that are compared with no others.
    """

    sums: IntArray
    counts: IntArray
    unit: int
    vehicles: IntArray | None = None

    def check_same(self, other: ByVehicle) -> None:
        """Check that two are of the same queries of the same vehicles, so that their sums can be subtracted.

        Raises:
            RecordError: they are not.
        """
        same = np.array_equal(self.counts, other.counts) and self.unit == other.unit
        if self.vehicles is not None and other.vehicles is not None:
            same = same and np.array_equal(self.vehicles, other.vehicles)
        if not same:
            raise RecordError(
                "the per-query values are of different queries",
                found=f"{int(self.counts.sum())} queries of {len(self.counts)} vehicles, "
                f"and {int(other.counts.sum())} of {len(other.counts)}",
            )

    @property
    def coarse(self) -> ByVehicle:
        """The same sums in a coarser unit in which sums of squares also fit an int64; exact to 1e-5 or better."""
        most = len(self.counts) * int(self.counts.max()) ** 2
        finest = self.unit.bit_length() - 1
        shift = min(finest, max(0, finest - (BITS - most.bit_length()) // 2))
        return ByVehicle((self.sums + (1 << shift >> 1)) >> shift, self.counts, self.unit >> shift, self.vehicles)

    @property
    def mean(self) -> float:
        """The mean over the queries."""
        return int(self.sums.sum()) / (int(self.counts.sum()) * self.unit)

    @property
    def residuals(self) -> FloatArray:
        """(v,) float64: each vehicle's sum minus what its queries would sum to if all were equal to the mean."""
        return self.sums / self.unit - self.mean * self.counts


def by_vehicle(values: FloatArray, vehicle: IntArray, asked: IntArray | None = None) -> ByVehicle:
    """Sum per-query values by vehicle.

    Args:
        values: (q,) float64 from -1 to 1; NaN for a query without a value.
        vehicle: (q,) int64.
        asked: (q,) int64, in how many draws a query counts; None if each counts once.

    Raises:
        RecordError: no query has a value.
    """
    weights = np.ones(len(values), dtype=np.int64) if asked is None else asked
    known = ~np.isnan(values) & (weights > 0)
    if not known.any():
        raise RecordError("no query has a value")
    vehicles, row = np.unique(vehicle[known], return_inverse=True)
    counts = np.zeros(int(row.max()) + 1, dtype=np.int64)
    np.add.at(counts, row, weights[known])
    # A resample may contain only the vehicle with the most queries.
    unit = 1 << min(FINEST, BITS - (len(counts) * int(counts.max())).bit_length())
    sums = np.zeros(len(counts), dtype=np.int64)
    np.add.at(sums, row, np.rint(values[known] * unit).astype(np.int64) * weights[known])
    return ByVehicle(sums, counts, unit, vehicles)


@dataclass(frozen=True, eq=False)
class Runs:
    """One measure of a method's runs, which differ only in their seed.

    Attributes:
        runs: the values of each run.
        mean: the values of the mean over the runs.
        draws: (d,) float64, the mean over the runs of each draw's mean; empty without draws.
    """

    runs: tuple[ByVehicle, ...]
    mean: ByVehicle
    draws: FloatArray

    @classmethod
    def of(cls, tables: Sequence[PerQuery], measure: str, draws: Sequence[Sequence[float]] = ()) -> Runs:
        """Return the runs of some tables of per-query values; ``draws`` holds the means of each run's draws.

        Raises:
            RecordError: the tables have different queries, or one lacks the measure.
        """
        for table in tables:
            check_same(tables[0], table, measure)
        columns = [table.values[measure] for table in tables]
        runs = tuple(by_vehicle(column, tables[0].vehicle, tables[0].asked) for column in columns)
        together = runs[0]
        if len(runs) > 1:
            together = by_vehicle(np.sum(columns, axis=0) / len(columns), tables[0].vehicle, tables[0].asked)
        return cls(runs, together, np.sum(draws, axis=0) / len(draws) if len(draws) else np.zeros(0))


def check_same(one: PerQuery, other: PerQuery, measure: str) -> None:
    """Check that two tables hold a measure of the same queries.

    Raises:
        RecordError: they have different queries, or one lacks the measure.
    """
    for table in (one, other):
        if measure not in table.values:
            raise RecordError(f"there are no per-query values of '{measure}'", expected=", ".join(table.values))
    a, b = one.values[measure], other.values[measure]
    same_queries = len(one) == len(other) and np.array_equal(np.isnan(a), np.isnan(b))
    if same_queries and one.asked is not None and other.asked is not None:
        same_queries = np.array_equal(one.asked, other.asked)
    if not same_queries or not np.array_equal(one.vehicle, other.vehicle):
        raise RecordError("the per-query values are of different queries", found=f"{len(one)} and {len(other)} rows")
