"""Records that nobody measured, for the tests of what is done with records."""

from __future__ import annotations

from typing import Any

from harness.canonical import digest
from harness.record import Record


def record(**changes: Any) -> Record:
    """Return a record of `synthetic/image-to-image`; what is changed may be any field."""
    method = changes.get("method", "strong-baseline")
    fields: dict[str, Any] = {
        "protocol": "synthetic",
        "version": 1,
        "task": "image-to-image",
        "fingerprint": digest("the images of synthetic"),
        "official": True,
        "method": method,
        "seed": 0,
        "features": digest(["the features of", method, changes.get("variant", ""), changes.get("seed", 0)]),
        "width": 512,
        "dtype": "float32",
        "metric": "cosine",
        "input_size": (64, 64),
        "queries": 100,
        "ranked_by": "ap",
        "measures": {"ap": 0.5, "cmc@1": 0.7, "cmc@5": 0.9},
    }
    return Record(**{**fields, **changes})
