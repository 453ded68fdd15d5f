"""Rules for hit rates, which are whole numbers of hits out of whole numbers of queries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, Decimal

from leaderboard.audit.finding import Finding, describe, found, listed
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number
from leaderboard.published.schema import NOT_STATED

DRAWS = 10
"""Draws of VehicleID's protocol; their mean can take ten times as many values as one draw."""
MOST = 20_000
"""The greatest number of queries tried; no released list of one draw has more."""
CHANCE = 0.02
"""Greatest probability that arbitrary values would fit the implied number of queries or a smaller one."""


def rounded(number: Number, queries: int) -> bool:
    """Return whether some number of hits out of ``queries`` is rounded to this."""
    return _least_rate(number.low, queries) <= min(number.high, Decimal(100))


def cut_off(number: Number, queries: int) -> bool:
    """Return whether some number of hits out of ``queries`` begins with these digits."""
    return _least_rate(number.value, queries) < min(number.value + number.step, Decimal(101))


def attainable(number: Number, queries: int) -> bool:
    """Return whether some number of hits out of ``queries`` is printed like this, rounded or cut off."""
    return rounded(number, queries) or cut_off(number, queries)


def _least_rate(low: Decimal, queries: int) -> Decimal:
    """Return the least hit rate in percent that is not below ``low``."""
    return 100 * (low * queries / 100).to_integral_value(ROUND_CEILING) / queries


def impossible_fraction(library: Library) -> Iterator[Finding]:
    """Find hit rates that no number of hits gives with the queries of the released list."""
    rates = [number for number in library.numbers if number.column.measure != "ap" and _queries(library, number)]
    impossible = [number for number in rates if not attainable(number, _queries(library, number) or 0)]
    for numbers in grouped(impossible, lambda number: (number.document, number.question, number.value)).values():
        number, total = numbers[0], _queries(library, numbers[0]) or 0
        yield found(
            "impossible-fraction",
            "warning" if number.column.task == NOT_STATED else "error",
            f"no number of hits out of {total:,} queries gives {number.value} %"
            + ("" if number.text == number.printed else ", a corrected value")
            + f"; {_nearest(number, total)} would be printed",
            numbers,
        )


def one_rounding(library: Library) -> Iterator[Finding]:
    """Find hit rates that a document cuts off although it rounds others, or the reverse."""
    own = [number for number in library.numbers if number.row.own and number.column.measure != "ap"]
    for numbers in grouped(own, lambda number: number.document).values():
        ways: dict[str, list[Number]] = {"rounded": [], "cut off": []}
        for number in numbers:
            queries = _queries(library, number)
            if queries and rounded(number, queries) != cut_off(number, queries):
                ways["rounded" if rounded(number, queries) else "cut off"].append(number)
        (common, many), (rare, few) = sorted(ways.items(), key=lambda way: -len(way[1]))
        for number in few:
            values = listed(dict.fromkeys(f"{other.value} %" for other in many))
            says = (
                f"{number.value} % can only be {rare} from hits out of {_queries(library, number):,} queries, "
                f"though {values} can only be {common}"
            )
            yield found("one-rounding", "warning", says, [number, *many], [number])


def _queries(library: Library, number: Number) -> int | None:
    """Return the number of queries behind a value, over all draws if there are draws; None if it is not known."""
    dataset = library.datasets[number.column.dataset]
    queries = dataset.queries.get(number.subset)
    return queries and queries * (DRAWS if dataset.drawn else 1)


def _nearest(number: Number, queries: int) -> str:
    below = math.floor(number.value * queries / 100)
    digits = max(0, -int(number.step.as_tuple().exponent))
    return " or ".join(f"{100 * hits / queries:.{digits}f} ({hits:,} hits)" for hits in (below, below + 1))


def implied_queries(library: Library) -> Iterator[Finding]:
    """Find columns of a document's own values that fit another number of queries than the released list's."""
    own = [number for number in library.numbers if number.row.own and number.column.measure != "ap"]
    columns = grouped(own, lambda n: (n.document, n.column.dataset, n.subset, n.column.measure))
    for (_, dataset, subset, measure), numbers in columns.items():
        known = library.datasets[dataset].queries.get(subset)
        implied = implied_by(numbers)
        if implied is None or implied == known:
            continue
        against = f"the released list has {known:,}" if known else "the number in the released list is not known"
        yield found(
            "implied-queries",
            "warning" if known else "note",
            f"{describe(measure, dataset, subset)}: all values are hits out of {implied:,} queries or a multiple; "
            + against,
            numbers,
        )


def implied_by(numbers: Sequence[Number]) -> int | None:
    """Return the least number of queries that gives all values, or None if arbitrary values would fit as well."""
    distinct = {number.value: number for number in sorted(numbers, key=lambda number: -number.step)}.values()
    chance = 0.0
    for queries in range(1, MOST + 1):
        # Values from half a step below to a whole step above are printed alike; hit rates are 100 / queries apart.
        chance += math.prod(min(1.0, 1.5 * float(number.step) * queries / 100) for number in distinct)
        if chance > CHANCE:
            return None
        if all(attainable(number, queries) for number in distinct):
            return queries
    return None
