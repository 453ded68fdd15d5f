"""Boards: records that answered the same question, in the order of their answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.record import Record
from harness.tables import measure_order
from leaderboard.entries import Entry


@dataclass(frozen=True)
class Board:
    """The records of one task under one fingerprint.

    Attributes:
        task: ``protocol/task``.
        fingerprint: of all its records.
        official: of all its records.
        convention: of all its records.
        measures: columns, the one that ranks first.
        methods: records of methods, best first.
        controls: records that are only there to hold the others against, best first; never marked.
    """

    task: str
    fingerprint: str
    official: bool
    convention: str | None
    measures: tuple[str, ...]
    methods: tuple[Record, ...]
    controls: tuple[Record, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All rows, controls last."""
        return self.methods + self.controls

    def mark(self, record: Record, measure: str) -> str:
        """Return ``best``, ``second`` or nothing; equal values share their mark, and nothing is best among one."""
        if record.control or len(self.methods) < 2:
            return ""
        values = sorted({other.measures[measure] for other in self.methods}, reverse=True)
        return dict(zip(values, ("best", "second"), strict=False)).get(record.measures[measure], "")


def boards(entries: Iterable[Entry]) -> tuple[Board, ...]:
    """Return the boards of all records: official ones first, then by task; no two fingerprints share one."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for entry in entries:
        groups.setdefault(_question(entry.record), []).append(entry.record)
    return tuple(_board(groups[question]) for question in sorted(groups))


def _question(record: Record) -> tuple[object, ...]:
    """Return what two records must share to stand on one board, in the order in which boards are sorted."""
    return (
        not record.official,
        record.name,
        record.convention or "",
        -record.version,
        record.fingerprint,
        record.ranked_by,
        tuple(sorted(record.measures)),
    )


def _board(records: list[Record]) -> Board:
    first = records[0]
    measures = measure_order(first.measures, first.ranked_by)

    def place(record: Record) -> tuple[float, str, str, str]:
        return -record.measures[first.ranked_by], record.method, record.variant, record.run

    ranked = sorted(records, key=place)
    return Board(
        task=first.name,
        fingerprint=first.fingerprint,
        official=first.official,
        convention=first.convention,
        measures=tuple(measures),
        methods=tuple(record for record in ranked if not record.control),
        controls=tuple(record for record in ranked if record.control),
    )
