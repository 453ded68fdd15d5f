"""Footnotes at published numbers: what the audit found about each, and what is known of the cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leaderboard.audit.finding import Severity
from leaderboard.audit.rules import AuditReport
from leaderboard.published.library import Cell
from leaderboard.published.tables import MEASURES, PublishedRow

ABOUT_THE_TEXT = frozenset({"claim-fails", "marked-not-best", "miscounted", "other-name", "unchecked-count"})
"""Rules whose findings doubt a sentence, a name or the print and not the number; they give no footnote."""


@dataclass(frozen=True)
class Footnote:
    """A remark on a published number.

    Attributes:
        text: what was found, and the reason if the finding is acknowledged, as sentences.
        severity: see ``SEVERITIES``.
        finding: the name of the finding; empty for a correction of the transcription.
    """

    text: str
    severity: Severity
    finding: str = ""


Notes = Mapping[Cell, tuple[Footnote, ...]]
"""The footnotes of each number that has some."""
NO_NOTES: Notes = {}


@dataclass(frozen=True)
class TableFootnotes:
    """The footnotes of some rows of published numbers.

    Attributes:
        notes: each footnote once, in the order in which the rows and their measures need them; numbered from 1.
        marks: the numbers of the footnotes at a cell, by the row's place among them (from 0) and the measure.
    """

    notes: tuple[Footnote, ...]
    marks: Mapping[tuple[int, str], tuple[int, ...]]


def notes_by_number(report: AuditReport) -> Notes:
    """Return the footnotes of each number that a finding doubts, the worst first."""
    notes: dict[Cell, list[Footnote]] = {}
    for finding in report.findings:
        if finding.rule in ABOUT_THE_TEXT:
            continue
        reason = report.reasons.get(finding.name, "")
        first = finding.says.partition(" ")[0]  # a name such as pgan/d4 or veri776 keeps its letters
        says = finding.says[0].upper() + finding.says[1:] if first.isalpha() else finding.says
        note = Footnote(f"{says}. {reason}".rstrip(), finding.severity, finding.name)
        for cell in finding.cells:
            notes.setdefault(cell, []).append(note)
    return {cell: tuple(found) for cell, found in notes.items()}


def table_footnotes(rows: Sequence[PublishedRow], notes: Notes) -> TableFootnotes:
    """Return the footnotes of some rows: corrections, and the notes on every print of a number that they show."""
    numbered: dict[Footnote, int] = {}
    marks: dict[tuple[int, str], tuple[int, ...]] = {}
    for place, row in enumerate(rows):
        for measure in MEASURES:
            printed = [number for number in row.printed if number.column.measure == measure]
            found = [Footnote(f"{number.correction}.", "note") for number in printed if number.correction]
            found += [note for number in printed for note in notes.get(number.cell, ())]
            if found:
                places = {numbered.setdefault(note, len(numbered) + 1) for note in found}
                marks[place, measure] = tuple(sorted(places))
    return TableFootnotes(tuple(numbered), marks)
