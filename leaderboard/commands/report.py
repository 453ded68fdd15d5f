"""The verb ``bench report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.grouped import EVALUATION, OUTPUT, command, option
from harness.cli.options import DIR, PATH, follow_links, plugin_files
from harness.cli.output import say
from leaderboard.commands.options import folder
from leaderboard.report.choices import PICTURES, Choices


@command("Compare numbers")
@click.argument("run", type=PATH, help="Folder of a run, one of its records, or a feature file.")
@option("--against", type=PATH, group=EVALUATION, help="Second run, to show the two side by side.")
@option(
    "--task",
    "--protocol",
    "task",
    metavar="PROTOCOL[/TASK]",
    group=EVALUATION,
    help="Task, or for your own data its TOML file; default: the run's first, in tables' order.",
)
@option("--draw", default=1, type=click.IntRange(1), group=EVALUATION, help="Number of the draw, for drawn galleries.")
@option("--seed", default=0, type=click.IntRange(0), group=OUTPUT, help="Seed of the random order of queries.")
@option(
    "--pictures",
    default=PICTURES,
    type=click.IntRange(0),
    group=OUTPUT,
    help="Most pictures to copy; those of the queries shown first come first.",
)
@folder("--data", "Folder of the data set; its images are optional.")
@follow_links
@plugin_files
@option("--out", type=DIR, group=OUTPUT, help="Folder to write; default: 'report' in the run's folder.")
def report(*, run: Path, out: Path | None, plugin: tuple[Path, ...], **words: Any) -> None:
    """Write the rank lists of a run as web pages.

    The folder opens in a browser without a server. For each query it shows the nearest gallery images with right, wrong
    and ignored ones marked, and the ranks of all right answers; it divides the result by camera, colour and type.

    \b
    Examples:
      bench report runs/pgan-synthetic-1a2b3c4d5e6f --out report
      bench report runs/pgan-my-cars-1a2b3c4d5e6f --protocol my-cars.toml
    """
    from harness.registry.registry import load
    from leaderboard.report.build import write_report

    place = out or (run if run.is_dir() else run.parent) / "report"
    say(write_report(run, place, Choices(**words), load(plugin)))
