"""A bar is drawn on a terminal and nowhere else."""

from __future__ import annotations

import os
import sys

import pytest

from harness.basics.progress import progress


def test_off_a_terminal_nothing_is_written(capsys: pytest.CaptureFixture[str]):
    with progress("ranking") as advance:
        advance(1, 2)
    assert capsys.readouterr() == ("", "")


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, *, shown: bool) -> bytes:
    pty = pytest.importorskip("pty", reason="this system has other terminals")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress("ranking", shown=shown) as advance:
            advance(1, 2)
            advance(2, 2)
        os.write(theirs, b"|")
        found = b""
        while not found.endswith(b"|"):  # the kernel hands it over in pieces
            found += os.read(ours, 100_000)
        return found


def test_on_a_terminal_the_work_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    assert b"ranking" in on_a_terminal(monkeypatch, shown=True)


def test_a_process_that_is_not_the_first_stays_silent(monkeypatch: pytest.MonkeyPatch):
    assert on_a_terminal(monkeypatch, shown=False) == b"|"
