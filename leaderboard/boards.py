"""Boards: the records of one task under one fingerprint, with one row per method, intervals and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from harness.measures import in_order
from harness.scoring.per_query import PerQuery
from harness.scoring.record import Record
from leaderboard.grouping import grouped
from leaderboard.record_files import RecordFile
from leaderboard.repeats import group_repeats, mean_measures, mean_values
from leaderboard.statistics.intervals import Interval, over_repeats, over_vehicles
from leaderboard.statistics.paired import holm, p_value
from leaderboard.statistics.vehicles import by_vehicle, difference

ALPHA = 0.05


@dataclass(frozen=True)
class BoardValue:
    """One measure of one row.

    Attributes:
        mean: the mean over the row's runs.
        deviation: the standard deviation over draws; None without draws or with several runs.
        vehicles: the interval over vehicles; None if the records have no per-query values.
        draws: the interval over draws, for a row with one run.
        seeds: the interval over runs; None for one run.
        mark: ``best``, ``second``, or empty.
    """

    mean: float
    deviation: float | None = None
    vehicles: Interval | None = None
    draws: Interval | None = None
    seeds: Interval | None = None
    mark: str = ""


@dataclass(frozen=True)
class BoardRow:
    """One method on a board.

    Attributes:
        records: its runs, by seed.
        rank: 1 plus the number of methods that are better beyond chance; None for a control, a re-ranked result, or a
            method without per-query values.
    """

    records: tuple[Record, ...]
    values: Mapping[str, BoardValue]
    rank: int | None

    @property
    def record(self) -> Record:
        """Its first run."""
        return self.records[0]

    @property
    def competes(self) -> bool:
        """Whether the row has a rank and marks: controls and re-ranked results have none."""
        return _competes(self.record)


@dataclass(frozen=True)
class Board:
    """The results of one task under one fingerprint.

    Attributes:
        task: ``protocol/task``.
        fingerprint: the fingerprint of all its records.
        official: whether its records are official.
        measures: the columns, starting with the measure that ranks.
        rows: the methods, best first, then the re-ranked methods and the controls, each best first.
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
    """Return the boards of all records: official ones first, then by task; no two fingerprints share a board."""
    questions = grouped(files, lambda file: _question(file.record))
    return tuple(_board(questions[question]) for question in sorted(questions))


def _question(record: Record) -> tuple[object, ...]:
    """Return what two records must share to be on one board; boards are sorted by it."""
    measures = tuple(sorted(record.measures))
    return not record.official, record.name, -record.version, record.fingerprint, record.ranked_by, measures


def _board(files: list[RecordFile]) -> Board:
    first = files[0].record
    groups = group_repeats(files)
    tables = [None if any(file.record.per_query is None for file in group) else mean_values(group) for group in groups]
    ranks = _ranks(groups, tables, first.ranked_by)
    rows = [_row(group, table, rank) for group, table, rank in zip(groups, tables, ranks, strict=True)]

    def place(row: BoardRow) -> tuple[bool, bool, float, str, str]:
        record = row.record
        mean = row.values[first.ranked_by].mean
        return record.control, record.rerank is not None, -mean, record.method_name, record.run

    return Board(
        task=first.name,
        fingerprint=first.fingerprint,
        official=first.official,
        measures=tuple(in_order(first.measures, first.ranked_by)),
        rows=_marked(sorted(rows, key=place)),
    )


def _competes(record: Record) -> bool:
    return not record.control and record.rerank is None


def _row(group: list[RecordFile], table: PerQuery | None, rank: int | None) -> BoardRow:
    records = tuple(file.record for file in group)
    one = records[0] if len(records) == 1 else None
    values = {
        measure: BoardValue(
            mean=mean,
            deviation=one.deviations.get(measure) if one else None,
            vehicles=None if table is None else over_vehicles(by_vehicle(table.values[measure], table.vehicle)),
            draws=over_repeats(one.per_draw.get(measure, ())) if one else None,
            seeds=over_repeats([record.measures[measure] for record in records]),
        )
        for measure, mean in mean_measures(group).items()
    }
    return BoardRow(records, values, rank)


def _ranks(groups: list[list[RecordFile]], tables: list[PerQuery | None], measure: str) -> list[int | None]:
    """Return 1 plus the number of methods that are better beyond chance, after Holm's correction over all pairs."""
    methods = {
        index: table
        for index, (group, table) in enumerate(zip(groups, tables, strict=True))
        if table is not None and _competes(group[0].record)
    }
    pairs = list(combinations(methods, 2))
    differences = [difference(methods[one], methods[other], measure) for one, other in pairs]
    corrected = holm([p_value(found.sums) for found in differences])
    worse = [
        other if found.mean > 0 else one
        for (one, other), found, p in zip(pairs, differences, corrected, strict=True)
        if p < ALPHA
    ]
    return [1 + worse.count(index) if index in methods else None for index in range(len(groups))]


def _marked(rows: list[BoardRow]) -> tuple[BoardRow, ...]:
    """Mark the best and the second best value of each measure; equal values share a mark, a single method has none."""
    methods = [row for row in rows if row.competes]
    marks: dict[str, dict[float, str]] = {}
    for measure in rows[0].values if len(methods) > 1 else ():
        ahead = sorted({row.values[measure].mean for row in methods}, reverse=True)
        marks[measure] = dict(zip(ahead, ("best", "second"), strict=False))
    return tuple(
        replace(
            row,
            values={
                measure: replace(value, mark=marks.get(measure, {}).get(value.mean, ""))
                for measure, value in row.values.items()
            },
        )
        if row.competes
        else row
        for row in rows
    )
