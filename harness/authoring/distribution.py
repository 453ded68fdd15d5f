"""A small distribution with one method, for an author to start from."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from harness.basics.files import new_folder
from harness.basics.names import LONGEST_NAME, is_reserved
from harness.errors import UsageError
from harness.registry.kinds import METHOD
from harness.registry.registry import load

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""The name of a method that is also a distribution's; with underscores it is a module's."""

TEMPLATES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "method.py": "my_method.py",
    "test.py": "tests/test_my_method.py",
    "workflow.yml": ".github/workflows/test.yml",
}
"""The place of each template in the distribution; the method's name stands in place of ``my-method``."""


def write_distribution(name: str, folder: Path) -> Path:
    """Write a distribution that can be installed, tested and run as it is, and return its folder.

    Raises:
        UsageError: the name cannot be a package's or is taken, or the folder exists.
        RunError: the folder cannot be written.
    """
    _check_name(name)
    if folder.exists():
        raise UsageError(
            "the folder exists already", where=folder, next_step="name a new one: bench new-method NAME DIR"
        )
    words = {
        "my-method": name,
        "my_method": name.replace("-", "_"),
        "MyMethod": "".join(part.capitalize() for part in name.split("-")),
        "My method": name.replace("-", " ").capitalize(),
    }
    with new_folder(folder) as temporary:
        for template, place in TEMPLATES.items():
            text = files("harness.authoring").joinpath("templates", f"{template}.txt").read_text(encoding="utf-8")
            path = temporary / _replaced(place, words)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_replaced(text, words), encoding="utf-8", newline="\n")
    return folder


def _replaced(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found[0]], text)


def _check_name(name: str) -> None:
    module = name.replace("-", "_")
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(module):
        raise UsageError(
            "a method's package cannot have this name",
            found=name,
            expected=f"lower-case letters, digits and hyphens, a letter first, at most {LONGEST_NAME} characters, "
            "no word of Python",
        )
    holder = _holder(name, module)
    if holder:
        raise UsageError(f"the name '{name}' is taken", found=holder, next_step="choose another one")


def _holder(name: str, module: str) -> str:
    """Return what has the name already; empty if nothing has."""
    registry = load()
    if name in registry.names(METHOD):
        return f"a method of {registry.entry(METHOD, name).plugin}"
    if is_reserved(module):
        return "Windows, for a device"
    if module in sys.stdlib_module_names or module == "tests":
        return f"the module '{module}'"
    try:
        return f"the installed distribution '{distribution(name).name}'"
    except PackageNotFoundError:
        found = importlib.util.find_spec(module)
    return "" if found is None else f"the module '{module}' in {found.origin or 'a folder'}"
