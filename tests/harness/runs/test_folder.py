"""The folder of a run: described once, locked for one process, and read where nothing can be written."""

import json
import logging
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from harness.basics import locks
from harness.basics.locks import locked
from harness.errors import RunError
from harness.features.finding import RUN
from harness.runs.folder import working_in
from tests.harness.runs.made import only_folder


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def read_only(monkeypatch):
    """Let every lock and every temporary file be refused as on a read-only drive."""

    def refuse():
        def refused(*_words, **_more):
            raise OSError(30, os.strerror(30))

        monkeypatch.setattr(locks.FileLock, "acquire", refused)
        monkeypatch.setattr("harness.basics.leftovers._held", refused)

    return refuse


def test_a_finished_run_answers_from_a_read_only_folder_and_writes_nothing(bench, read_only):
    first = bench("run", "--method", "tiny")
    stood = times(Path("runs"))
    read_only()

    assert bench("run", "--method", "tiny") == first
    assert Path(bench("train", "--method", "tiny").stdout.strip()).name == "checkpoint.safetensors"
    assert Path(bench("extract", "--method", "tiny").stdout.strip()).name == "features.h5"

    assert times(Path("runs")) == stood


def test_what_is_not_done_on_a_read_only_drive_ends_with_one_message(bench, read_only):
    bench("run", "--method", "random")
    read_only()

    for words in (("run", "--method", "random", "--seed", "1"), ("run", "--method", "random", "--measure", "cmc@3")):
        said = bench(*words, status=1).stderr
        assert "could not be written" in said
        assert "Read-only file system" in said
        assert "Traceback" not in said


def test_a_second_process_writes_nothing_and_is_told(bench):
    bench("run", "--method", "random")
    folder = only_folder()
    with locked(folder, RunError("taken")):
        stood = times(folder)
        said = bench("run", "--method", "random", status=1).stderr

    assert "another bench is using this run's folder" in said
    assert times(folder) == stood


def test_a_run_is_described_once(tmp_path):
    for about in ({"recipe": "paper"}, {"recipe": "quick"}):
        with working_in(tmp_path / "run", about, lambda: False):
            (tmp_path / "run" / "features.h5").touch()

    assert json.loads((tmp_path / "run" / RUN).read_text()) == {"recipe": "paper"}


@pytest.mark.parametrize("fails", [False, True])
def test_what_killed_processes_left_in_the_folder_goes_and_what_can_be_resumed_stays(tmp_path, fails):
    deep = tmp_path / "run" / "training"
    deep.mkdir(parents=True)
    for name in (".state.pt.12-01234567.part", "state.pt", "features.h5.partial"):
        (deep / name).touch()

    with pytest.raises(KeyError) if fails else nullcontext(), working_in(tmp_path / "run", {}, lambda: False):
        if fails:
            raise KeyError

    assert {path.name for path in deep.iterdir()} == {"state.pt", "features.h5.partial"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device without room")
def test_a_log_without_room_ends_the_run_with_one_message(tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.log").symlink_to("/dev/full")
    log = logging.getLogger("bench")
    before = list(log.handlers)

    with (
        pytest.raises(RunError, match="the file could not be written") as caught,
        working_in(folder, {}, lambda: False),
    ):
        log.warning("epoch 1")

    assert caught.value.where == folder / "run.log"
    assert "free some space" in caught.value.next_step
    assert "Logging error" not in capsys.readouterr().err
    assert log.handlers == before


def test_a_line_that_cannot_be_formatted_is_told_as_logging_does(tmp_path, capsys):
    wrong, right = (
        logging.LogRecord("bench", logging.INFO, "x.py", 1, text, given, None)
        for text, given in (("%d images", ("many",)), ("next", ()))
    )

    with working_in(tmp_path / "run", {}, lambda: False):
        own = next(one for one in logging.getLogger("bench").handlers if isinstance(one, logging.FileHandler))
        own.handle(wrong)
        own.handle(right)

    assert "Logging error" in capsys.readouterr().err
    assert (tmp_path / "run" / "run.log").read_text().endswith(" next\n")
