"""The verb ``bench audit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboard.audit.finding import Finding
    from leaderboard.audit.run import Report


@click.command()
@click.option(
    "--published",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of transcribed documents; default: those that come with the package.",
)
@click.option(
    "--acknowledged",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Acknowledged findings with their reasons; default: those of the package, or none with --published.",
)
@click.option("--rule", "rules", multiple=True, metavar="NAME", help="Only this rule. Repeatable.")
@click.option("--check", is_flag=True, help="Fail if a finding is not acknowledged.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the findings as JSON.")
def audit(
    *, published: Path | None, acknowledged: Path | None, rules: tuple[str, ...], check: bool, json_wanted: bool
) -> None:
    """Look through the published numbers for what cannot be, or does not agree."""
    from harness.errors import RunError, unknown_name
    from leaderboard.audit.run import ACKNOWLEDGED, RULES, acknowledgements
    from leaderboard.audit.run import audit as run_rules
    from leaderboard.published.load import FOLDER, load

    for rule in rules:
        if rule not in RULES:
            raise unknown_name("rule", rule, RULES)
    if acknowledged is None and published is None:
        acknowledged = ACKNOWLEDGED
    reasons = acknowledgements(acknowledged) if acknowledged is not None else {}
    report = run_rules(load(published or FOLDER), rules or RULES, reasons)
    click.echo(json.dumps(as_json(report), indent=2) if json_wanted else as_text(report))
    if check and (report.open or report.stale):
        raise RunError(
            f"{len(report.open)} findings are not acknowledged; {len(report.stale)} acknowledgements have no finding",
            where=acknowledged,
            found=", ".join([*(finding.name for finding in report.open), *report.stale]),
            next_step="correct the transcription, or acknowledge the finding with a reason",
        )


def as_json(report: Report) -> list[dict[str, object]]:
    """Return the findings as ``--json`` prints them."""
    return [
        {
            "finding": finding.name,
            "rule": finding.rule,
            "severity": finding.severity,
            "says": finding.says,
            "documents": finding.documents,
            "rows": finding.rows,
            "acknowledged": report.reasons.get(finding.name),
        }
        for finding in report.findings
    ]


def as_text(report: Report) -> str:
    """Return the findings, the worst first, and how many there are."""
    parts = [_paragraph(finding, report.reasons.get(finding.name)) for finding in report.findings]
    parts += [f"stale: {name} is acknowledged and found no more" for name in report.stale]
    numbers = {severity: sum(finding.severity == severity for finding in report.findings) for severity in _words()}
    counts = ", ".join(f"{number} {word}s" if number != 1 else f"1 {word}" for word, number in numbers.items())
    parts.append(f"{len(report.findings)} findings: {counts}; {len(report.open)} not acknowledged")
    return "\n\n".join(parts)


def _words() -> tuple[str, ...]:
    from leaderboard.audit.finding import SEVERITIES

    return SEVERITIES


def _paragraph(finding: Finding, reason: str | None) -> str:
    lines = [f"{finding.severity}: {finding.says}", f"  finding: {finding.name}"]
    lines += [f"  row: {row}" for row in finding.rows]
    return "\n".join([*lines, *([f"  acknowledged: {reason}"] if reason else [])])
