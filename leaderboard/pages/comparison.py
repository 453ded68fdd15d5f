"""Comparisons of the results of one task, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np

from harness.errors import unknown_name
from harness.measures import heading, in_order
from harness.registry.registry import load
from harness.scoring.tables import percent, plain, table, weights_data
from harness.tasks.opening import find_root
from leaderboard.matching import MatchedTask, NamedSide
from leaderboard.statistics.paired import ALPHA, PairedComparison, compare_paired, holm

NO_NAMES: Mapping[int, str] = MappingProxyType({})
"""For data sets whose vehicles are numbers."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sides compared in one measure.

    Attributes:
        found: their comparison.
        p_holm: its p value after Holm's correction over all pairs of the task.
    """

    one: NamedSide
    other: NamedSide
    found: PairedComparison
    p_holm: float


def compare_sides(matched: MatchedTask, measure: str | None = None, *, seed: int = 0) -> list[Pair]:
    """Compare all pairs of sides in a measure; without one, two sides in all measures and more in the first.

    Raises:
        UsageError: the task does not have this measure.
    """
    record = matched.sides[0].record
    measures = in_order(record.measures, record.ranked_by)
    known = [
        word for word in matched.sides[0].values.values if all(word in side.values.values for side in matched.sides)
    ]
    if measure is not None and measure not in known:
        raise unknown_name("measure", measure, known)
    chosen = [measure] if measure else measures if len(matched.sides) == 2 else measures[:1]
    runs = [side.runs for side in matched.sides]
    found = {word: compare_paired(runs, word, seed=seed) for word in chosen}
    pairs = [
        (one, other, found[word][number])
        for number, (one, other) in enumerate(combinations(matched.sides, 2))
        for word in chosen
    ]
    corrected = holm([comparison.p for _, _, comparison in pairs])
    return [Pair(*pair, p) for pair, p in zip(pairs, corrected, strict=True)]


def vehicle_names(word: str) -> dict[int, str]:
    """Return the words of a user's table for its vehicles, by the numbers in their place.

    Raises:
        BenchError: the protocol's file or its table cannot be read.
    """
    protocol, _ = load().tasks(word)
    dataset = protocol.load(find_root(protocol, None))
    return {
        number: text for table in dataset.splits.values() for number, text in table.names.get("vehicle", {}).items()
    }


def changed_most(pair: Pair, limit: int, names: Mapping[int, str]) -> list[dict[str, object]]:
    """Return the queries whose value differs most, the greatest difference first, then in the list's order.

    ``names`` has the words of a user's own table for its vehicles.
    """
    one, other = pair.one.values, pair.other.values
    a, b = one.values[pair.found.measure], other.values[pair.found.measure]
    change = np.nan_to_num(np.abs(a - b))
    rows = [int(row) for row in np.argsort(-change, kind="stable")[:limit] if change[row] > 0]
    return [
        {
            "query": one.keys[row] or str(row),
            "vehicle": names.get(int(one.vehicle[row]), int(one.vehicle[row])),
            "a": float(a[row]),
            "b": float(b[row]),
        }
        for row in rows
    ]


def comparison_json(
    matched: MatchedTask, pairs: list[Pair], queries: int, names: Mapping[int, str] = NO_NAMES
) -> dict[str, object]:
    """Return the comparisons of one task as ``--json`` prints them, with the queries of two sides that changed most."""
    rows = [
        {
            "a": pair.one.name,
            "b": pair.other.name,
            "measure": pair.found.measure,
            "values": [side.measures[pair.found.measure] for side in (pair.one, pair.other)],
            "difference": pair.found.difference,
            "interval": [pair.found.interval.low, pair.found.interval.high],
            "p": pair.found.p,
            "p_holm": pair.p_holm,
            "wins": pair.found.wins,
            "ties": pair.found.ties,
            "losses": pair.found.losses,
        }
        for pair in pairs
    ]
    shown = changed_most(pairs[0], queries, names) if len(matched.sides) == 2 else []
    return {"task": matched.task, "comparisons": rows, "changed_most": shown}


def comparison_text(matched: MatchedTask, pairs: list[Pair], queries: int, names: Mapping[int, str] = NO_NAMES) -> str:
    """Return the tables of one task; with the queries of two sides that changed most."""
    parts = [plain(matched.task), _pairs_table(pairs, two=len(matched.sides) == 2)]
    if given := [(side.name, weights_data(side.record)) for side in matched.sides if weights_data(side.record)]:
        parts.append(table([{"given weights": name, "weights from": seen} for name, seen in given]))
    if len(matched.sides) > 2:
        parts.append(_matrix(matched, pairs))
    elif rows := changed_most(pairs[0], queries, names):
        shown = table([_cells(row) for row in rows], right=["vehicle", "A", "B"], shown=plain)
        parts += [f"Queries that changed most ({plain(pairs[0].found.measure)}):", shown]
    return "\n\n".join(parts)


def _pairs_table(pairs: list[Pair], *, two: bool) -> str:
    """Return a row for each pair; if there are only two sides, their names head the columns of their values."""
    rows = [dict(_pair_cells(pair, two=two)) for pair in pairs]
    return table(rows, right=[name for name in rows[0] if name not in ("measure", "A", "B")], shown=plain)


def _pair_cells(pair: Pair, *, two: bool) -> Iterator[tuple[str, str]]:
    found = pair.found
    yield "measure", plain(heading(found.measure))
    for letter, side in (("A", pair.one), ("B", pair.other)):
        yield (f"{letter}: {side.name}", percent(side.measures[found.measure])) if two else (letter, plain(side.name))
    yield "A - B", f"{100 * found.difference:+.2f}"
    yield "95 % interval", f"{100 * found.interval.low:+.2f} to {100 * found.interval.high:+.2f}"
    yield "p", _probability(found.p)
    yield "p (Holm)", _probability(pair.p_holm)
    yield from (("wins", str(found.wins)), ("ties", str(found.ties)), ("losses", str(found.losses)))


def _probability(p: float) -> str:
    """Return a p value with four decimals, or a smaller one with its power of ten: ``0.0312``, ``3e-07``."""
    return f"{p:.4f}" if p >= 0.0001 else f"{p:.0e}"


def _matrix(matched: MatchedTask, pairs: list[Pair]) -> str:
    """Return the differences row minus column; a star if the corrected p value is below 0.05."""
    cells: dict[tuple[str, str], str] = {}
    for pair in pairs:
        star = " *" if pair.p_holm < ALPHA else ""
        cells[pair.one.name, pair.other.name] = f"{100 * pair.found.difference:+.2f}{star}"
        cells[pair.other.name, pair.one.name] = f"{-100 * pair.found.difference:+.2f}{star}"
    names = [side.name for side in matched.sides]
    rows = [{"row - column": plain(row), **{column: cells.get((row, column), "") for column in names}} for row in names]
    return table(rows, right=names, shown=plain)


def _cells(row: Mapping[str, object]) -> dict[str, str]:
    return {
        name.upper() if name in {"a", "b"} else name: percent(value) if isinstance(value, float) else plain(value)
        for name, value in row.items()
    }
