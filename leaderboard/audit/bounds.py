"""Rules for numbers that are impossible alone or within their row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations

from leaderboard.audit.finding import Finding, describe, found
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number
from leaderboard.published.schema import NOT_STATED


def out_of_range(library: Library) -> Iterator[Finding]:
    """Find values below 0 or above 100 percent."""
    for number in library.numbers:
        if not 0 <= number.value <= 100:
            yield found("out-of-range", "error", f"{number.value} % lies outside 0 to 100", [number])


def top_k_falls(library: Library) -> Iterator[Finding]:
    """Find rows whose Top-5 is below their Top-1, although more answers cannot find less."""
    for row in library.rows:
        for one, other in combinations(row, 2):
            first, fifth = sorted((one, other), key=_k)
            if (_k(first), _k(fifth)) != (1, 5) or first.question[:3] != fifth.question[:3]:
                continue
            if fifth.value < first.value and not fifth.agrees_with(first):
                question = describe("rank@5", fifth.column.dataset, fifth.subset)
                yield found(
                    "top-k-falls",
                    "error",
                    f"{question} is {fifth.value} %, below rank@1, {first.value} %",
                    [first, fifth],
                )


def _k(number: Number) -> int:
    return int(number.column.measure.partition("@")[2] or 0)


def single_relevant(library: Library) -> Iterator[Finding]:
    """Find mAP values that no ranking with one positive gives: CMC bounds it on both sides."""
    impossible: list[tuple[Number, Number]] = []
    for row in library.rows:
        by_question = {number.question: number for number in row}
        for number in row:
            dataset = library.datasets[number.column.dataset]
            first = by_question.get((*number.question[:3], "rank@1"))
            fifth = by_question.get((*number.question[:3], "rank@5"))
            possible = dataset.single and number.column.task in (*dataset.single, NOT_STATED)
            if number.column.measure != "ap" or first is None or not possible:
                continue
            low, high = map_bounds(first, fifth, gallery=dataset.gallery.get(number.subset))
            if number.high < low or number.low > high:
                impossible.append((number, first))
    for pairs in grouped(impossible, lambda pair: (*pair[0].printed_column[:2], pair[0].question)).values():
        number, first = pairs[0]
        stated = number.column.task != NOT_STATED
        yield found(
            "single-relevant",
            "error" if stated else "warning",
            f"mAP {number.value} % with rank@1 {first.value} % is impossible where one gallery image is right"
            + ("" if stated else "; the rule, which is not stated, must be another"),
            [number for pair in pairs for number in pair],
            [number for number, _ in pairs],
        )


def map_bounds(first: Number, fifth: Number | None, *, gallery: int | None) -> tuple[Decimal, Decimal]:
    """Return the least and greatest mAP in percent of rankings with one positive and this CMC.

    AP is 1 for a hit at rank 1. For one at rank r it is 1/r as a mean of precisions, and 1/(2r) by the trapezoid rule,
    which averages the precision at a hit with that just before it. A document rarely says which it takes: the least
    values are those of the trapezoid, 1/10 up to rank 5 and 1/(2 gallery) beyond, the greatest those of the mean, 1/2
    and 1/6.
    """
    last = Decimal(1) / (2 * gallery) if gallery else Decimal(0)
    if fifth is None:
        return first.low + (100 - first.low) * last, first.high + (100 - first.high) / 2
    low = first.low + max(fifth.low - first.low, Decimal(0)) / 10 + (100 - fifth.low) * last
    high = first.high + max(fifth.high - first.high, Decimal(0)) / 2 + (100 - fifth.high) / 6
    return low, high
