"""The verb ``bench compare``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from harness.cli.grouped import EVALUATION, command, option
from harness.cli.options import PATH, as_json, section
from harness.cli.output import show_json

setting = partial(option, group=EVALUATION)
number = partial(setting, show_default=True)


@section("Compare numbers")
@command()
@click.argument(
    "results", nargs=-1, required=True, metavar="A B...", type=PATH, help="Record files or folders of runs."
)
@setting("--task", metavar="PROTOCOL/TASK", help="Compare only this task; default: all that every result has.")
@setting(
    "--measure", metavar="WORD", help="Compare only this measure; default: all for two results, the first for more."
)
@setting("--over-seeds", is_flag=True, help="Join runs that differ only in their seed, and compare their means.")
@setting(
    "--vehicles",
    metavar="FILE",
    type=PATH,
    help="Compare only queries of the vehicles whose numbers are in this text file.",
)
@number("--seed", default=0, type=click.IntRange(0), help="Seed of permutations and resamples.")
@number(
    "--permutations", default=9999, type=click.IntRange(99, 10**6), help="Number of random permutations of the test."
)
@number("--queries", default=5, type=click.IntRange(0), help="Number of queries to show, those that changed most.")
@as_json
def compare(
    *,
    results: tuple[Path, ...],
    task: str | None,
    over_seeds: bool,
    vehicles: Path | None,
    queries: int,
    json_wanted: bool,
    **statistics: Any,
) -> None:
    """Compare results on the same queries.

    A and B are record files or run folders; with more than two results, all pairs are compared. Each row has the
    difference with its interval, and the p value of a paired permutation test by vehicle, corrected for the number of
    rows (Holm). If a folder has both plain and re-ranked results, each kind is compared with its own.

    \b
    Example:
      bench compare runs/first runs/second --measure ap
    """
    from harness.errors import UsageError
    from leaderboard.matching import match_results, read_vehicles
    from leaderboard.pages.comparison import compare_sides, comparison_json, comparison_text

    if len(results) < 2 and not over_seeds:
        raise UsageError("nothing to compare with", expected="two results or more")
    only = None if vehicles is None else read_vehicles(vehicles)
    shown = []
    for matched in match_results(results, task, over_seeds=over_seeds, vehicles=only):
        pairs = compare_sides(matched, **statistics)
        if json_wanted:
            shown.append(comparison_json(matched, pairs, queries))
        else:
            click.echo(comparison_text(matched, pairs, queries) + "\n")
    if json_wanted:
        show_json(shown)
