"""Rules for Top-5 minus Top-1, which is much the same in all rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from leaderboard.audit.finding import Finding, describe, found
from leaderboard.audit.order import SIZES
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number

LEAST = 4
"""The least number of other rows to compare a row with."""
FLOOR = Decimal(1)
"""Points beyond the other rows that are never far."""
FACTOR = Decimal("2.5")
"""How many mean distances between the other rows are far."""


@dataclass(frozen=True)
class Gap:
    """A difference within a row: its name, its value in points, and the numbers that it is made of."""

    name: str
    value: Decimal
    numbers: tuple[Number, ...]


def top_k_gap(library: Library) -> Iterator[Finding]:
    """Find rows whose Top-5 minus Top-1 is far from that of the table's other rows."""
    yield from _far_gaps("top-k-gap", library, _gaps)


def gap_jumps(library: Library) -> Iterator[Finding]:
    """Find rows whose Top-5 minus Top-1 changes with the size of the gallery unlike that of the table's other rows."""
    yield from _far_gaps("gap-jumps", library, _changes)


def far(value: Decimal, others: Sequence[Decimal]) -> bool:
    """Return whether a value is far outside the range of others, measured by the mean distance between them."""
    low, high = min(others), max(others)
    allowed = max(FLOOR, FACTOR * (high - low) / (len(others) - 1))
    return not low - allowed <= value <= high + allowed


def _far_gaps(rule: str, library: Library, gaps_of: Callable[[Sequence[Number]], Iterator[Gap]]) -> Iterator[Finding]:
    """Yield a note for each difference that is far from that of the other rows of its table."""
    for rows in grouped(library.rows, lambda row: row[0].cell[:2]).values():
        gaps = grouped((gap for row in rows for gap in gaps_of(row)), lambda gap: gap.name)
        for name, every in gaps.items():
            for place, gap in enumerate(every):
                others = [other.value for other in (*every[:place], *every[place + 1 :])]
                if len(others) >= LEAST and far(gap.value, others):
                    says = f"{name} is {gap.value}; in the other rows it is {min(others)} to {max(others)}"
                    yield found(rule, "note", says, gap.numbers)


def _gaps(row: Sequence[Number]) -> Iterator[Gap]:
    """Yield Top-5 minus Top-1 of a row on each test set."""
    for (dataset, subset), (first, fifth) in _tops(row).items():
        name = f"{describe('rank@5', dataset, subset)} minus rank@1"
        yield Gap(name, fifth.value - first.value, (first, fifth))


def _changes(row: Sequence[Number]) -> Iterator[Gap]:
    """Yield the change of Top-5 minus Top-1 from each test set to the next larger one."""
    tops = _tops(row)
    for dataset in dict.fromkeys(dataset for dataset, _ in tops):
        for smaller, larger in pairwise(SIZES):
            if (dataset, smaller) in tops and (dataset, larger) in tops:
                (first, fifth), (next_first, next_fifth) = tops[dataset, smaller], tops[dataset, larger]
                change = next_fifth.value - next_first.value - (fifth.value - first.value)
                name = f"the change of rank@5 minus rank@1 on {dataset} from {smaller} to {larger}"
                yield Gap(name, change, (first, fifth, next_first, next_fifth))


def _tops(row: Sequence[Number]) -> Mapping[tuple[str, str], tuple[Number, Number]]:
    """Return Top-1 and Top-5 by data set and subset, where a row has both."""
    by_test = {(number.column.dataset, number.subset, number.column.measure): number for number in row}
    return {
        (dataset, subset): (number, by_test[dataset, subset, "rank@5"])
        for (dataset, subset, measure), number in by_test.items()
        if measure == "rank@1" and (dataset, subset, "rank@5") in by_test
    }
