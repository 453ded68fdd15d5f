"""When the state is written: a small one after every epoch, a large one at the ends of stages and every few minutes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.data.dataset import Dataset
from harness.errors import RunError
from harness.training import engine
from harness.training.state import NAME, State, save_state
from tests.harness.training.fits import STEPS, Interrupted, fit, rows, same
from tests.tiny import tiny

MINUTE = 60.0
"""What an epoch takes by the made-up clock."""


class Clock:
    """A clock that only a training moves on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(engine, "time", found)
    return found


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The stage, from 0, and the epoch of every state that was written."""
    found: list[tuple[int, int]] = []

    def save(folder: Path, state: State) -> None:
        save_state(folder, state)
        found.append((state.stage, state.epoch))

    monkeypatch.setattr(engine, "save_state", save)
    return found


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of a hundred weights is a large one."""
    monkeypatch.setattr(engine, "SMALL", 100)


@pytest.fixture
def slow(clock: Clock) -> Callable[..., Any]:
    """A method whose epochs take a minute, unless told otherwise."""

    class Slow(Interrupted):
        epoch_takes = MINUTE

        def losses(self, *arguments: Any) -> Mapping[str, Tensor]:
            clock.now += self.epoch_takes / STEPS
            return super().losses(*arguments)

    def make(*epochs: int, stop_at: int = 0, epoch_takes: float = MINUTE) -> Any:
        method = tiny(Slow, epochs=epochs)
        method.stop_at, method.epoch_takes = stop_at, epoch_takes
        return method

    return make


def test_the_limits_are_a_quarter_of_a_gigabyte_and_three_minutes():
    assert (engine.SMALL, engine.SAVED_EVERY) == (2**28, 180)


def test_a_small_state_is_written_after_every_epoch(
    dataset: Dataset, tmp_path: Path, slow: Callable[..., Any], written: list[tuple[int, int]]
):
    fit(dataset, tmp_path, slow(2, 1, epoch_takes=1))

    assert written == [(0, 1), (0, 2), (1, 1)]


@pytest.mark.usefixtures("large")
def test_a_large_state_of_quick_epochs_is_written_at_the_ends_of_stages_alone(
    dataset: Dataset, tmp_path: Path, slow: Callable[..., Any], written: list[tuple[int, int]]
):
    fit(dataset, tmp_path, slow(3, 2, epoch_takes=1))

    assert written == [(0, 3), (1, 2)]
    assert len(rows(tmp_path)) == 5


@pytest.mark.usefixtures("large")
def test_a_large_state_is_written_when_more_than_three_minutes_have_passed_since_the_last(
    dataset: Dataset, tmp_path: Path, slow: Callable[..., Any], written: list[tuple[int, int]]
):
    fit(dataset, tmp_path, slow(10, 5))

    # After 4 and 8 minutes, and at the end after 10; again 4 minutes later, and at the end.
    assert written == [(0, 4), (0, 8), (0, 10), (1, 4), (1, 5)]


def interrupt(dataset: Dataset, folder: Path, method: Any, caplog: pytest.LogCaptureFixture) -> tuple[str, str]:
    """Return the first and the last message of a training that is interrupted."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "bench"), pytest.raises(KeyboardInterrupt):
        fit(dataset, folder, method)
    return caplog.messages[0], caplog.messages[-1]


AFTER = "interrupted: the same command resumes after "


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("step", "saved", "done"),
    [
        (4 * STEPS, "the start", 0),
        (4 * STEPS + 1, "epoch 4 of 'stage 1'", 4),
        (5 * STEPS + 2, "epoch 4 of 'stage 1'", 4),
        (6 * STEPS + 1, "epoch 6 of 'stage 1'", 6),
    ],
)
def test_an_interruption_names_the_epoch_that_is_saved_and_resumes_with_the_same_bits(
    dataset: Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    slow: Callable[..., Any],
    step: int,
    saved: str,
    done: int,
):
    expected = fit(dataset, tmp_path / "whole", slow(6, 2))
    folder = tmp_path / "cut"

    assert interrupt(dataset, folder, slow(6, 2, stop_at=step), caplog)[1] == AFTER + saved
    assert (folder / NAME).exists() == (done > 0)
    # Nor is anything that is not saved claimed by one that comes at once after it resumed.
    first, last = interrupt(dataset, folder, slow(6, 2, stop_at=2), caplog)
    assert last == AFTER + saved
    assert (first == f"training resumes after {saved}") == (done > 0)

    resumed = slow(6, 2)
    assert same(fit(dataset, folder, resumed), expected)
    assert -resumed.stop_at == (8 - done) * STEPS
    assert (folder / "validation.csv").read_bytes() == (tmp_path / "whole/validation.csv").read_bytes()


def fail(*_arguments: Any) -> None:
    raise RunError("could not be written")


@pytest.mark.parametrize(
    ("part", "limit", "left"),
    [
        ("save_state", 2**20, {"state": 1, "table": 1}),
        ("write_table", 2**20, {"state": 2, "table": 1}),
        ("save_state", 0, {"state": 0, "table": 2}),
        ("write_table", 0, {"state": 0, "table": 1}),
    ],
)
def test_whichever_file_cannot_be_written_the_training_goes_on_from_the_state_with_the_same_bits(
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slow: Callable[..., Any],
    part: str,
    limit: int,
    left: dict[str, int],
):
    """The state is written first, so that the table never tells of more epochs than a small state remembers."""
    monkeypatch.setattr(engine, "SMALL", limit)
    expected, folder = fit(dataset, tmp_path / "whole", slow(3)), tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        fit(dataset, folder, slow(3, stop_at=STEPS + 1))
    with monkeypatch.context() as patch:
        patch.setattr(engine, part, fail)
        with pytest.raises(RunError, match="could not be written"):
            fit(dataset, folder, slow(3))

    state = torch.load(folder / NAME, weights_only=True) if (folder / NAME).exists() else {"epoch": 0}
    assert {"state": state["epoch"], "table": len(rows(folder))} == left
    resumed = slow(3)
    assert same(fit(dataset, folder, resumed), expected)
    assert -resumed.stop_at == (3 - state["epoch"]) * STEPS
    assert (folder / "validation.csv").read_bytes() == (tmp_path / "whole/validation.csv").read_bytes()
