"""Per-query values summed by vehicle, as whole numbers: their sums are exact in any order and on any machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import RecordError
from harness.scoring.per_query import PerQuery
from leaderboard.statistics.chance import IntArray

BITS = 62
"""Sums stay below 2**62, within an int64."""
FINEST = 40
"""Values are rounded to 2**-40, about 1e-12."""


@dataclass(frozen=True, eq=False)
class ByVehicle:
    """Sums of a measure over the queries of each vehicle.

    Attributes:
        sums: (v,) int64, in units of 1 / ``unit``.
        counts: (v,) int64, the vehicle's queries that have a value.
        unit: a power of two.
    """

    sums: IntArray
    counts: IntArray
    unit: int

    @property
    def coarse(self) -> ByVehicle:
        """The same sums in a coarser unit in which sums of squares also fit an int64; exact to 1e-5 or better."""
        most = len(self.counts) * int(self.counts.max()) ** 2
        shift = max(0, self.unit.bit_length() - 1 - (BITS - most.bit_length()) // 2)
        return ByVehicle((self.sums + (1 << shift >> 1)) >> shift, self.counts, self.unit >> shift)

    @property
    def mean(self) -> float:
        """The mean over the queries."""
        return int(self.sums.sum()) / (int(self.counts.sum()) * self.unit)


def by_vehicle(values: npt.NDArray[np.float64], vehicle: IntArray) -> ByVehicle:
    """Sum per-query values by vehicle.

    Args:
        values: (q,) float64 from -1 to 1; NaN for a query without a value.
        vehicle: (q,) int64.

    Raises:
        RecordError: no query has a value.
    """
    known = ~np.isnan(values)
    if not known.any():
        raise RecordError("no query has a value")
    _, row = np.unique(vehicle[known], return_inverse=True)
    counts = np.bincount(row).astype(np.int64)
    # A resample may contain only the vehicle with the most queries.
    unit = 1 << min(FINEST, BITS - (len(counts) * int(counts.max())).bit_length())
    sums = np.zeros(len(counts), dtype=np.int64)
    np.add.at(sums, row, np.rint(values[known] * unit).astype(np.int64))
    return ByVehicle(sums, counts, unit)


def difference(one: PerQuery, other: PerQuery, measure: str) -> ByVehicle:
    """Return the paired differences ``one - other`` of a measure.

    Raises:
        RecordError: the two have different queries, or one lacks the measure.
    """
    for table in (one, other):
        if measure not in table.values:
            raise RecordError(f"there are no per-query values of '{measure}'", expected=", ".join(table.values))
    a, b = one.values[measure], other.values[measure]
    same_queries = len(one) == len(other) and np.array_equal(np.isnan(a), np.isnan(b))
    if not same_queries or not np.array_equal(one.vehicle, other.vehicle):
        raise RecordError("the per-query values are of different queries", found=f"{len(one)} and {len(other)} rows")
    return by_vehicle(a - b, one.vehicle)
