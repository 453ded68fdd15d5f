"""The metrics by which features are compared."""

from __future__ import annotations

from typing import Literal

Metric = Literal["cosine", "euclidean"]
