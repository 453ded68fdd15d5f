"""The verb ``bench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.grouped import DATA, OUTPUT, command, option
from harness.cli.options import FILE
from harness.cli.output import show_json
from leaderboard.commands import options

ENDINGS = {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex", "html": "html"}
FORMATS = click.Choice(list(ENDINGS))


@command("Compare numbers")
@options.folders("--records", "Folder of further records to show.")
@options.folders("--runs", "Folder of runs to show, written by `bench run`.")
@options.published
@option(
    "--costs",
    group=DATA,
    type=FILE,
    help="Costs to draw, written by `bench cost`; default: the package's.",
)
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
    costs: Path | None,
    form: str,
    out: Path | None,
    check: bool,
    **words: Any,
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
    from leaderboard.costs import SHIPPED, read_session
    from leaderboard.pages.exports import measured_rows
    from leaderboard.pages.files import check_files, page_files, write_files
    from leaderboard.pages.questions import questions
    from leaderboard.published.library import FOLDER, load_library
    from leaderboard.published.tables import published_tables
    from leaderboard.record_files import collect, shipped_folders

    boards = build_boards(collect([*shipped_folders(), *records], runs))
    if words["json_wanted"]:
        show_json(measured_rows(boards))
        return
    session = costs or (SHIPPED if SHIPPED.is_file() else None)
    drawn = None if session is None else read_session(session)
    tables = published_tables(load_library(published or FOLDER))
    out = out or Path("leaderboard") / f"LEADERBOARD.{ENDINGS[form]}"
    files = page_files(form, out.name, boards, tables, questions(load()), drawn)
    if check:
        check_files(out.parent, files)
        click.echo(f"{out} agrees with the records")
    else:
        write_files(out.parent, files)
        click.echo(out)
