"""Fixtures that several parts of the suite share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Training takes as many threads as there are idle processors, and their number can move a digit. The processes of
# pytest-xdist share them.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // WORKERS, 1)))

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


@pytest.fixture(autouse=True, scope="session")
def unforced() -> Iterator[None]:
    """Do not wait for the disk after each of some ten thousand small files: no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # it refuses a closed file too
        yield


@pytest.fixture(scope="session")
def small_synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set of a few vehicles, in VeRi-776's layout."""
    from protocols.synthetic import make

    out = tmp_path_factory.mktemp("synthetic") / "small"
    make(out, vehicles=16, cameras=8, image_size=64, seed=7)
    return out
