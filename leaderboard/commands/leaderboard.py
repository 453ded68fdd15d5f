"""The verb ``bench leaderboard``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.grouped import OUTPUT, command, option
from harness.cli.output import show_json
from leaderboard.commands import options

ENDINGS = {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex", "html": "html"}
FORMATS = click.Choice(list(ENDINGS))


@command("Compare numbers")
@options.folders("--records", "Folder of further records to show.")
@options.folders("--runs", "Folder of runs to show, written by `bench run`.")
@options.published
@option("--format", "form", group=OUTPUT, default="markdown", type=FORMATS, help="Format of the page.")
@option(
    "--out",
    group=OUTPUT,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; default: leaderboard/LEADERBOARD with the ending of the format.",
)
@option("--check", group=OUTPUT, is_flag=True, help="Write nothing; fail if a page differs from the records.")
@option("--json", "json_wanted", group=OUTPUT, is_flag=True, help="Print the measured rows as JSON and write nothing.")
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
    from harness.registry.registry import load
    from leaderboard.boards import build_boards
    from leaderboard.pages.exports import measured_rows
    from leaderboard.pages.files import check_files, page_files, write_files
    from leaderboard.pages.questions import questions
    from leaderboard.published.library import FOLDER, load_library
    from leaderboard.published.tables import published_tables
    from leaderboard.record_files import collect, shipped_folders

    boards = build_boards(collect([*shipped_folders(), *records], runs))
    if json_wanted:
        show_json(measured_rows(boards))
        return
    tables = published_tables(load_library(published or FOLDER))
    out = out or Path("leaderboard") / f"LEADERBOARD.{ENDINGS[form]}"
    files = page_files(form, out.name, boards, tables, questions(load()))
    if check:
        check_files(out.parent, files)
        click.echo(f"{out} agrees with the records")
    else:
        write_files(out.parent, files)
        click.echo(out)
