"""The tree is what docs/architecture.md says."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "protocols", "plugins", "leaderboard")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_imports_run_downward_and_in_no_circle():
    code = "from importlinter.cli import lint_imports as lint; raise SystemExit(lint('pyproject.toml', cache_dir=None))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stdout  # in a process of its own, since import-linter turns off other loggers


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_lives_in_it(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_module_is_called_utils_helpers_or_common():
    assert not [path for path in MODULES if path.stem in {"utils", "helpers", "common", "misc", "manager"}]


def test_no_folder_holds_more_than_16_modules_and_no_module_more_than_400_lines():
    folders = Counter(path.parent for path in (*MODULES, *TESTS))

    assert {folder: count for folder, count in folders.items() if count > 16} == {}
    assert [path for path in (*MODULES, *TESTS) if len(path.read_text().splitlines()) > 400] == []


def test_the_page_names_every_room_of_the_harness():
    rooms = {path.name for path in (ROOT / "harness").iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert set(re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE)) == rooms


def test_the_page_names_only_files_and_folders_that_exist():
    named = re.findall(r"`((?:harness|plugins|protocols|leaderboard|tests)/[\w/.]*)`", PAGE)
    placeholders = {"tests/harness/x/test_y.py", "harness/x/y.py"}

    assert named
    assert [path for path in named if path not in placeholders and not (ROOT / path).exists()] == []
