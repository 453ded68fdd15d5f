"""The verb ``bench doctor``: one page about this installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options as shared
from harness.cli.grouped import OUTPUT, command, option
from harness.cli.output import own_output, show

if TYPE_CHECKING:
    from harness.describe.installation import Facts, Installation


@command("See what there is")
@shared.plugin_files
@option("--runs", default="runs", type=shared.DIR, group=OUTPUT, help="Folder of all runs.")
@shared.as_json
def doctor(plugin: tuple[Path, ...], runs: Path, json_wanted: bool) -> None:
    """Look at this installation, for a report of a fault.

    Versions, devices, memory, folders, locks, console and plugins, and what is wrong with them, on one page that can be
    pasted into a report: your home is written as ~, and neither your name nor your machine's is shown.

    \b
    Examples:
      bench doctor
      bench doctor --runs /data/runs --json
    """
    from harness.describe.installation import describe_installation
    from harness.registry.registry import load

    console = sys.stdout
    with own_output():
        found = describe_installation(load(plugin), runs, console)
    value = {"problems": list(found.problems), **found.sections}
    show(value, json_wanted=json_wanted, text=lambda: _page(found))


def _page(found: Installation) -> str:
    lines = [f"problem: {problem}" for problem in found.problems] or ["no problem was found"]
    for title, facts in found.sections.items():
        lines += ["", title, *(f"  {line}" for line in _lines(facts))]
    return "\n".join(lines)


def _lines(facts: Facts) -> list[str]:
    wide = max(map(len, facts), default=0)
    return [f"{name:<{wide}}  {_words(value)}" for name, value in facts.items()] or ["none"]


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(one)}" for name, one in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)
