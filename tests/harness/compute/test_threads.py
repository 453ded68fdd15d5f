"""Training takes no more threads than there are idle processors, and gives back what it took."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from harness.compute import threads
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.compute.threads import fitting_threads, idle_processors

BEFORE = 4
"""The threads that torch has before training."""


@pytest.fixture(autouse=True)
def four_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(BEFORE)
    yield
    torch.set_num_threads(threads_before)


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A machine with made-up shares of each processor in percent, of which some belong to this process."""

    def make(*shares: dict[str, float], own: Any = None) -> None:
        nothing = {"user": 0.0, "nice": 0.0, "system": 0.0, "idle": 0.0, "iowait": 0.0}
        found = [SimpleNamespace(**{**nothing, **share}) for share in shares]

        def measure(interval: float, *, percpu: bool) -> list[SimpleNamespace]:
            assert interval > 0
            assert percpu
            return found

        def affinity(_process: psutil.Process) -> list[int]:
            if isinstance(own, Exception):
                raise own
            return list(range(len(found)) if own is None else own)

        monkeypatch.setattr(psutil, "cpu_times_percent", measure)
        monkeypatch.setattr(psutil.Process, "cpu_affinity", affinity, raising=False)

    return make


IDLE: dict[str, float] = {}


@pytest.mark.parametrize(
    ("shares", "idle"),
    [
        ([IDLE], 1),
        ([IDLE, IDLE], 2),
        ([{"user": 100.0}, IDLE], 1),
        ([{"user": 60.0, "system": 40.0}, IDLE], 1),
        ([{"steal": 100.0}, IDLE], 1),
        ([{"user": 100.0}, {"system": 100.0}], 0),
        # One program need not stay on one processor.
        ([{"user": 50.0}, {"user": 50.0}], 1),
        ([{"user": 25.0}] * 4, 3),
        # A little is always going on.
        ([{"user": 15.0}, {"system": 10.0}], 2),
        ([{"user": 20.0}, {"system": 15.0}], 1),
        # What gives way, and waiting for a disk, take nothing from a training.
        ([{"nice": 100.0}, {"iowait": 100.0}], 2),
    ],
)
def test_a_processor_is_idle_unless_programs_of_ordinary_priority_use_it(
    processors: Callable[..., None], shares: list[dict[str, float]], idle: int
):
    processors(*shares)

    assert idle_processors() == idle


@pytest.mark.parametrize(
    ("own", "idle"),
    [
        ([1, 2], 2),
        ([0, 1], 1),
        ([0], 0),
        ([3], 1),
        ([1, 7], 1),  # the eighth was taken away meanwhile
        (AttributeError("not on this system"), 3),
        (psutil.AccessDenied(), 3),
    ],
)
def test_only_the_processors_of_this_process_count_where_they_are_known(
    processors: Callable[..., None], own: Any, idle: int
):
    processors({"user": 100.0}, IDLE, IDLE, IDLE, own=own)

    assert idle_processors() == idle


def test_a_system_that_does_not_say_how_busy_it_is_counts_as_idle(monkeypatch: pytest.MonkeyPatch):
    def fail(**_words: Any) -> None:
        raise FileNotFoundError("/proc/stat")

    monkeypatch.setattr(psutil, "cpu_times_percent", fail)
    monkeypatch.setattr("os.cpu_count", lambda: 6)

    assert idle_processors() == 6


def cpu() -> Any:
    return open_fabric(Compute(device="cpu"))


@pytest.mark.parametrize(("busy", "chosen"), [(0, 4), (1, 3), (3, 1), (4, 1)])
def test_training_takes_a_thread_for_each_idle_processor_and_at_least_one(
    processors: Callable[..., None], caplog: pytest.LogCaptureFixture, busy: int, chosen: int
):
    processors(*[{"user": 100.0}] * busy, *[IDLE] * (4 - busy))

    with caplog.at_level(logging.INFO, "bench"), fitting_threads(cpu()) as number:
        assert (number, torch.get_num_threads()) == (chosen, chosen)

    assert torch.get_num_threads() == BEFORE
    said = f"other programs are using the processor: training with {chosen} of 4 threads"
    assert caplog.messages == ([said] if busy else [])


def test_more_idle_processors_than_threads_add_none(processors: Callable[..., None]):
    processors(*[IDLE] * 16)

    with fitting_threads(cpu()) as number:
        assert (number, torch.get_num_threads()) == (BEFORE, BEFORE)


def test_an_error_gives_the_threads_back(processors: Callable[..., None]):
    processors({"user": 100.0}, IDLE)

    with pytest.raises(ZeroDivisionError), fitting_threads(cpu()):
        raise ZeroDivisionError

    assert torch.get_num_threads() == BEFORE


ALONE = {"device": torch.device("cpu"), "world_size": 1}


@pytest.mark.parametrize(
    ("fabric", "set_by_user", "before"),
    [
        (ALONE, "3", BEFORE),
        (ALONE | {"device": torch.device("cuda")}, None, BEFORE),
        (ALONE | {"world_size": 2}, None, BEFORE),
        (ALONE, None, 1),
    ],
    ids=["OMP_NUM_THREADS", "on a GPU", "one of two processes", "one thread"],
)
def test_otherwise_the_processors_are_not_even_watched(
    monkeypatch: pytest.MonkeyPatch, fabric: dict[str, Any], set_by_user: str | None, before: int
):
    watched = []
    monkeypatch.setattr(threads, "idle_processors", lambda: watched.append(1) or 0)
    torch.set_num_threads(before)
    if set_by_user is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_user)

    with fitting_threads(SimpleNamespace(**fabric)) as number:  # type: ignore[arg-type]  # all that it looks at
        assert (number, torch.get_num_threads()) == (before, before)

    assert watched == []
