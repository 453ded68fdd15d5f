"""The metrics by which features are compared."""

from __future__ import annotations

from typing import Literal

Metric = Literal["cosine", "euclidean"]
"""How two features are compared; a higher similarity, or a smaller distance, ranks first."""
