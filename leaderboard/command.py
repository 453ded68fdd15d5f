"""The verb ``bench leaderboard``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboard.boards import Board
    from leaderboard.published.merged import PublishedTable

ENDINGS = {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex", "html": "html"}
AGAIN = "write it with 'bench leaderboard'"


@click.command()
@click.option(
    "--records",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of records, besides those that come with the package. Repeatable.",
)
@click.option(
    "--runs",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of runs, as `bench run` leaves them. Repeatable.",
)
@click.option(
    "--published",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of transcribed documents; default: those that come with the package.",
)
@click.option("--format", "form", default="markdown", show_default=True, type=click.Choice(list(ENDINGS)))
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page; default: leaderboard/LEADERBOARD with the format's ending.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if a page is not what the records give.")
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
    """Write the leaderboard: what was measured, with intervals and ranks, beside what papers print.

    Markdown is a page with one more page and pictures for each task, below its folder; the other formats are one file.
    """
    import json

    from harness.files import replace_file
    from leaderboard.boards import boards
    from leaderboard.entries import SHIPPED, collect
    from leaderboard.export import measured_rows
    from leaderboard.published.load import FOLDER, load
    from leaderboard.published.merged import published_tables

    made = boards(collect([*([SHIPPED] if SHIPPED.is_dir() else []), *records], runs))
    if json_wanted:
        click.echo(json.dumps(measured_rows(made), indent=2, allow_nan=False))
        return
    tables = published_tables(load(published or FOLDER))
    out = out or Path("leaderboard") / f"LEADERBOARD.{ENDINGS[form]}"
    pages = rendered(form, out.name, made, tables)
    if check:
        compare(out.parent, pages)
        click.echo(f"{out} is what the records give")
        return
    for name, text in pages.items():
        with replace_file(out.parent / name) as file:
            file.write(text)
    if form == "markdown":
        draw(out.parent, made)
    click.echo(out)


def rendered(
    form: str, name: str, boards: Sequence[Board], tables: Sequence[PublishedTable]
) -> Mapping[PurePosixPath, str]:
    """Return the files of a format by their path from the page's folder; the page itself is ``name``."""
    from leaderboard import export
    from leaderboard.html import html
    from leaderboard.page import markdown, task_pages

    pages = task_pages(boards, tables)
    if form == "markdown":
        return markdown(pages, tables, name)
    text = {
        "csv": lambda: export.as_csv(boards, tables),
        "json": lambda: export.as_json(boards, tables),
        "latex": lambda: export.as_latex(pages),
        "html": lambda: html(pages),
    }[form]()
    return {PurePosixPath(name): text}


def draw(folder: Path, boards: Sequence[Board]) -> None:
    """Write the pictures of all boards."""
    from harness.files import replace_file
    from leaderboard.pictures import drawable, picture, picture_path

    for board in boards:
        for word in drawable(board):
            with replace_file(folder / picture_path(board, word), "wb") as file:
                file.write(picture(board, word))


def compare(folder: Path, pages: Mapping[PurePosixPath, str]) -> None:
    """Compare pages on disk with what they should be; of pictures only the pages' links are compared.

    Raises:
        RunError: one is missing, or differs; the message names the first line that does.
    """
    from harness.errors import RunError

    for name, text in pages.items():
        path = folder / name
        if not path.is_file():
            raise RunError("the page is missing", where=path, next_step=AGAIN)
        found = path.read_bytes().decode(errors="replace")
        if found != text:
            raise _differs(path, found, text)
    for path in sorted(folder.glob("tasks/*.md")) if len(pages) > 1 else ():
        if PurePosixPath("tasks", path.name) not in pages:
            raise RunError("a page stands there that no record gives", where=path, next_step="delete it")


def _differs(path: Path, found: str, expected: str) -> Exception:
    """Return the error that names the first line in which two texts differ."""
    from itertools import zip_longest

    from harness.errors import RunError

    pairs = zip_longest(found.splitlines(keepends=True), expected.splitlines(keepends=True))
    number, (line, wanted) = next((number, pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    return RunError(
        "the page is not what the records give",
        where=f"{path}, line {number}",
        found="the end of the page" if line is None else repr(line),
        expected="the end of the page" if wanted is None else repr(wanted),
        next_step=AGAIN,
    )
