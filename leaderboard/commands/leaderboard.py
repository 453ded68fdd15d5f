"""The verb ``bench leaderboard``."""

from __future__ import annotations

import json
from pathlib import Path

import click

ENDINGS = {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex", "html": "html"}
PATH = click.Path(path_type=Path)


@click.command()
@click.option(
    "--records", multiple=True, metavar="DIR", type=PATH, help="Folder of further records to show. Repeatable."
)
@click.option(
    "--runs",
    multiple=True,
    metavar="DIR",
    type=PATH,
    help="Folder of runs to show, written by `bench run`. Repeatable.",
)
@click.option("--published", metavar="DIR", type=PATH, help="Folder of numbers from papers; default: the package's.")
@click.option(
    "--format",
    "form",
    default="markdown",
    show_default=True,
    type=click.Choice(list(ENDINGS)),
    help="Format of the page.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; default: leaderboard/LEADERBOARD with the ending of the format.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if a page differs from the records.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the measured rows as JSON and write nothing.")
def leaderboard(
    *,
    records: tuple[Path, ...],
    runs: tuple[Path, ...],
    published: Path | None,
    form: str,
    out: Path | None,
    check: bool,
    json_wanted: bool,
) -> None:
    """Write the leaderboard from all records.

    It shows measured results with intervals and ranks, and the numbers that papers print. In Markdown each task has a
    page of its own with pictures, in the folder tasks/ next to the main page; the other formats are one file.

    \b
    Example:
      bench leaderboard --runs runs --format html --out leaderboard.html
    """
    from leaderboard.boards import build_boards
    from leaderboard.pages.exports import measured_rows
    from leaderboard.pages.files import check_files, page_files, write_files
    from leaderboard.published.library import FOLDER, load_library
    from leaderboard.published.tables import published_tables
    from leaderboard.record_files import collect, shipped_folders

    boards = build_boards(collect([*shipped_folders(), *records], runs))
    if json_wanted:
        click.echo(json.dumps(measured_rows(boards), indent=2, allow_nan=False))
        return
    tables = published_tables(load_library(published or FOLDER))
    out = out or Path("leaderboard") / f"LEADERBOARD.{ENDINGS[form]}"
    files = page_files(form, out.name, boards, tables)
    if check:
        check_files(out.parent, files)
        click.echo(f"{out} is what the records give")
    else:
        write_files(out.parent, files)
        click.echo(out)
