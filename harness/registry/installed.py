"""The verbs that installed distributions bring, found without importing anything for it.

``importlib.metadata`` reads the same files; to import it takes a quarter of the time of ``bench --help``.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

GROUP = "bench.commands"

ENDINGS = (".dist-info", ".egg-info")
"""How the names of folders with the metadata of a distribution end."""


def installed_verbs() -> dict[str, str]:
    """Return each verb and its ``"module:attribute"``; of two distributions of one name, the first on the path counts.

    Archives on the path, and finders of other programs, are left to ``importlib.metadata``.
    """
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path) or any(
        Path(place).is_file() for place in sys.path
    ):
        from importlib.metadata import entry_points

        return {found.name: found.value for found in entry_points(group=GROUP)}
    verbs: dict[str, str] = {}
    for folder in _distributions():
        try:
            text = Path(folder, "entry_points.txt").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # it has none, or none that anybody could read
            continue
        for name, target in _listed(text):
            verbs.setdefault(name, target)
    return verbs


def load_verb(target: str) -> Any:
    """Return what a ``"module:attribute"`` names, whatever its import raises."""
    module, _, attributes = re.sub(r"\[.*", "", target).strip().partition(":")
    found: Any = importlib.import_module(module.strip())
    for attribute in filter(None, attributes.strip().split(".")):
        found = getattr(found, attribute)
    return found


def _distributions() -> Iterator[str]:
    """Yield the folders of metadata on Python's path."""
    seen: set[str] = set()
    for place in sys.path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208 - of hundreds of names a few are wanted
        except OSError:
            continue
        for name in sorted(names):
            if name.endswith(ENDINGS):
                distribution = re.sub(r"[-_.]+", "_", name.partition("-")[0]).lower()
                if distribution not in seen:
                    seen.add(distribution)
                    yield os.path.join(place, name)  # noqa: PTH118 - see above


def _listed(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the targets of the group in the text of a file of entry points."""
    if GROUP not in text:
        return
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == GROUP and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield name.strip(), target.strip()
