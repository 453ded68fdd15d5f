import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["plugins", "protocols", "leaderboard"])
def test_a_users_own_package_of_the_same_name_is_named_with_both_places(name, tmp_path):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()

    done = subprocess.run(
        [sys.executable, "-m", "harness", "protocols"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert f"another package under the name '{name}'" in done.stderr
    assert f"found: {tmp_path / name}" in done.stderr
    assert f"/{name}\n" in done.stderr.partition("expected: ")[2]
    assert "Traceback" not in done.stderr


def test_a_folder_without_python_files_is_in_nobodys_way(tmp_path):
    for name in ("plugins", "protocols", "leaderboard"):
        (tmp_path / name).mkdir()

    done = subprocess.run(
        [sys.executable, "-m", "harness", "protocols"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_the_python_interface_says_so_too(tmp_path):
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "__init__.py").touch()

    done = subprocess.run(
        [sys.executable, "-c", "import harness; harness.load()"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "another package under the name 'protocols'" in done.stderr
