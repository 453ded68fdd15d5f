"""The tree is what docs/architecture.md says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "protocols", "plugins", "leaderboard")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module names in an import, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    allowed = {package, "harness"}

    assert imported(path) & {*PACKAGES, "tests"} <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_lives_in_it(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_module_is_called_utils_helpers_or_common():
    assert not [path for path in MODULES if path.stem in {"utils", "helpers", "common", "misc", "manager"}]


def test_the_tree_of_the_page_names_only_what_exists():
    page = (ROOT / "docs" / "architecture.md").read_text()
    tree = page.split("## The tree")[1].split("\n\n")[1]
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        names = (
            re.findall(r"[\w/]+\.py\b", line)
            if line.startswith("      ") and name.endswith((".py", ".py,"))
            else [name]
        )
        if not line.startswith("      "):
            folder = name if name.endswith("/") else ""
            names = [name]
            prefix = ""
        else:
            prefix = folder
        for found in names:
            assert (ROOT / prefix / found.rstrip(",")).exists(), line
