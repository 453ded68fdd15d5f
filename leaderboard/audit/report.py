"""The findings of the audit as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict

from leaderboard.audit.finding import SEVERITIES, Finding
from leaderboard.audit.rules import AuditReport


def findings_json(report: AuditReport) -> list[dict[str, object]]:
    """Return the findings as ``--json`` prints them."""
    return [
        {
            "finding": finding.name,
            **asdict(finding),
            "cells": [cell._asdict() for cell in finding.cells],
            "acknowledged": report.reasons.get(finding.name),
        }
        for finding in report.findings
    ]


def findings_text(report: AuditReport) -> str:
    """Return the findings, the worst first, and their number."""
    parts = [_paragraph(finding, report.reasons.get(finding.name)) for finding in report.findings]
    parts += [f"stale: {name} is acknowledged but no longer found" for name in report.stale]
    numbers = {severity: sum(finding.severity == severity for finding in report.findings) for severity in SEVERITIES}
    counts = ", ".join(f"{number} {word}s" if number != 1 else f"1 {word}" for word, number in numbers.items())
    parts.append(f"{len(report.findings)} findings: {counts}; {len(report.open)} not acknowledged")
    return "\n\n".join(parts)


def _paragraph(finding: Finding, reason: str | None) -> str:
    lines = [f"{finding.severity}: {finding.says}", f"  finding: {finding.name}"]
    lines += [f"  row: {row}" for row in finding.rows]
    return "\n".join([*lines, *([f"  acknowledged: {reason}"] if reason else [])])
