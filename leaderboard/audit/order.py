"""Rules for the order of values in a table: down an ablation, and with the size of the gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from leaderboard.audit.finding import Finding, describe, found
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number

FAR = Decimal(5)
"""Points by which a row of an ablation may leave the range of its neighbours. The largest step between rows of the
transcribed ablations is 4.9 (PR-ReID, table 6), except for the row that this rule finds."""
FALL = Decimal(1)
"""Points by which a row of an ablation may stay below the row above. The transcribed ablations fall by at most 0.8."""
SIZES = ("small", "medium", "large")


def ablation_gap(library: Library) -> Iterator[Finding]:
    """Find rows of an ablation far outside the range of the rows above and below."""
    for numbers in _ablations(library):
        for place in _outsiders(numbers):
            above, here, below = numbers[place - 1 : place + 2]
            says = f"{here.value} % stands between {above.value} % and {below.value} %"
            yield found("ablation-gap", "warning", says, [above, here, below], [here])


def ablation_falls(library: Library) -> Iterator[Finding]:
    """Find rows of an ablation below the row above, although each adds to it."""
    for numbers in _ablations(library):
        outsiders = _outsiders(numbers)
        for place, (above, here) in enumerate(pairwise(numbers), 1):
            if here.value < above.value - FALL and not {place - 1, place} & outsiders:
                says = f"{here.value} % stands below {above.value} %, to which its row adds"
                yield found("ablation-falls", "note", says, [above, here])


def _ablations(library: Library) -> Iterable[list[Number]]:
    """Return the columns of the ablations."""
    numbers = [number for number in library.numbers if number.table.ablation]
    return grouped(numbers, lambda number: number.printed_column).values()


def _outsiders(numbers: Sequence[Number]) -> set[int]:
    """Return the places of the numbers far outside the range of their two neighbours."""
    places = set()
    for place, (above, here, below) in enumerate(zip(numbers, numbers[1:], numbers[2:], strict=False), 1):
        low, high = sorted((above.value, below.value))
        if not low - FAR <= here.value <= high + FAR:
            places.add(place)
    return places


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
