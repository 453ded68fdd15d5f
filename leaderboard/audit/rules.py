"""All rules of the audit, their findings, and which of these are acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.basics.reading import plain_toml, read_whole
from harness.errors import RecordError, wanted
from leaderboard.audit import agreement, bounds, claims, counts, granularity, order, settings, spread
from leaderboard.audit.finding import SEVERITIES, Finding, Rule
from leaderboard.published.library import Library

ACKNOWLEDGED = Path(__file__).parent / "acknowledged.toml"

RULES: Mapping[str, Rule] = {
    "ablation-falls": order.ablation_falls,
    "ablation-gap": order.ablation_gap,
    "claim-fails": claims.claim_fails,
    "gap-jumps": spread.gap_jumps,
    "implied-queries": granularity.implied_queries,
    "impossible-fraction": granularity.impossible_fraction,
    "map-gap": spread.map_gap,
    "marked-not-best": claims.marked_not_best,
    "miscounted": counts.miscounted,
    "mixed-inputs": settings.mixed_inputs,
    "mixed-tasks": agreement.mixed_tasks,
    "one-rounding": granularity.one_rounding,
    "other-name": agreement.other_name,
    "out-of-range": bounds.out_of_range,
    "quoted-differently": agreement.quoted_differently,
    "rises-with-gallery": order.rises_with_gallery,
    "single-relevant": bounds.single_relevant,
    "top-k-falls": bounds.top_k_falls,
    "top-k-gap": spread.top_k_gap,
    "two-in-a-row": settings.two_in_a_row,
    "unchecked-count": counts.unchecked_count,
}


class _Acknowledgement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]


_ENTRIES = TypeAdapter(dict[Literal["acknowledged"], list[_Acknowledgement]])


@dataclass(frozen=True)
class AuditReport:
    """The findings of the audit.

    Attributes:
        findings: the findings, the worst first.
        reasons: the reasons of acknowledged findings, by name.
        stale: names of acknowledged findings that are no longer found.
    """

    findings: tuple[Finding, ...]
    reasons: Mapping[str, str]
    stale: tuple[str, ...]

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that are not acknowledged."""
        return tuple(finding for finding in self.findings if finding.name not in self.reasons)


def apply_rules(
    library: Library, rules: Iterable[str] = RULES, reasons: Mapping[str, str] | None = None
) -> AuditReport:
    """Return the findings of the rules in the library."""
    chosen = list(rules)
    findings = [finding for rule in chosen for finding in RULES[rule](library)]
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.rule, finding.rows, finding.says))
    known = {finding.name for finding in findings}
    relevant = {name: reason for name, reason in (reasons or {}).items() if name.rpartition("-")[0] in chosen}
    return AuditReport(tuple(findings), relevant, tuple(sorted(set(relevant) - known)))


MAX_BYTES = 1 << 20
"""Size limit of the file of acknowledged findings."""


def acknowledgements(path: Path = ACKNOWLEDGED) -> dict[str, str]:
    """Return the reason for each acknowledged finding.

    Raises:
        RecordError: the file cannot be read, an entry has no reason, or a finding is acknowledged twice.
    """
    try:
        content = _ENTRIES.validate_python(
            plain_toml(read_whole(path, MAX_BYTES, "the file", error=RecordError).decode())
        )
    except ValueError as problem:  # pydantic's ValidationError is one
        found = wanted(problem.errors()[0]) if isinstance(problem, ValidationError) else problem
        raise RecordError(
            "the file of acknowledged findings cannot be read",
            where=path,
            found=found,
            expected='entries [[acknowledged]] with finding = "..." and reason = "..."',
        ) from None
    entries = content.get("acknowledged", [])
    reasons = {entry.finding: entry.reason for entry in entries}
    if len(reasons) != len(entries):
        raise RecordError("a finding is acknowledged twice", where=path)
    return reasons
