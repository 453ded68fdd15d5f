"""The verb ``bench cost``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.grouped import DATA, EVALUATION, OUTPUT, command, option
from harness.cli.options import DIR, plugin_files
from harness.cli.output import say, show_rows
from leaderboard.commands.verify import data_roots


@command("Compare numbers")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=DIR, help="Folders of runs.")
@option("--rounds", default=3, type=click.IntRange(1), group=EVALUATION, help="How often each run is measured.")
@option(
    "--data", group=DATA, multiple=True, metavar="PROTOCOL=DIR", help="Folder of a protocol's data set. Repeatable."
)
@option(
    "--out",
    group=OUTPUT,
    default="costs.json",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.",
)
@plugin_files
@option("--json", "json_wanted", group=OUTPUT, is_flag=True, help="Print the rows as JSON.")
def cost(
    *,
    runs: tuple[Path, ...],
    rounds: int,
    data: tuple[str, ...],
    out: Path,
    plugin: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Measure how fast methods embed images, in turns.

    Each round extracts the features of every run once more. `bench leaderboard --costs FILE` then draws accuracy
    against speed, if the machine was otherwise idle.

    \b
    Example:
      bench cost runs/* --rounds 5 --out costs.json
    """
    from harness.registry.registry import load
    from leaderboard.costs import find_runs, measure, session_rows, write_session

    found = find_runs(runs)
    session = measure(found, load(plugin), rounds=rounds, roots=data_roots(data))
    write_session(out, session)
    show_rows(list(session_rows(session, found)), json_wanted=json_wanted)
    if not session.quiet:
        say("The machine was not idle: no picture is drawn of this session.", err=True)
