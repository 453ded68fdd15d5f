"""The mean of a measure over subsets of a gallery, and its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

from leaderboard.statistics.intervals import TAIL, Interval
from leaderboard.statistics.variance import student_quantile


def mean_and_interval(values: Sequence[float]) -> tuple[float, Interval | None]:
    """Return the mean of some repeats, and the 95 % interval of Student's t for it.

    Args:
        values: one for each repeat, from 0 to 1.

    Returns:
        The interval is None if there is one repeat, or all are equal.

    Example:
        >>> mean_and_interval([0.5, 0.5])
        (0.5, None)
    """
    mean = math.fsum(values) / len(values)
    if len(set(values)) == 1:
        return values[0], None
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
    reach = student_quantile(1 - TAIL, len(values) - 1) * error
    return mean, Interval(max(0.0, mean - reach), min(1.0, mean + reach))
