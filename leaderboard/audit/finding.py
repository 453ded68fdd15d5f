"""A finding of the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from harness.basics.digests import digest
from leaderboard.published.library import Cell, Library, Number

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
        cells: the numbers in doubt; the values of ``rows`` without those that they are only compared with.
    """

    rule: str
    severity: Severity
    says: str
    documents: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[Cell, ...] = ()

    @property
    def name(self) -> str:
        """A name for acknowledgements, which changes with the sentence and the places."""
        return f"{self.rule}-{digest([self.says, self.rows])[:10]}"


Rule = Callable[[Library], Iterable[Finding]]


def found(
    rule: str, severity: Severity, says: str, numbers: Iterable[Number], doubted: Iterable[Number] | None = None
) -> Finding:
    """Return a finding about some numbers: all that it compares, and those in doubt if not all are."""
    listed = list(numbers)
    rows = tuple(dict.fromkeys(f"{number.where}: {number.printed}" for number in listed))
    cells = tuple(dict.fromkeys(number.cell for number in (listed if doubted is None else doubted)))
    return Finding(rule, severity, says, tuple(sorted({number.document for number in listed})), rows, cells)


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return words as a sentence lists them: ``a, b and c``."""
    *others, final = words
    return f"{', '.join(others)} {last} {final}" if others else final


def describe(measure: str, dataset: str, subset: str) -> str:
    """Return a measure of a test set in words: ``rank@1 on vehicleid (large)``."""
    return f"{measure} on {dataset}" + (f" ({subset})" if subset else "")
