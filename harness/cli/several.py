"""The words of a command that several processes are given: what decides a number must be the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.compute.team import Team

OWN = {
    "changes",
    "data",
    "device",
    "devices",
    "distractors",
    "json_wanted",
    "memory",
    "observe",
    "plugin",
    "timeout",
    "workers",
}
"""Options that each process may have its own way, or whose content is compared once it has been read."""


def same_words(team: Team, words: Mapping[str, Any]) -> None:
    """Refuse to go on unless all processes have the same verb, options, code of the harness and packages.

    Machines may keep a file in different places, so paths are not compared; what was read from them is, later.

    Raises:
        UsageError: they have not.
    """
    if team.count == 1:
        return
    from harness.scoring.record import installed_versions

    given = {name: value for name, value in words.items() if name not in OWN and not isinstance(value, Path)}
    options = {f"--{name.replace('_', '-')}": _plain(value) for name, value in sorted(given.items())}
    verb = click.get_current_context().info_name
    team.agree({"the verb": verb, **options, **installed_versions(), "the code of the harness": _code()})


def _plain(value: object) -> object:
    """Return a value as JSON; of a TOML file only its name."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return PurePath(text).name if text.endswith(".toml") else text


def _code() -> str:
    """Return the digest of the harness's Python files; installed from a checkout, they change under one version."""
    import hashlib

    root = Path(__file__).resolve().parents[1]
    hasher = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        hasher.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()
