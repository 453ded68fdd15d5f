import subprocess
import sys

import pytest

from harness.basics.files import removed_unless, replace_file
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
