"""The verb ``bench compare``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from harness.cli.grouped import DATA, EVALUATION, command, option
from harness.cli.options import DIR, FILE, PATH, as_json
from harness.cli.output import say, show_json

setting = partial(option, group=EVALUATION)


@command("Compare numbers")
@click.argument(
    "results",
    nargs=-1,
    required=True,
    metavar="A B...",
    type=PATH,
    help="Record files, folders of runs, or names of methods.",
)
@option(
    "--runs",
    type=DIR,
    default=Path("runs"),
    group=DATA,
    help="Folder of the runs that a name may mean, besides the filed records.",
)
@setting("--task", metavar="PROTOCOL/TASK", help="Compare only this task; default: all tasks that every result has.")
@setting(
    "--measure",
    metavar="WORD",
    help="Compare only this measure; default: all measures for two results, the first one for more.",
)
@setting("--over-seeds", is_flag=True, help="Join runs that differ only in their seed, and compare their means.")
@setting("--vehicles", type=FILE, help="Compare only queries of the vehicles in this text file.")
@setting("--protocol", metavar="FILE.toml", help="Protocol of your own data, whose words for vehicles are shown.")
@setting("--seed", default=0, type=click.IntRange(0), help="Seed of the intervals' resampling.")
@setting("--queries", default=5, type=click.IntRange(0), help="Number of queries to show, by the size of their change.")
@as_json
def compare(
    *,
    results: tuple[Path, ...],
    runs: Path,
    task: str | None,
    over_seeds: bool,
    vehicles: Path | None,
    queries: int,
    json_wanted: bool,
    **settings: Any,
) -> None:
    """Compare results on the same queries.

    A and B are record files, run folders, or names as tables show them: of runs in the folder --runs and of the filed
    records. A folder without records is taken for a name. With more than two results, all pairs are compared.
    Each row has the difference with its interval, and the p value of a paired test by vehicle, corrected for the number
    of rows (Holm). With --over-seeds both include the chance of training. Plain and re-ranked results in a folder are
    compared separately.

    \b
    Example:
      bench compare runs/mine-1a2b3c4d5e6f strong-baseline --over-seeds
    """
    from harness.errors import UsageError
    from leaderboard.matching import match_results, read_vehicles
    from leaderboard.named import is_name, known_records
    from leaderboard.pages.comparison import compare_sides, comparison_json, comparison_text, vehicle_names

    if len(results) < 2 and not over_seeds:
        raise UsageError("nothing to compare with", expected="two results or more")
    only = None if vehicles is None else read_vehicles(vehicles)
    protocol = settings.pop("protocol")
    names = {} if protocol is None else vehicle_names(protocol)
    shown = []
    known = known_records(runs) if any(map(is_name, results)) else ()
    for matched in match_results(results, task, known=known, over_seeds=over_seeds, vehicles=only):
        pairs = compare_sides(matched, **settings)
        if json_wanted:
            shown.append(comparison_json(matched, pairs, queries, names))
        else:
            say(comparison_text(matched, pairs, queries, names) + "\n")
    if json_wanted:
        show_json(shown)
