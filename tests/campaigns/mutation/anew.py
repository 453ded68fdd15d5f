"""Modules that are imported once before all trials, and those of them that a trial imports anew."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

OWN = ("harness", "leaderboard", "plugins", "protocols", "tests")
"""The packages of the repository."""


def forget(names: Iterable[str]) -> None:
    """Forget modules and all that import them, however indirectly, so that they are imported anew."""
    above, found, rest = importers(), set[str](), list(names)
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest += above[name]
    for name in found & sys.modules.keys():
        package, _, last = name.rpartition(".")
        if package in sys.modules and last in vars(sys.modules[package]):
            delattr(sys.modules[package], last)
        del sys.modules[name]


@cache
def importers() -> defaultdict[str, set[str]]:
    """Return the modules that import each module of the repository, as far as they are imported now."""
    found = defaultdict(set)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] in OWN:
            for imported in _imported(Path(file)):
                found[imported].add(name)
    return found


def _imported(file: Path) -> Iterator[str]:
    """Yield the names after any ``import`` of a file, with the packages that they are in; some are no modules."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{one.name}" for one in node.names]
        for words in (name.split(".") for name in names):
            yield from (".".join(words[:count]) for count in range(1, len(words) + 1))
