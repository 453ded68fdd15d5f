import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from harness.basics import files
from harness.basics.files import cannot_write, free_bytes, removed_unless, replace_file, reserve, take_place
from harness.errors import RunError

FILL_THE_DISK = """
import resource, sys
from harness.errors import RunError
from harness.basics.files import replace_file
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with replace_file(sys.argv[1], "wb") as file:
        file.write(b"x" * 1_000_000)
except RunError as error:
    sys.exit(str(error))
"""


def test_text_and_bytes_take_the_place_of_what_stood_there(tmp_path):
    path = tmp_path / "new folder" / "file"
    with replace_file(path) as text:
        text.write("zwölf\n")
    assert path.read_bytes() == "zwölf\n".encode()

    with replace_file(path, "wb") as data:
        data.write(b"\x00")
    assert path.read_bytes() == b"\x00"


def test_nothing_is_seen_of_the_new_file_before_it_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replace_file(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_the_old_file_and_no_trace_of_the_new(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError), replace_file(path) as file:
        file.writelines(["half", 1])

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_run_error_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    done = subprocess.run(  # noqa: S603 - the command is this test's own
        [sys.executable, "-c", FILL_THE_DISK, path], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert "the file could not be written" in done.stderr
    assert str(path) in done.stderr
    assert "next: free some space" in done.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_a_run_error(tmp_path):
    (tmp_path / "folder").write_text("")
    with pytest.raises(RunError, match="could not be written"), replace_file(tmp_path / "folder" / "file"):
        pass


def test_the_failure_to_read_another_file_is_not_blamed_on_this_one(tmp_path):
    with pytest.raises(FileNotFoundError), replace_file(tmp_path / "file") as file:
        file.write((tmp_path / "missing").read_text())

    assert not list(tmp_path.iterdir())


def leave_and_fail(folder, name, problem):
    with removed_unless(folder, ("state", "result")):
        (folder / "deep" / name).touch()
        raise problem


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_a_folder_of_failed_work_goes_unless_something_stands_in_it(tmp_path, problem):
    folder = tmp_path / "work"
    for left, stands in (("log", False), ("state", True)):
        (folder / "deep").mkdir(parents=True)

        with pytest.raises(problem):
            leave_and_fail(folder, left, problem)

        assert folder.exists() == stands
    assert (folder / "deep" / "state").exists()


def test_a_folder_of_done_work_stays_as_it_is(tmp_path):
    with removed_unless(tmp_path / "work", ("state",)):
        (tmp_path / "work").mkdir()

    assert (tmp_path / "work").exists()


def no_room(*_words):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refused(*_words):
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("lacking", [True, False])
def test_room_is_counted_where_a_system_lacks_the_call_or_a_drive_refuses_it(tmp_path, monkeypatch, lacking):
    if lacking:
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", refused)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1000, 0, 1000))

    with (tmp_path / "file").open("wb") as file:
        reserve(file, 1000)
        with pytest.raises(OSError, match="No space left") as caught:
            reserve(file, 1001)

    assert caught.value.errno == errno.ENOSPC


def test_a_drive_that_tells_nothing_is_tried(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(shutil, "disk_usage", no_room)

    with (tmp_path / "file").open("wb") as file:
        reserve(file, 1 << 60)

    assert free_bytes(tmp_path) is None


def test_a_full_disk_is_told_from_one_that_reserves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", no_room)

    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="No space left"):
        reserve(file, 1)


def test_the_message_names_free_and_needed_bytes_only_if_there_is_no_room(tmp_path):
    full = cannot_write(tmp_path / "new" / "file", OSError(errno.ENOSPC, "full"), needed=1234)
    locked = cannot_write(tmp_path / "file", OSError(errno.EROFS, "read-only"), needed=1234)
    long = cannot_write(tmp_path / "file", OSError(errno.ENAMETOOLONG, "too long"))

    assert "bytes are free" in full.found
    assert full.found.endswith("1,234 are needed")
    assert "free some space" in full.next_step
    assert locked.found == "read-only"
    assert "can be written" in locked.next_step
    assert "shorter" in long.next_step


def test_a_folder_that_cannot_be_made_is_named_whichever_it_is(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(RunError, match="could not be written"), replace_file(tmp_path / "file" / "a" / "b" / "c"):
        pass


def test_the_longest_name_of_a_file_system_can_be_written(tmp_path):
    for name in ("x" * 255, "\u8eca" * 85):
        with replace_file(tmp_path / name) as file:
            file.write("text")

        assert (tmp_path / name).read_text() == "text"


def test_a_drive_that_cannot_tell_when_content_is_on_the_disk_still_gets_the_file(tmp_path, monkeypatch):
    def refuse(_descriptor):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    with replace_file(tmp_path / "file") as file:
        file.write("text")

    assert (tmp_path / "file").read_text() == "text"


def test_windows_waits_until_a_reader_has_closed_the_file(tmp_path, monkeypatch):
    path, temporary, pauses = tmp_path / "file", tmp_path / "new", []
    temporary.write_text("new")
    move = Path.replace

    def held(source, target):
        if len(pauses) < 2:
            raise PermissionError(errno.EACCES, "in use")
        return move(source, target)

    monkeypatch.setattr(Path, "replace", held)
    monkeypatch.setattr(files.time, "sleep", pauses.append)
    with pytest.raises(PermissionError):
        take_place(temporary, path)
    monkeypatch.setattr(files, "WAITS", True)
    take_place(temporary, path)

    assert path.read_text() == "new"
    assert len(pauses) == 2


def test_a_folder_that_cannot_be_written_is_called_a_folder(tmp_path):
    denied = PermissionError(errno.EACCES, "Permission denied")

    assert "the folder could not be written" in str(cannot_write(tmp_path, denied))
    assert "an existing file" not in str(cannot_write(tmp_path, denied))
    assert "the file could not be written" in str(cannot_write(tmp_path / "new", denied))
