"""The verb ``bench audit``."""

from __future__ import annotations

from pathlib import Path

from harness.cli.grouped import DATA, EVALUATION, OUTPUT, command, option
from harness.cli.options import FILE
from harness.cli.output import show
from leaderboard.commands.options import published


@command("Compare numbers")
@published
@option(
    "--acknowledged",
    group=DATA,
    type=FILE,
    help="Acknowledged findings with their reasons; default: the package's, or none with --published.",
)
@option("--rule", "rules", group=EVALUATION, multiple=True, metavar="NAME", help="Apply only this rule. Repeatable.")
@option("--check", group=OUTPUT, is_flag=True, help="Fail if a finding has not been acknowledged.")
@option("--json", "json_wanted", group=OUTPUT, is_flag=True, help="Print the findings as JSON.")
def audit(
    *, published: Path | None, acknowledged: Path | None, rules: tuple[str, ...], check: bool, json_wanted: bool
) -> None:
    """Find contradictions in published numbers.

    Each rule looks for numbers that are impossible or contradict others. A file lists the findings that were examined
    and acknowledged, with reasons.

    \b
    Example:
      bench audit --rule impossible-fraction
    """
    from harness.errors import RunError, unknown_name
    from leaderboard.audit.report import findings_json, findings_text
    from leaderboard.audit.rules import ACKNOWLEDGED, RULES, acknowledgements, apply_rules
    from leaderboard.published.library import FOLDER, load_library

    for rule in rules:
        if rule not in RULES:
            raise unknown_name("rule", rule, RULES)
    if acknowledged is None and published is None:
        acknowledged = ACKNOWLEDGED
    reasons = acknowledgements(acknowledged) if acknowledged is not None else {}
    report = apply_rules(load_library(published or FOLDER), rules or RULES, reasons)
    show(findings_json(report), json_wanted=json_wanted, text=lambda: findings_text(report))
    if check and (report.open or report.stale):
        raise RunError(
            f"{len(report.open)} findings are not acknowledged; {len(report.stale)} acknowledgements have no finding",
            where=acknowledged,
            found=", ".join([*(finding.name for finding in report.open), *report.stale]),
            next_step="correct the transcription, or acknowledge the finding with a reason",
        )
