"""Threads sleep while they wait if the machine is crowded, unless the user or an imported torch has decided already."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.compute import waiting
from harness.compute.waiting import POLICY, SETTINGS, choose_waiting, others

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has neither chosen nor imported torch, on two processors."""
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # so that it is as before afterwards
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(waiting, "processors", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    choose_waiting.cache_clear()
    yield
    choose_waiting.cache_clear()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float, int], None]:
    """A machine with a load of the last minute, and a number of threads that run now, this one included."""

    def make(minute: float, running: int) -> None:
        (tmp_path / "loadavg").write_text(f"{minute:.2f} 0.00 0.00 {running}/321 4711\n")
        monkeypatch.setattr("os.getloadavg", lambda: (minute, 0.0, 0.0), raising=False)
        monkeypatch.setattr(waiting, "LOAD", tmp_path / "loadavg")

    return make


@pytest.mark.parametrize(
    ("minute", "running", "busy"),
    [
        (0.0, 1, 0.0),
        (1.2, 3, 1.2),
        (5.0, 2, 1.0),
        (2.0, 1, 0.0),  # an earlier command of ours has just ended
        (0.2, 9, 0.2),  # a short burst
    ],
)
def test_others_are_busy_who_run_now_and_have_run_for_some_time(
    load: Callable[[float, int], None], minute: float, running: int, busy: float
):
    load(minute, running)

    assert others() == busy


def test_a_system_without_proc_tells_the_load_alone(load: Callable[[float, int], None], monkeypatch, tmp_path):
    load(1.5, 1)
    monkeypatch.setattr(waiting, "LOAD", tmp_path / "nothing")

    assert others() == 1.5


@pytest.mark.parametrize("problem", [AttributeError, OSError])
def test_a_system_that_tells_no_load_counts_as_quiet(monkeypatch, problem):
    def fail() -> None:
        raise problem

    monkeypatch.setattr("os.getloadavg", fail, raising=False)

    assert others() == 0.0


@pytest.mark.parametrize(("busy", "chosen"), [(0.0, "active"), (0.4, "active"), (1.0, "passive"), (7.0, "passive")])
def test_threads_sleep_if_more_are_busy_than_there_are_processors(monkeypatch, busy: float, chosen: str):
    monkeypatch.setattr(waiting, "others", lambda: busy)

    assert choose_waiting() == f"{chosen}: 2 threads beside {busy:.1f} other busy ones, on 2 processors"
    assert os.environ.get(POLICY) == ("passive" if chosen == "passive" else None)


@pytest.mark.parametrize(
    ("named", "chosen"), [("1", "active"), ("2", "passive"), ("2,1", "passive"), ("many", "passive"), ("0", "passive")]
)
def test_as_many_threads_count_as_the_user_asks_for_and_one_waits_for_nobody(monkeypatch, named: str, chosen: str):
    monkeypatch.setattr(waiting, "others", lambda: 7.0)
    monkeypatch.setenv("OMP_NUM_THREADS", named)

    assert choose_waiting().startswith(f"{chosen}: ")


def test_on_a_part_of_the_processors_others_use_the_rest_first(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr(waiting, "others", lambda: 30.0)

    assert choose_waiting() == "active: 2 threads beside 30.0 other busy ones, on 64 processors"


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_user_has_set_stays(monkeypatch, name: str):
    monkeypatch.setattr(waiting, "others", lambda: 7.0)
    monkeypatch.setenv(name, "0")

    assert choose_waiting() == f"as {name}=0 says"
    assert {own: os.environ[own] for own in SETTINGS if own in os.environ} == {name: "0"}


def test_once_torch_is_imported_nothing_is_set(monkeypatch):
    monkeypatch.setattr(waiting, "others", lambda: 7.0)
    monkeypatch.setitem(sys.modules, "torch", sys)

    assert "before bench could choose" in choose_waiting()
    assert POLICY not in os.environ


@pytest.mark.parametrize(
    ("verb", "policy"),
    [("plugins", "passive"), ("sweep", "None")],  # the runs of a sweep choose for themselves
)
def test_the_command_chooses_before_torch_is_imported(verb: str, policy: str):
    program = (
        "import os, sys, click, harness.cli as cli, harness.compute.waiting as waiting\n"
        "waiting.others = lambda: 7.0\nwaiting.processors = lambda: 99\n"
        "told = lambda: print('torch' in sys.modules, os.environ.get('OMP_WAIT_POLICY'))\n"
        "cli.Bench.get_command = lambda self, context, name: click.Command(name, callback=told)\n"
        f"cli.main(['{verb}'])"
    )
    env = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "OMP_NUM_THREADS")}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", policy]
