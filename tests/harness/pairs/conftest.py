"""A small data set with features of all its images."""

from __future__ import annotations

import numpy as np
import pytest

import harness
from harness.registry.registry import load


@pytest.fixture(scope="session")
def made(small_synthetic):
    """Return keys and (n, 8) float32 features that tell the drawn vehicles apart, but not always."""
    protocol, _ = load().tasks("synthetic")
    splits = protocol.load(small_synthetic).splits.values()
    vehicle = {path: int(number) for table in splits for path, number in zip(table.paths, table.vehicle, strict=True)}
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((max(vehicle.values()) + 1, 8))
    rows = centres[list(vehicle.values())] + 0.8 * rng.standard_normal((len(vehicle), 8))
    return tuple(vehicle), rows.astype(np.float32)


@pytest.fixture(scope="session")
def features(made, tmp_path_factory):
    """Return a feature file of all images."""
    path = tmp_path_factory.mktemp("features") / "f.h5"
    harness.write_features(path, *made, dataset="synthetic", method="mine")
    return path
