"""Sorting what falls into few buckets: one walk, where a sort by two keys would compare."""

from __future__ import annotations

from typing import Any

from harness.kernel.native.compiled import compiled

Array = Any


@compiled
def by_bucket(buckets: Array, then: Array, starts: Array, out: Array) -> None:
    """Write the order by bucket, rows of one bucket standing in the order ``then``.

    Args:
        buckets: (n,) number of each row's bucket.
        then: (n,) an order of the rows.
        starts: (buckets,) where each bucket starts in the result; they are moved to where it ends.
        out: (n,) the order.
    """
    for row in then:
        bucket = buckets[row]
        out[starts[bucket]] = row
        starts[bucket] += 1
