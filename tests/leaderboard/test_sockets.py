"""Evaluating, the leaderboard, and reports open no socket, whichever library they use."""

import socket
import sys

import pytest
from click.testing import CliRunner

from harness.cli import main
from tests.leaderboard.report.places import make_place

OPENED: list[str] = []
WATCHED = [False]


def _hear(event: str, words: tuple) -> None:
    if WATCHED[0] and event.startswith("socket."):
        OPENED.append(f"{event}{words[1:]}")


sys.addaudithook(_hear)  # it stays as long as the process, and hears nothing unless a test watches


@pytest.fixture
def watched():
    OPENED.clear()
    WATCHED[0] = True
    yield OPENED
    WATCHED[0] = False


def test_the_ear_hears_a_socket_that_is_opened(watched):
    socket.socket().close()

    assert watched


def test_eval_leaderboard_and_report_open_no_socket(tmp_path, watched):
    place = make_place(tmp_path / "place", queries=8, gallery=16)
    about = ["--plugin", place / "plugin.py", "--data", place / "data"]
    commands = [
        ["eval", place / "run", "--protocol", "listed/images", *about, "--record", tmp_path / "records"],
        ["eval", place / "run", "--protocol", "listed/tracks", *about, "--rerank"],
        ["report", place / "run", "--task", "listed/images", *about, "--out", tmp_path / "report"],
        ["leaderboard", "--no-shipped", "--records", tmp_path / "records", "--out", tmp_path / "out" / "page.md"],
        ["compare", "--help"],
    ]
    for words in commands:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == 0, (words, done.output, done.exception)

    assert watched == []
    assert (tmp_path / "report" / "index.html").exists()
    assert (tmp_path / "out" / "page.md").exists()
