"""The verb ``bench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.grouped import DATA, OUTPUT, command, option
from harness.cli.options import FILE
from harness.cli.output import say, show_json
from leaderboard.commands import options

ENDINGS = {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex", "html": "html", "parquet": "parquet"}
FORMATS = click.Choice([*ENDINGS, "huggingface"])


@command("Compare numbers")
@options.folders("--records", "Folder of further records to show.")
@options.folders("--runs", "Folder of runs to show, written by `bench run`.")
@option(
    "--shipped/--no-shipped", default=True, group=DATA, help="Whether to show the records that come with the package."
)
@options.published
@options.folder("--from-hub", "Folder of copies of models on the Hugging Face Hub whose reported results to show.")
@option("--costs", group=DATA, type=FILE, help="Costs to draw, written by `bench cost`; default: the package's.")
@options.selection
@option("--format", "form", group=OUTPUT, default="markdown", type=FORMATS, help="Format of the page.")
@option(
    "--hub-owner",
    group=OUTPUT,
    metavar="NAME",
    default="vehicle-reid-bench",
    help="Owner of the data sets on the Hugging Face Hub, for --format huggingface.",
)
@option(
    "--out",
    group=OUTPUT,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="File to write, or folder for huggingface; default: leaderboard/LEADERBOARD with the ending of the format, or "
    "leaderboard/huggingface.",
)
@option("--check", group=OUTPUT, is_flag=True, help="Write nothing; fail if a page differs from the records.")
@option("--json", "json_wanted", group=OUTPUT, is_flag=True, help="Print the measured rows as JSON and write nothing.")
def leaderboard(
    *,
    records: tuple[Path, ...],
    runs: tuple[Path, ...],
    shipped: bool,
    published: Path | None,
    form: str,
    out: Path | None,
    check: bool,
    **words: Any,
) -> None:
    """Write the leaderboard from all records.

    It shows measured results with intervals and ranks, and the numbers that papers print. In Markdown each task has a
    page of its own with pictures, in the folder tasks/ next to the main page; the other formats are one file. Only
    huggingface is a folder: the definitions of the tasks (eval.yaml) and a file of official results for each row
    (.eval_results/).

    \b
    Example:
      bench leaderboard --format latex --task veri776 --columns ap,hit@1,input
    """
    from harness.registry.registry import load
    from leaderboard.audit.notes import notes_by_number
    from leaderboard.audit.rules import ACKNOWLEDGED, acknowledgements, apply_rules
    from leaderboard.boards import build_boards
    from leaderboard.costs import SHIPPED, read_session
    from leaderboard.pages.exports import measured_rows
    from leaderboard.pages.files import Content, check_files, page_files, write_files
    from leaderboard.pages.questions import questions
    from leaderboard.pages.reported import with_reported
    from leaderboard.pages.selection import Selection, choose
    from leaderboard.published.library import FOLDER, load_library
    from leaderboard.published.tables import published_tables
    from leaderboard.record_files import collect, shipped_folders

    owner, reported, json_wanted = words.pop("hub_owner"), words.pop("from_hub"), words.pop("json_wanted")
    costs = words.pop("costs") or (SHIPPED if SHIPPED.is_file() else None)
    selection = Selection(**words)
    boards = build_boards(collect([*(shipped_folders() if shipped else []), *records], runs))
    library = with_reported(load_library(published or FOLDER), reported)
    tables = published_tables(library)
    if json_wanted:
        show_json(measured_rows(choose(selection, boards, tables).boards))
        return
    out = out or Path("leaderboard") / (f"LEADERBOARD.{ENDINGS[form]}" if form in ENDINGS else form)
    known = acknowledgements(ACKNOWLEDGED) if published is None else {}
    notes = notes_by_number(apply_rules(library, reasons=known))
    asked = questions(load(), {*library.datasets, *(board.task.partition("/")[0] for board in boards)})
    content = Content(boards, tables, asked, None if costs is None else read_session(costs), notes)
    files = page_files(form, out.name, content, selection, owner=owner)
    if check:
        check_files(out.parent, files)
        say(f"{out} agrees with the records")
    else:
        write_files(out.parent, files)
        say(out)
