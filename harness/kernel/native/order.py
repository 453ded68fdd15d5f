"""Sorting rows of few buckets in one walk, without the comparisons of a sort by two keys."""

from __future__ import annotations

from typing import Any

from harness.kernel.native.compiled import compiled

Array = Any


@compiled
def by_bucket(buckets: Array, then: Array, starts: Array, out: Array) -> None:
    """Write the order by bucket, and by ``then`` within a bucket.

    Args:
        buckets: (n,) number of each row's bucket.
        then: (n,) an order of the rows.
        starts: (buckets,) the start of each bucket in the result; moved to its end.
        out: (n,) the order.
    """
    for row in then:
        bucket = buckets[row]
        out[starts[bucket]] = row
        starts[bucket] += 1
