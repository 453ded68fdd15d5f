"""The verb ``bench plugins``: list what is installed, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from harness.cli import options as shared
from harness.cli.grouped import command
from harness.cli.output import show_rows


@command("See what there is")
@shared.plugin_files
@shared.as_json
def plugins(plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the installed plugins and their problems.

    \b
    Example:
      bench plugins --plugin my_method.py
    """
    from harness.registry.registry import load

    registry = load(plugin)
    registry.try_all()
    rows = [
        {
            "plugin": found.name,
            "version": found.version,
            **{f"{kind.word}s": " ".join(sorted(found.names[kind.word])) for kind in registry.kinds},
            "problem": found.problem,
        }
        for found in registry.plugins
    ]
    show_rows(rows, json_wanted=json_wanted)
