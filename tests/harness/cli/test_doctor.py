"""The page of ``bench doctor``: complete, without names of people and machines, and right about what is wrong."""

import getpass
import json
import platform
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from harness.basics.file_lock import FileLock
from harness.cli import main
from harness.describe import installation

BROKEN = "raise RuntimeError('broken on purpose')\n"


def asked(*words):
    done = CliRunner().invoke(main, ["doctor", *words])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """A home folder of a user with a name, on a machine with a name."""
    home = tmp_path / "jane"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("BENCH_CACHE", str(home / "cache"))
    monkeypatch.setattr(getpass, "getuser", lambda: "jane")
    monkeypatch.setattr(platform, "node", lambda: "lab-7.example.org")
    return home


def test_the_page_names_neither_user_nor_machine_and_home_is_a_tilde(at_home):
    page = asked("--runs", str(at_home / "runs of jane")).stdout

    assert "~/runs of USER" in page
    assert "~/cache" in page
    for word in (str(at_home), "jane", "lab-7"):
        assert word not in page


def test_looking_at_the_installation_changes_no_number_of_threads(at_home):
    """Numba's threads, once started, are also those of torch, and two threads on one processor wait for each other."""
    before = torch.get_num_threads()
    asked()

    assert torch.get_num_threads() == before


def test_json_says_what_the_page_says(at_home):
    found = json.loads(asked("--json", "--runs", str(at_home / "runs")).stdout)

    assert list(found) == [
        "problems", "program", "packages", "machine", "devices", "kernel", "folders", "console", "environment",
        "plugins",
    ]  # fmt: skip
    assert found["packages"]["torch"][0].isdigit()
    assert found["program"]["python"].startswith("CPython 3.")
    assert found["folders"]["runs"]["path"] == "~/runs"
    assert found["folders"]["runs"]["there"] is False
    assert found["folders"]["runs"]["writable"] is True
    assert list(at_home.iterdir()) == []


def test_it_is_said_how_threads_wait_and_why(at_home, monkeypatch):
    monkeypatch.setattr(installation, "choose_waiting", lambda: "passive: 2 threads beside 3.0 other busy ones")

    assert (
        "  they wait  passive: 2 threads beside 3.0 other busy ones\n" in asked("--runs", str(at_home / "runs")).stdout
    )


def test_a_run_that_is_at_work_is_named(at_home):
    (at_home / "runs" / "pgan-veri776").mkdir(parents=True)
    (at_home / "runs" / "ended").mkdir()
    (at_home / "runs" / "ended" / ".lock").touch()
    with FileLock(at_home / "runs" / "pgan-veri776" / ".lock"):
        found = json.loads(asked("--json", "--runs", str(at_home / "runs")).stdout)

    assert found["folders"]["runs"]["held"] == ["pgan-veri776"]


def test_the_lock_of_another_program_is_not_touched(at_home):
    (at_home / "runs").mkdir()
    other = at_home / "runs" / "uv.lock"
    other.write_text("version = 1\n")
    with FileLock(at_home / "runs" / "other.lock"):
        # A lock is tried by opening it, and filelock 4.0 empties what it gets.
        (at_home / "runs" / "other.lock").write_text("of another program\n")
        found = json.loads(asked("--json", "--runs", str(at_home / "runs")).stdout)

    assert found["folders"]["runs"]["held"] == []
    assert other.read_text() == "version = 1\n"


def test_what_is_wrong_stands_first(at_home, monkeypatch):
    (at_home / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(at_home / "file" / "cache"))
    monkeypatch.setattr(installation, "_version", {"torch": "2.1.0+cpu", "click": None}.get)
    page = asked().stdout

    assert "problem: the package torch is too old: 2.1.0+cpu, where" in page
    assert "problem: the package click is missing" in page
    assert "problem: the cache folder ~/file/cache cannot be written" in page
    assert page.index("problem: ") == 0


def test_a_console_without_letters_is_told(at_home):
    done = CliRunner(charset="cp1252").invoke(main, ["doctor"])

    assert "the console prints cp1252, which lacks letters" in done.stdout


def test_a_broken_plugin_file_is_refused_by_its_name(at_home):
    file = at_home / "mine.py"
    file.write_text(BROKEN)
    done = CliRunner().invoke(main, ["doctor", "--plugin", str(file)])

    assert done.exit_code == 2
    assert "broken on purpose" in done.stderr


def test_a_broken_installed_plugin_is_a_problem(at_home, monkeypatch):
    from harness.registry import registry

    loaded = registry.load()
    loaded.add("another:methods", "1.0", lambda: exec(BROKEN))  # noqa: S102 - a plugin's import
    monkeypatch.setattr(registry, "load", lambda _files: loaded)

    assert "problem: plugin another:methods: " in asked().stdout


@pytest.mark.parametrize(
    ("older", "newer"), [("2.6.0", "2.15"), ("2.15.0a1", "2.15.1"), ("24.2", "25"), ("4.2.11", "4.3")]
)
def test_versions_are_compared_by_their_numbers(older, newer):
    assert installation._numbers(older) < installation._numbers(newer)
    assert installation._numbers(f"{older}+cu126") == installation._numbers(older)


def test_a_user_without_home_and_name_still_gets_the_page(at_home, monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)
    monkeypatch.setattr(Path, "home", lambda: Path("/"))

    assert "lab-7" not in asked().stdout
