"""``bench new-method`` writes a package that works as it is, and overwrites nothing."""

from __future__ import annotations

import json
import tomllib

import pytest
from click.testing import CliRunner

from harness.authoring.distribution import write_distribution
from harness.cli import main
from harness.errors import UsageError


def bench(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def test_a_new_method_is_a_package_of_a_few_lines(tmp_path):
    done = bench("new-method", "my-first-net", tmp_path / "deep" / "package")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{tmp_path / 'deep' / 'package'}: install it with 'pip install -e ")
    written = {
        path.relative_to(tmp_path / "deep" / "package").as_posix(): path.read_text()
        for path in (tmp_path / "deep").rglob("*")
        if path.is_file()
    }
    assert sorted(written) == [
        ".github/workflows/test.yml",
        "README.md",
        "my_first_net.py",
        "pyproject.toml",
        "tests/test_my_first_net.py",
    ]
    project = tomllib.loads(written["pyproject.toml"])["project"]
    assert project["name"] == "my-first-net"
    assert project["entry-points"] == {"bench": {"my-first-net": "my_first_net"}}
    assert len(written["pyproject.toml"].splitlines()) <= 8
    assert len(written["my_first_net.py"].splitlines()) <= 15
    python = [line for name, text in written.items() if name.endswith(".py") for line in text.splitlines() if line]
    assert len(python) <= 15
    assert "class MyFirstNet(harness.Method):" in python
    for text in written.values():
        assert not any(word in text for word in ("my-method", "my_method", "MyMethod"))


def test_a_new_method_runs_and_passes_its_check(tmp_path, small_synthetic):
    module = write_distribution("mine-too", tmp_path / "mine") / "mine_too.py"
    about = ["--plugin", module, "--data", small_synthetic, "--json"]

    run = bench("run", "--method", "mine-too", "--protocol", "synthetic", "--runs", tmp_path / "runs", *about)
    check = bench("check", "mine-too", *about)

    assert run.exit_code == 0, run.output
    assert all(0 < row["measures"]["ap"] < 1 for row in json.loads(run.stdout))
    assert check.exit_code == 0, check.output
    assert {row["result"] for row in json.loads(check.stdout)} == {"passed", "measured"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mine", "cannot have this name"),
        ("my_method", "cannot have this name"),
        ("3d", "cannot have this name"),
        ("a--b", "cannot have this name"),
        ("../mine", "cannot have this name"),
        ("lambda", "cannot have this name"),
        ("a" * 65, "cannot have this name"),
        ("oracle", "a method of vehicle-reid-bench:methods"),
        ("json", "the module 'json'"),
        ("tests", "the module 'tests'"),
        ("numpy", "the installed distribution 'numpy'"),
        ("harness", "the module 'harness'"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name, said, tmp_path):
    done = bench("new-method", name, tmp_path / "new")

    assert done.exit_code == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("kept")

    for place in ("mine", "file"):
        with pytest.raises(UsageError, match="exists already"):
            write_distribution("mine-once-more", tmp_path / place)

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "mine"]


def test_a_folder_that_cannot_be_written_gives_one_message_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("kept")

    done = bench("new-method", "mine-once-more", tmp_path / "file" / "mine")

    assert done.exit_code == 1
    assert "could not be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_that_windows_keeps_for_a_device_is_taken(tmp_path):
    with pytest.raises(UsageError, match="'aux' is taken") as caught:
        write_distribution("aux", tmp_path / "package")

    assert caught.value.found == "Windows, for a device"
