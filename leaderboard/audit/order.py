"""Rules for the order of values in a table: down an ablation, and with the size of the gallery."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from leaderboard.audit.finding import Finding, describe, found
from leaderboard.grouping import grouped
from leaderboard.published.library import Library

FAR = Decimal(5)
"""Points by which a row of an ablation may leave the range of its neighbours. The largest step between rows of the
transcribed ablations is 4.9 (PR-ReID, table 6), except for the row that this rule finds."""
SIZES = ("small", "medium", "large")


def ablation_gap(library: Library) -> Iterator[Finding]:
    """Find rows of an ablation far outside the range of the rows above and below."""
    ablations = [number for number in library.numbers if number.table.ablation]
    for numbers in grouped(ablations, lambda number: number.printed_column).values():
        for above, here, below in zip(numbers, numbers[1:], numbers[2:], strict=False):
            low, high = sorted((above.value, below.value))
            if here.value < low - FAR or here.value > high + FAR:
                yield found(
                    "ablation-gap",
                    "warning",
                    f"{here.value} % stands between {above.value} % and {below.value} %",
                    [above, here, below],
                    [here],
                )


def rises_with_gallery(library: Library) -> Iterator[Finding]:
    """Find rows whose value is higher for a larger gallery than for a smaller one."""
    for row in library.rows:
        for smaller, larger in pairwise(SIZES):
            by_question = {(number.column.dataset, number.column.measure, number.subset): number for number in row}
            for (dataset, measure, subset), number in by_question.items():
                other = by_question.get((dataset, measure, larger))
                if subset == smaller and other is not None and other.low > number.high:
                    yield found(
                        "rises-with-gallery",
                        "warning",
                        f"{describe(measure, dataset, larger)} is {other.value} %, above {smaller}, {number.value} %",
                        [number, other],
                    )
