"""What this project registers, as its pyproject.toml says: other installed plugins are on no page."""

from __future__ import annotations

import importlib
import tomllib
from functools import cache, partial
from pathlib import Path

import click

from harness.cli import VERBS
from harness.registry.registry import Registry

ROOT = Path(__file__).parents[2]


@cache
def registry() -> Registry:
    """Return the registry of the project's own plugins."""
    found = Registry()
    for name, module in sorted(_entry_points("bench").items()):
        found.add(f"vehicle-reid-bench:{name}", "", partial(importlib.import_module, module))
        if found.plugins[-1].problem:
            raise LookupError(found.plugins[-1].problem)
    return found


def verbs() -> dict[str, click.Command]:
    """Return the project's own verbs by name, sorted."""
    return {name: _load(target) for name, target in sorted({**VERBS, **_entry_points("bench.commands")}.items())}


def _entry_points(group: str) -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points: dict[str, str] = project["entry-points"][group]
    return points


def _load(target: str) -> click.Command:
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command
