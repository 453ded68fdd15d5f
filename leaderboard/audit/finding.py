"""A finding of the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from harness.basics.digests import digest
from leaderboard.published.library import Library, Number

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""``error``: impossible; ``warning``: contradictory; ``note``: possibly right, but a reader should know."""


@dataclass(frozen=True)
class Finding:
    """A contradiction that a rule found.

    Attributes:
        rule: the name of the rule.
        severity: see ``SEVERITIES``.
        says: one sentence with the values.
        documents: that the values are from.
        rows: places of the values, with the values as printed.
    """

    rule: str
    severity: Severity
    says: str
    documents: tuple[str, ...]
    rows: tuple[str, ...]

    @property
    def name(self) -> str:
        """A name for acknowledgements, which changes with the sentence and the places."""
        return f"{self.rule}-{digest([self.says, self.rows])[:10]}"


Rule = Callable[[Library], Iterable[Finding]]


def found(rule: str, severity: Severity, says: str, numbers: Iterable[Number]) -> Finding:
    """Return a finding about some numbers."""
    listed = list(numbers)
    rows = dict.fromkeys(f"{number.where}: {number.printed}" for number in listed)
    return Finding(rule, severity, says, tuple(sorted({number.document for number in listed})), tuple(rows))


def describe(measure: str, dataset: str, subset: str) -> str:
    """Return a measure of a test set in words: ``rank@1 on vehicleid (large)``."""
    return f"{measure} on {dataset}" + (f" ({subset})" if subset else "")
