"""A finding of the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from harness.basics.digests import digest
from leaderboard.published.load import Library, Number

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""``error``: cannot be; ``warning``: does not agree; ``note``: may both be right, but a reader must know."""


@dataclass(frozen=True)
class Finding:
    """One thing that one rule found.

    Attributes:
        rule: its name.
        severity: how sure it is that something is wrong.
        says: one sentence with the values.
        rows: where the values stand.
        documents: whose they are.
    """

    rule: str
    severity: Severity
    says: str
    rows: tuple[str, ...]
    documents: tuple[str, ...]

    @property
    def name(self) -> str:
        """A word for acknowledgements: it changes with the places and the sentence."""
        return f"{self.rule}-{digest([self.says, self.rows])[:10]}"


Rule = Callable[[Library], Iterable[Finding]]


def found(rule: str, severity: Severity, says: str, numbers: Iterable[Number]) -> Finding:
    """Return the finding about some numbers."""
    listed = list(numbers)
    return Finding(
        rule=rule,
        severity=severity,
        says=says,
        rows=tuple(dict.fromkeys(f"{number.where}: {number.printed}" for number in listed)),
        documents=tuple(sorted({number.document for number in listed})),
    )


def called(measure: str, dataset: str, subset: str) -> str:
    """Return a question in words: ``rank@1 on vehicleid (large)``."""
    return f"{measure} on {dataset}" + (f" ({subset})" if subset else "")
