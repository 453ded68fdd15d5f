"""Fixtures that several parts of the suite share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set of a few vehicles, in VeRi-776's layout."""
    from protocols.synthetic import make

    out = tmp_path_factory.mktemp("synthetic") / "small"
    make(out, vehicles=16, cameras=8, image_size=64, seed=7)
    return out
