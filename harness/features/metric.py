"""The metrics by which features are compared."""

from __future__ import annotations

from typing import Literal, get_args

from harness.errors import UsageError

Metric = Literal["cosine", "euclidean"]
"""How two features are compared; a higher similarity, or a smaller distance, ranks first."""


def check_metric(metric: object) -> None:
    """Refuse what is not a metric.

    Raises:
        UsageError: it is none.
    """
    if metric not in get_args(Metric):
        raise UsageError("unknown metric", found=metric, expected=" or ".join(get_args(Metric)))
