"""Boards: the records of one task under one fingerprint, with one row per method, intervals and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.measures import in_order
from harness.scoring.record import Record
from harness.scoring.tables import group_of
from leaderboard.grouping import grouped
from leaderboard.record_files import RecordFile
from leaderboard.repeats import group_repeats, mean_measures, side_of
from leaderboard.standing import alike, readable
from leaderboard.statistics.intervals import Interval, over_everything
from leaderboard.statistics.paired import RankRange, Side, rank_ranges

SEEDS = 3
"""The fewest runs with different seeds that give a row a rank and marks: the spread of fewer is not known."""


@dataclass(frozen=True)
class BoardValue:
    """One measure of one row.

    Attributes:
        mean: the mean over the row's runs.
        deviation: the standard deviation over draws; None without draws or with several runs.
        interval: the interval over vehicles, seeds and draws; None if the records have no per-query values.
        mark: ``best``, ``second``, or empty.
    """

    mean: float
    deviation: float | None = None
    interval: Interval | None = None
    mark: str = ""

    @property
    def extent(self) -> tuple[float, ...]:
        """The mean, and the ends of the interval if there is one."""
        return (self.mean,) if self.interval is None else (self.interval.low, self.mean, self.interval.high)


@dataclass(frozen=True)
class BoardRow:
    """One method on a board.

    Attributes:
        records: its runs, by seed.
        ranks: the range of its ranks; None for a control, a result with post-processing, a method with fewer than
            ``SEEDS`` runs, and one without per-query values or without their weights.
        weighed: False if its interval weighs each query once although a gallery was drawn several times, because its
            records do not say how often each was asked.
        others: names of records that repeat its runs.
    """

    records: tuple[Record, ...]
    values: Mapping[str, BoardValue]
    ranks: RankRange | None
    weighed: bool = True
    others: tuple[str, ...] = ()

    @property
    def record(self) -> Record:
        """The run that the row is named after: the one with the shortest name."""
        return min(self.records, key=lambda record: (len(record.method_name), record.method_name))

    @property
    def shown_name(self) -> str:
        """Its name in tables: a control stands in parentheses."""
        return f"({self.record.method_name})" if self.record.control else self.record.method_name

    @property
    def competes(self) -> bool:
        """Whether it stands among the methods; controls, post-processed results and given matrices stand below."""
        return not self.record.control and self.record.plain

    @property
    def repeated(self) -> bool:
        """Whether it is a method with at least ``SEEDS`` seeds: its values are marked, and it has a rank."""
        return self.competes and len({record.seed for record in self.records}) >= SEEDS

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of the same options, sorted."""
        names = {name for record in self.records for name in (record.method_name, *record.alias_names)}
        return tuple(sorted({*names, *self.others} - {self.record.method_name}))


@dataclass(frozen=True)
class Board:
    """The results of one task under one fingerprint.

    Attributes:
        task: ``protocol/task``.
        fingerprint: the fingerprint of all its records.
        official: whether its records are official.
        measures: the columns, starting with the measure that ranks.
        rows: the methods, then those with post-processing whose parameters were chosen without the test, those whose
            parameters were chosen on the test, given matrices, and the controls; each group best first.
    """

    task: str
    fingerprint: str
    official: bool
    measures: tuple[str, ...]
    rows: tuple[BoardRow, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All runs of all rows."""
        return tuple(record for row in self.rows for record in row.records)


def build_boards(files: Iterable[RecordFile]) -> tuple[Board, ...]:
    """Return the boards of all records: official ones first, then by task; no two fingerprints share a board.

    A record whose per-query values cannot be used, or that asks other queries than the others of its fingerprint, is
    named in a warning and left out.
    """
    questions = grouped(readable(files), lambda file: _question(file.record))
    return tuple(_board(alike(questions[question])) for question in sorted(questions))


def _question(record: Record) -> tuple[object, ...]:
    """Return what two records must share to be on one board; boards are sorted by it."""
    measures = tuple(sorted(record.measures))
    return not record.official, record.name, -record.version, record.fingerprint, record.ranked_by, measures


def _board(files: list[RecordFile]) -> Board:
    first = files[0].record
    groups = group_repeats(files)
    sides = [None if any(file.record.per_query is None for file in group) else side_of(group) for group in groups]
    rows = [_row(group, side) for group, side in zip(groups, sides, strict=True)]
    ranked = [index for index, row in enumerate(rows) if row.repeated and row.weighed and sides[index] is not None]
    ranges = rank_ranges([side.runs(first.ranked_by) for index in ranked if (side := sides[index]) is not None])
    for index, found in zip(ranked, ranges, strict=True):
        rows[index] = replace(rows[index], ranks=found)

    def place(row: BoardRow) -> tuple[bool, int, float, str, str]:
        record = row.record
        mean = row.values[first.ranked_by].mean
        return record.control, group_of(record), -mean, record.method_name, record.run

    return Board(
        task=first.name,
        fingerprint=first.fingerprint,
        official=first.official,
        measures=tuple(in_order(first.measures, first.ranked_by)),
        rows=marked(sorted(rows, key=place)),
    )


def _row(group: list[RecordFile], side: Side | None) -> BoardRow:
    records = tuple(file.record for file in group)
    one = records[0] if len(records) == 1 else None
    values = {
        measure: BoardValue(
            mean=mean,
            deviation=one.deviations.get(measure) if one else None,
            interval=None if side is None else over_everything(side.runs(measure)),
        )
        for measure, mean in mean_measures(group).items()
    }
    weighed = side is None or not records[0].draws or side.tables[0].asked is not None
    return BoardRow(records, values, None, weighed, tuple(sorted({name for file in group for name in file.names})))


def marked(rows: Sequence[BoardRow]) -> tuple[BoardRow, ...]:
    """Mark the best and the second best value of each measure among the methods with enough seeds, if there are two."""
    repeated = [row for row in rows if row.repeated]
    marks: dict[str, dict[float, str]] = {}
    for measure in rows[0].values if len(repeated) > 1 else ():
        ahead = sorted({row.values[measure].mean for row in repeated}, reverse=True)
        marks[measure] = dict(zip(ahead, ("best", "second"), strict=False))

    def mark(row: BoardRow, measure: str) -> str:
        return marks.get(measure, {}).get(row.values[measure].mean, "") if row.repeated else ""

    return tuple(
        replace(row, values={word: replace(value, mark=mark(row, word)) for word, value in row.values.items()})
        for row in rows
    )
