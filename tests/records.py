"""Records that nobody measured, for the tests of what is done with records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.basics.digests import digest
from harness.scoring.per_query import PerQuery, write_per_query
from harness.scoring.record import PerQueryFile, Record, write_record


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


def seeds(**fields: Any) -> list[Record]:
    """Return the records of three runs that differ only in their seed."""
    return [record(seed=seed, train_on="synthetic", **fields) for seed in range(3)]


def write_seeds(folder: Path, method: str, ap: Sequence[float], **fields: Any) -> list[Path]:
    """Write the results of three runs that differ only in their seed, and by a thousandth; return their paths."""
    return [
        write_result(
            folder / str(seed), method, np.clip(np.array(ap) + step, 0, 1), seed=seed, train_on="synthetic", **fields
        )
        for seed, step in enumerate((-0.001, 0.0, 0.001))
    ]


def write_result(folder: Path, method: str, ap: Sequence[float], task: str = "image-to-image", **fields: Any) -> Path:
    """Write a record with its per-query values, three queries a vehicle, as a run leaves them; return its path."""
    values = {"ap": np.array(ap, dtype=float), "cmc@1": (np.array(ap) > 0.5).astype(float)}
    values["cmc@5"] = (np.array(ap) > 0.25).astype(float)
    table = PerQuery(tuple(f"q/{row}.jpg" for row in range(len(ap))), np.arange(len(ap)) // 3, values)
    name = f"per-query-{task}.csv.gz"
    write_per_query(folder / name, table)
    path = folder / f"record-{task}.json"
    means = {measure: float(np.nanmean(column)) for measure, column in values.items()}
    about = PerQueryFile(name=name, digest=table.digest)
    write_record(path, record(method=method, task=task, measures=means, queries=len(ap), per_query=about, **fields))
    return path
