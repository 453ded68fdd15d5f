"""Rules for differences within a row, such as Top-5 minus Top-1, that are much the same in all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from leaderboard.audit.finding import Finding, describe, found
from leaderboard.audit.order import SIZES
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number
from leaderboard.published.schema import Measure

LEAST = 4
"""The least number of other rows to compare a row with."""
FLOOR = Decimal(1)
"""Points beyond the other rows that are never far."""
FACTOR = Decimal("2.5")
"""How many mean distances between the other rows are far."""

Row = Sequence[Number]


@dataclass(frozen=True)
class Gap:
    """A difference within a row: its name, its value in points, and the numbers that it is made of."""

    name: str
    value: Decimal
    numbers: tuple[Number, ...]


def top_k_gap(library: Library) -> Iterator[Finding]:
    """Find rows whose Top-5 minus Top-1 is far from that of the table's other rows."""
    for rows in _tables(library):
        yield from _far_gaps("top-k-gap", rows, _top_k)


def gap_jumps(library: Library) -> Iterator[Finding]:
    """Find rows whose Top-5 minus Top-1 changes with the size of the gallery unlike that of the table's other rows."""
    for rows in _tables(library):
        yield from _far_gaps("gap-jumps", rows, _changes)


def map_gap(library: Library) -> Iterator[Finding]:
    """Find own rows whose Top-1 minus mAP is far from that of the document's other own rows.

    Methods of different authors differ too much in it, and so do those trained on another data set.
    """
    own = [row for row in library.rows if row[0].row.own]
    for rows in grouped(own, lambda row: (row[0].document, row[0].row.train_on)).values():
        yield from _far_gaps("map-gap", rows, _over_map)


def _tables(library: Library) -> Iterable[Sequence[Row]]:
    return grouped(library.rows, lambda row: row[0].cell[:2]).values()


def far(value: Decimal, others: Sequence[Decimal]) -> bool:
    """Return whether a value is far outside the range of others, measured by the mean distance between them."""
    low, high = min(others), max(others)
    allowed = max(FLOOR, FACTOR * (high - low) / (len(others) - 1))
    return not low - allowed <= value <= high + allowed


def _far_gaps(rule: str, rows: Sequence[Row], gaps_of: Callable[[Row], Iterator[Gap]]) -> Iterator[Finding]:
    """Yield a note for each difference that is far from that of the other rows."""
    gaps = grouped((gap for row in rows for gap in gaps_of(row)), lambda gap: gap.name)
    for name, every in gaps.items():
        for place, gap in enumerate(every):
            others = [other.value for other in (*every[:place], *every[place + 1 :])]
            if len(others) >= LEAST and far(gap.value, others):
                says = f"{name} is {gap.value}; in the other rows it is {min(others)} to {max(others)}"
                yield found(rule, "note", says, gap.numbers)


def _top_k(row: Row) -> Iterator[Gap]:
    """Yield Top-5 minus Top-1 of a row on each test set."""
    for (dataset, subset), (first, fifth) in _pairs(row, "rank@1", "rank@5").items():
        name = f"{describe('rank@5', dataset, subset)} minus rank@1"
        yield Gap(name, fifth.value - first.value, (first, fifth))


def _over_map(row: Row) -> Iterator[Gap]:
    """Yield Top-1 minus mAP of a row on each test set."""
    for (dataset, subset), (mean, first) in _pairs(row, "ap", "rank@1").items():
        yield Gap(f"{describe('rank@1', dataset, subset)} minus mAP", first.value - mean.value, (mean, first))


def _changes(row: Row) -> Iterator[Gap]:
    """Yield the change of Top-5 minus Top-1 from each test set to the next larger one."""
    tops = _pairs(row, "rank@1", "rank@5")
    for dataset in dict.fromkeys(dataset for dataset, _ in tops):
        for smaller, larger in pairwise(SIZES):
            if (dataset, smaller) in tops and (dataset, larger) in tops:
                (first, fifth), (next_first, next_fifth) = tops[dataset, smaller], tops[dataset, larger]
                change = next_fifth.value - next_first.value - (fifth.value - first.value)
                name = f"the change of rank@5 minus rank@1 on {dataset} from {smaller} to {larger}"
                yield Gap(name, change, (first, fifth, next_first, next_fifth))


def _pairs(row: Row, one: Measure, other: Measure) -> Mapping[tuple[str, str], tuple[Number, Number]]:
    """Return two measures by data set and subset, where a row has both."""
    by_test = {(number.column.dataset, number.subset, number.column.measure): number for number in row}
    return {
        (dataset, subset): (number, by_test[dataset, subset, other])
        for (dataset, subset, measure), number in by_test.items()
        if measure == one and (dataset, subset, other) in by_test
    }
