"""The verbs for authors of methods: ``bench new-method`` and ``bench check``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, METHOD, command, option
from harness.cli.output import own_output, say, show, table

if TYPE_CHECKING:
    from harness.authoring.finding import Finding


@command("Write a method", "new-method")
@click.argument("name", help="Name of the method: lower-case letters, digits and hyphens.")
@click.argument("folder", required=False, type=shared.DIR, help="New folder; default: the name.")
def new_method(name: str, folder: Path | None) -> None:
    """Write a small package with a method to start from.

    It can be installed as it is, has a test, and runs on the synthetic data set.

    \b
    Example:
      bench new-method my-method
    """
    from harness.authoring.distribution import write_distribution

    with own_output():
        written = write_distribution(name, folder or Path(name))
    say(f"{written}: install it with 'pip install -e {written}', then 'bench check {name}'")


@command("Write a method")
@click.argument("method", metavar="NAME[/VARIANT]", help="Method, as 'bench methods' lists it.")
@shared.changes
@option("--recipe", group=METHOD, help="Named set of options; default: the one that the protocol proposes.")
@shared.plugin_files
@option(
    "--protocol",
    default="synthetic",
    metavar="NAME[/TASK]",
    group=DATA,
    help="Protocol whose images are tried.",
)
@shared.data
@shared.device
@shared.as_json
@click.pass_context
def check(
    ctx: click.Context, /, *, changes: tuple[str, ...], plugin: tuple[Path, ...], json_wanted: bool, **words: Any
) -> None:
    """Check that a method keeps the contract.

    A network is checked without training. The exit status is 1 if a check fails.

    \b
    Examples:
      bench check my-method
      bench check my-method --plugin my_method.py --set cells=2 --json
    """
    from harness.authoring.conformance import Check
    from harness.authoring.trial import Asked
    from harness.runs.request import parse_changes

    with own_output():
        asked = Asked(**words, plugins=plugin, changes=parse_changes(changes))
        findings = list(Check(asked).findings())
    show([asdict(finding) for finding in findings], json_wanted=json_wanted, text=lambda: _text(findings))
    if any(finding.result == "failed" for finding in findings):
        ctx.exit(1)


def _text(findings: list[Finding]) -> str:
    """Return a table of the findings, and below it what each failure says in full."""
    rows = [{"check": one.check, "result": one.result, "found": one.detail.partition("\n")[0]} for one in findings]
    failed = [f"{one.check}: {one.detail}" for one in findings if one.result == "failed"]
    return "\n\n".join([table(rows), *failed])
