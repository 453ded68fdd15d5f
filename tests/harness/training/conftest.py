"""Fixtures of all tests of training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from harness.data.dataset import Dataset
from harness.training import engine
from tests.tiny import tiny_dataset


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train on one thread, since threads of networks this small spend their time waiting for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no curve, which takes as long as a training this small, unless a test uses ``drawn``."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(engine, "draw_curve", lambda *_: None)


@pytest.fixture
def drawn() -> None:
    """Draw the curve of every training."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("tiny"))
