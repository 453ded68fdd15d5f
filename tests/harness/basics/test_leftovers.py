"""What killed processes leave is removed by the next one, and what living ones write is not."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack

import pytest

from harness.basics import leftovers
from harness.basics.files import new_folder, replace_file
from harness.basics.leftovers import NAME, own_file, own_folder, own_name, sweep, sweep_below, temporary_folder
from harness.errors import DataError

HOLDS = """
import sys
from pathlib import Path
from harness.basics.leftovers import own_file, own_folder, temporary_folder
with own_file(Path(sys.argv[1])) as file, own_folder(Path(sys.argv[1])) as folder, temporary_folder("test") as third:
    file.write_bytes(b"x" * 100)
    (folder / "half").write_text("half")
    (third / "half").write_text("half")
    print(file, folder, third, sep="\\n", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """Begin a process that writes under temporary names, and return it with these."""
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "out")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # noqa: S603 - our own command
        yield process, [process.stdout.readline().strip() for _ in range(3)]
        process.kill()


def test_a_living_process_keeps_its_files_and_a_killed_one_s_are_removed(tmp_path, monkeypatch, held):
    process, names = held
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    with replace_file(tmp_path / "other") as file, temporary_folder("mine"):
        file.write("whole")
    assert all(map(os.path.exists, names))

    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert all(map(os.path.exists, names))
    with replace_file(tmp_path / "other") as file, temporary_folder("mine"):
        file.write("whole")

    assert not any(map(os.path.exists, names))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "temporary"]
    assert not list((tmp_path / "temporary").iterdir())


def test_names_that_only_look_alike_are_left_alone(tmp_path):
    kept = [".file.12-0123abcd.old.txt", "file.12-0123abcd.part", ".file.12-0123ABCD.part", ".file.part", ".12-0.part"]
    for name in kept:
        (tmp_path / name).write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".link.1-01234567.part").symlink_to(tmp_path / "elsewhere")

    sweep(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {*kept, "elsewhere", ".link.1-01234567.part"}


def test_all_folders_below_are_swept_but_for_those_of_the_living(tmp_path):
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    left = tmp_path / "deep" / "deeper" / ".state.pt.1-01234567.part"
    left.touch()
    with own_folder(tmp_path / "deep" / "mine") as folder:
        inside = folder / ".file.1-01234567.part"
        inside.touch()

        sweep_below(tmp_path)

        assert inside.exists()
    assert not left.exists()
    assert not folder.exists()


def test_a_name_is_short_enough_for_any_file_system_and_never_the_same(tmp_path):
    long = tmp_path / ("ü" * 120)
    names = {own_name(long).name for _ in range(100)}

    assert len(names) == 100
    assert all(NAME.fullmatch(name) and len(name.encode()) < 255 for name in names)
    with replace_file(long) as file:
        file.write("whole")
    assert long.read_text() == "whole"


def test_a_file_that_a_sweeper_took_between_its_making_and_its_lock_is_made_again(tmp_path, monkeypatch):
    flock, tries = leftovers.fcntl.flock, []

    def taken_once(descriptor, how):
        if not tries:
            (only,) = tmp_path.iterdir()
            tries.append(only)
            only.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(leftovers.fcntl, "flock", taken_once)
    with own_file(tmp_path / "file") as path:
        assert path.exists()
        assert path != tries[0]


@pytest.mark.parametrize("missing", [True, False])
def test_where_there_are_no_locks_nothing_is_removed_and_everything_is_written(tmp_path, monkeypatch, missing):
    left = tmp_path / ".file.1-01234567.part"
    left.write_text("whose?")

    def refused(*_):
        raise OSError(95, "Operation not supported")

    if missing:
        monkeypatch.setattr(leftovers, "fcntl", None)
    else:
        monkeypatch.setattr(leftovers.fcntl, "flock", refused)
    with replace_file(tmp_path / "file") as file:
        file.write("whole")

    assert (tmp_path / "file").read_text() == "whole"
    assert left.exists()


def test_of_two_who_fill_a_folder_at_once_the_second_is_told(tmp_path):
    with ExitStack() as stack:
        slow = stack.enter_context(new_folder(tmp_path / "out"))
        (slow / "mine").write_text("slow")
        with new_folder(tmp_path / "out") as quick:
            (quick / "mine").write_text("quick")
        with pytest.raises(DataError, match="not empty"):
            stack.close()

    assert (tmp_path / "out" / "mine").read_text() == "quick"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
