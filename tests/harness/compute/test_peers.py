"""Signs of life: a silent process is given up in time, a busy or finished one is not, and one process alone speaks."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import torch
from torch.distributed import HashStore

from harness.compute import peers as module
from harness.compute.peers import ANSWER, ENDED, FAILED, Peers, as_error, quiet_status, speaks
from harness.errors import DataError, RunError


class Deaf:
    """A store that does not answer, and is gone in the end."""

    def __init__(self):
        self.answer = threading.Event()

    def add(self, *_words):
        self.answer.wait(20)
        raise torch.distributed.DistNetworkError("connection reset by peer")

    set = add


@pytest.fixture
def opened(monkeypatch):
    """Start processes that end at the end of the test, and return them with the errors that each gave up with."""
    started = []

    def start(store, *numbers, count, limit=0.4):
        errors = {number: [] for number in numbers}
        found = [Peers(store, number, count, limit=limit, give_up=errors[number].append) for number in numbers]
        started.extend(found)
        for one in found:
            one.start()
        return found, errors

    monkeypatch.setattr(module, "_open", [])
    yield start
    for one in started:
        one.over.set()


def settled(peers):
    """Wait until the watch has ended."""
    peers.threads[1].join(20)
    assert not peers.threads[1].is_alive()


def test_processes_that_give_signs_of_life_are_waited_for(opened):
    both, errors = opened(HashStore(), 0, 1, count=2, limit=1.0)

    both[0].over.wait(1.6)

    assert errors == {0: [], 1: []}


def test_a_process_that_falls_silent_is_named_by_the_others(opened):
    store = HashStore()
    store.set("host/2", "node7")
    store.add("alive/2", 5)

    both, errors = opened(store, 0, 1, count=3)
    for one in both:
        settled(one)

    assert str(errors[0][0]) == (
        "a process has fallen silent\n"
        "  where: process 2 on node7; said by process 0\n"
        "  found: no sign of life for 0.4 seconds\n"
        "  expected: one every 0.04 seconds\n"
        "  next: see whether the process was stopped and its machine can be reached, then give the same command again: "
        "it goes on from the last finished step; --timeout SECONDS waits longer"
    )
    assert errors[0][0].exit_status == 1
    assert "process 2 on node7; said by process 1" in str(errors[1][0])


def test_a_process_that_has_ended_as_it_should_is_not_missed(opened):
    both, errors = opened(HashStore(), 0, 1, count=2, limit=1.0)
    both[0].over.wait(0.2)

    both[1].leave()
    both[0].over.wait(1.5)

    assert errors[0] == []
    assert both[0].counts[1] < -ENDED / 2


def test_when_the_store_does_not_answer_all_the_others_are_out_of_reach(opened):
    store = Deaf()

    (one,), errors = opened(store, 1, count=2)
    settled(one)
    store.answer.set()

    assert errors[1][0].what == "the other processes cannot be reached"


def test_a_process_that_was_stopped_itself_blames_nobody(opened, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    one = Peers(HashStore(), 0, 2, limit=0.4, give_up=pytest.fail)
    waits = iter([False, True])

    def wait(_seconds):
        now[0] += 1000
        return next(waits)

    one.over = SimpleNamespace(wait=wait)

    one._watch()

    assert one.heard == {1: 1000}


def test_where_another_has_reported_an_error_a_process_ends_after_a_while(opened, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.1)
    store = HashStore()
    store.add("alive/1", -FAILED)

    (one,), errors = opened(store, 0, count=2)
    settled(one)

    assert str(errors[0][0]) == "another process has failed"


def test_of_several_processes_one_reports_an_error(opened):
    both, _ = opened(HashStore(), 0, 1, count=2, limit=20)

    assert [one.claim() for one in reversed(both)] == [True, False]
    assert [one.failed for one in both] == [False, True]


def test_one_process_on_each_machine_speaks_if_nobody_can_be_asked(monkeypatch):
    monkeypatch.setattr(module, "ANSWER", ANSWER / 20)
    store = Deaf()

    answers = [Peers(store, 2 + local, 4, node=(1, local)).claim() for local in (0, 1)]
    store.answer.set()

    assert answers == [True, False]


def test_only_the_launchers_of_other_machines_see_the_status_of_a_quiet_process(opened, monkeypatch):
    assert quiet_status(2) == 0
    found = []
    for index, node in ((0, (0, 0)), (1, (0, 1)), (2, (1, 0)), (3, (1, 1))):
        monkeypatch.setattr(module, "_open", [Peers(HashStore(), index, 4, node=node)])
        found.append(quiet_status(2))

    assert found == [2, 0, 2, 2]


def test_before_the_processes_meet_the_first_of_each_machine_speaks(opened, monkeypatch):
    error = DataError("a list is missing")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert speaks(error)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert not speaks(error)
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert speaks(error)
    error.reported = True
    assert not speaks(error)


def test_torchs_word_for_a_process_that_is_gone_is_put_plainly(opened, monkeypatch):
    gone = RuntimeError(
        "[/src/gloo/pair.cc:561] Connection closed by peer [10.0.0.2]:30943. This is typically a crash."
    )
    assert as_error(gone) is gone, "there is no other process"
    monkeypatch.setattr(module, "_open", [Peers(HashStore(), 1, 2)])

    error = as_error(gone)

    assert isinstance(error, RunError)
    assert (error.what, error.found) == ("another process has ended", "Connection closed by peer [10.0.0.2]:30943")
    assert isinstance(as_error(torch.distributed.DistStoreError("wait timeout")), RunError)
    for other in (RuntimeError("shapes differ"), ValueError("gloo"), DataError("gloo")):
        assert as_error(other) is other
