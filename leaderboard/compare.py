"""The verb ``bench compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboard.contests import Contest, Contestant
    from leaderboard.statistics.paired import Comparison

    Pair = tuple[Contestant, Contestant, Comparison]


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="A B...", type=click.Path(path_type=Path))
@click.option("--task", metavar="NAME/TASK", help="Only this task; default: all that every result has.")
@click.option("--measure", metavar="WORD", help="Only this measure; default: all of two, the first of more.")
@click.option("--over-seeds", is_flag=True, help="Runs that differ in their seed alone are one result, their mean.")
@click.option(
    "--vehicles",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Only queries of the vehicles whose numbers stand in this text file.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of permutations and resamples.")
@click.option("--permutations", default=9999, show_default=True, type=click.IntRange(99, 10**6))
@click.option("--queries", default=5, show_default=True, type=click.IntRange(0), help="Show those that changed most.")
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON instead of tables.")
def compare(
    *,
    results: tuple[Path, ...],
    task: str | None,
    measure: str | None,
    over_seeds: bool,
    vehicles: Path | None,
    seed: int,
    permutations: int,
    queries: int,
    json_wanted: bool,
) -> None:
    """Compare results on the same queries: paired permutation test by vehicle, with the difference's interval.

    A and B are record files or run folders. With more than two, all pairs are compared. The p values are corrected
    for the number of rows in the table (Holm). Re-ranked results carry their mark; of folders that hold both kinds,
    those of the same mark meet.
    """
    from harness.errors import UsageError
    from leaderboard.contests import contests, read_vehicles

    if len(results) < 2 and not over_seeds:
        raise UsageError("nothing to compare with", expected="two results or more")
    only = None if vehicles is None else read_vehicles(vehicles)
    shown = []
    for contest in contests(results, task, over_seeds=over_seeds, vehicles=only):
        pairs = compared(contest, measure, seed=seed, permutations=permutations)
        if json_wanted:
            shown.append(as_json(contest, pairs, queries))
        else:
            click.echo(as_text(contest, pairs, queries) + "\n")
    if json_wanted:
        click.echo(json.dumps(shown, indent=2, allow_nan=False))


def compared(contest: Contest, measure: str | None, *, seed: int, permutations: int) -> list[Pair]:
    """Return the comparisons of a contest: all measures of two contestants, one measure of all pairs of more."""
    from itertools import combinations

    from harness.errors import unknown_name
    from harness.measures import in_order
    from leaderboard.statistics.paired import compare as compare_pair

    record = contest.contestants[0].record
    measures = in_order(record.measures, record.ranked_by)
    if measure is not None and measure not in measures:
        raise unknown_name("measure", measure, measures)
    chosen = [measure] if measure else measures if len(contest.contestants) == 2 else measures[:1]
    return [
        (one, other, compare_pair(one.values, other.values, word, seed=seed, permutations=permutations))
        for one, other in combinations(contest.contestants, 2)
        for word in chosen
    ]


def changed_most(one: Contestant, other: Contestant, measure: str, limit: int) -> list[dict[str, object]]:
    """Return the queries whose value differs most, the greatest difference first, then in the list's order."""
    import numpy as np

    a, b = one.values.values[measure], other.values.values[measure]
    change = np.nan_to_num(np.abs(a - b))
    rows = [int(row) for row in np.argsort(-change, kind="stable")[:limit] if change[row] > 0]
    return [
        {
            "query": one.values.keys[row] or str(row),
            "vehicle": int(one.values.vehicle[row]),
            "a": float(a[row]),
            "b": float(b[row]),
        }
        for row in rows
    ]


def corrected(pairs: list[Pair]) -> list[float]:
    """Return Holm's p values of a table's rows."""
    from leaderboard.statistics.paired import holm

    return holm([comparison.p for _, _, comparison in pairs])


def as_json(contest: Contest, pairs: list[Pair], queries: int) -> dict[str, object]:
    """Return what ``--json`` prints of one task."""
    rows = [
        {
            "a": one.name,
            "b": other.name,
            "measure": found.measure,
            "values": [one.measures[found.measure], other.measures[found.measure]],
            "difference": found.difference,
            "interval": [found.interval.low, found.interval.high],
            "p": found.p,
            "p_holm": p,
            "wins": found.wins,
            "ties": found.ties,
            "losses": found.losses,
        }
        for (one, other, found), p in zip(pairs, corrected(pairs), strict=True)
    ]
    one, other, first = pairs[0]
    shown = changed_most(one, other, first.measure, queries) if len(contest.contestants) == 2 else []
    return {"task": contest.task, "comparisons": rows, "changed_most": shown}


def as_text(contest: Contest, pairs: list[Pair], queries: int) -> str:
    """Return the tables of one task."""
    from harness.scoring.tables import escape

    parts = [escape(contest.task), _pairs_table(contest, pairs)]
    one, other, first = pairs[0]
    if len(contest.contestants) > 2:
        parts.append(_matrix(contest, pairs))
    elif rows := changed_most(one, other, first.measure, queries):
        parts += [f"Queries that changed most ({escape(first.measure)}):", _queries_table(rows)]
    return "\n\n".join(parts)


def _pairs_table(contest: Contest, pairs: list[Pair]) -> str:
    from harness.measures import heading
    from harness.scoring.tables import escape, percent, table

    two = len(contest.contestants) == 2
    rows = []
    for (one, other, found), p in zip(pairs, corrected(pairs), strict=True):
        a, b = (percent(side.measures[found.measure]) for side in (one, other))
        names = {f"A: {one.name}": a, f"B: {other.name}": b}
        if not two:
            names = {"A": escape(one.name), "B": escape(other.name)}
        rows.append(
            {
                "measure": escape(heading(found.measure)),
                **names,
                "A - B": f"{100 * found.difference:+.2f}",
                "95 % interval": f"{100 * found.interval.low:+.2f} to {100 * found.interval.high:+.2f}",
                "p": f"{found.p:.4f}",
                "p (Holm)": f"{p:.4f}",
                "wins": str(found.wins),
                "ties": str(found.ties),
                "losses": str(found.losses),
            }
        )
    return table(rows, right=[name for name in rows[0] if name not in ("measure", "A", "B")])


def _matrix(contest: Contest, pairs: list[Pair]) -> str:
    """Return the differences row minus column; a star where Holm's p is below 0.05."""
    from harness.scoring.tables import escape, table

    cells: dict[tuple[str, str], str] = {}
    for (one, other, found), p in zip(pairs, corrected(pairs), strict=True):
        star = " \\*" if p < 0.05 else ""
        cells[one.name, other.name] = f"{100 * found.difference:+.2f}{star}"
        cells[other.name, one.name] = f"{-100 * found.difference:+.2f}{star}"
    names = [side.name for side in contest.contestants]
    rows = [
        {"row - column": escape(row), **{column: cells.get((row, column), "") for column in names}} for row in names
    ]
    return table(rows, right=names)


def _queries_table(rows: list[dict[str, object]]) -> str:
    from harness.scoring.tables import table

    cells = [
        {name.upper() if name in {"a", "b"} else name: _shown(value) for name, value in row.items()} for row in rows
    ]
    return table(cells, right=list(cells[0])[1:])


def _shown(value: object) -> str:
    from harness.scoring.tables import escape, percent

    return percent(value) if isinstance(value, float) else escape(value)
