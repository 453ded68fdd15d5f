import subprocess
import sys

import pytest

from harness.basics import locks
from harness.basics.locks import alone, in_turn, is_held, locked
from harness.errors import RunError

TAKEN = RunError("somebody else is at work")

COUNTS = """
import sys
from pathlib import Path
from harness.basics.locks import in_turn
place = Path(sys.argv[1])
for _ in range(50):
    with in_turn(place):
        number = int((place / "number").read_text())
        (place / "number").write_text(str(number + 1))
"""


def test_a_second_one_is_told_and_the_lock_is_free_afterwards(tmp_path):
    with locked(tmp_path / "new", TAKEN):
        assert is_held(tmp_path / "new" / ".lock")
        with pytest.raises(RunError, match="somebody else"), locked(tmp_path / "new", TAKEN):
            pass

    assert not is_held(tmp_path / "new" / ".lock")
    with locked(tmp_path / "new", TAKEN):
        pass


def test_a_passing_lock_leaves_nothing_also_if_the_block_fails(tmp_path):
    with pytest.raises(KeyError), alone(tmp_path / ".f.lock", TAKEN, passing=True):
        raise KeyError

    assert not list(tmp_path.iterdir())


def test_a_lock_that_nobody_has_made_is_not_held_and_is_not_made_by_asking(tmp_path):
    assert not is_held(tmp_path / ".lock")
    assert not list(tmp_path.iterdir())


def test_four_processes_write_in_turn(tmp_path):
    (tmp_path / "number").write_text("0")
    command = [sys.executable, "-c", COUNTS, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(4)]  # noqa: S603

    assert [process.wait(120) for process in processes] == [0] * 4
    assert (tmp_path / "number").read_text() == "200"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


@pytest.mark.parametrize("lock", [lambda folder: locked(folder, TAKEN), in_turn])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, lock):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written") as caught, lock(tmp_path / "file" / "folder"):
        pass

    assert caught.value.where == tmp_path / "file" / "folder"


def test_asking_whether_a_sweep_is_at_work_needs_no_folder_that_can_be_written(tmp_path, monkeypatch):
    (tmp_path / ".lock").touch()

    def refused(_lock):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(locks.FileLock, "acquire", refused)
    assert not is_held(tmp_path / ".lock")
