import errno
import os

import pytest
from filelock import Timeout

from harness.basics.file_lock import SOFT, FileLock


@pytest.fixture(params=[None, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def drive(request, monkeypatch):
    """Let locks work, or let a drive refuse them with an error."""

    def refused(*_words):
        raise OSError(request.param, os.strerror(request.param))

    if request.param is not None:
        fcntl = pytest.importorskip("fcntl", reason="this system has other locks")
        monkeypatch.setattr(fcntl, "flock", refused)
    return request.param


def test_one_holds_the_lock_and_the_next_gets_it_afterwards_on_any_drive(tmp_path, drive):
    with FileLock(tmp_path / "lock", timeout=0) as lock:
        assert (tmp_path / f"lock{SOFT}").exists() == (drive is not None)
        with pytest.raises(Timeout):
            FileLock(tmp_path / "lock", timeout=0).acquire()

    assert not (tmp_path / f"lock{SOFT}").exists()
    with FileLock(tmp_path / "lock", timeout=0):
        assert lock.soft == str(tmp_path / f"lock{SOFT}")


def test_a_failure_gives_the_lock_back(tmp_path, drive):
    with pytest.raises(ValueError, match="the work failed"), FileLock(tmp_path / "lock"):
        raise ValueError("the work failed")

    with FileLock(tmp_path / "lock", timeout=0):
        pass


def test_whoever_finds_the_stand_in_of_another_is_told_its_name(tmp_path, drive, caplog):
    with FileLock(tmp_path / "lock", timeout=0), pytest.raises(Timeout):
        FileLock(tmp_path / "lock", timeout=0).acquire()

    assert (f"lock{SOFT} stands for a lock" in caplog.text) == (drive is not None)


def test_a_folder_that_cannot_be_written_is_no_drive_without_locks(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        FileLock(tmp_path / "file" / "lock", timeout=0).acquire()
