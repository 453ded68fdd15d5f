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

    from harness.basics.files import replace_file
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
    pictures = drawn(made) if form == "markdown" else {}
    if check:
        compare(out.parent, pages, pictures)
        click.echo(f"{out} is what the records give")
        return
    for name, text in pages.items():
        with replace_file(out.parent / name) as file:
            file.write(text)
    for name, content in pictures.items():
        with replace_file(out.parent / name, "wb") as picture:
            picture.write(content)
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


def drawn(boards: Sequence[Board]) -> Mapping[PurePosixPath, bytes]:
    """Return the pictures of all boards by their path from the page's folder."""
    from leaderboard.pictures import drawable, picture, picture_path

    return {picture_path(board, word): picture(board, word) for board in boards for word in drawable(board)}


def compare(folder: Path, pages: Mapping[PurePosixPath, str], pictures: Mapping[PurePosixPath, bytes]) -> None:
    """Compare pages and pictures on disk with what they should be.

    Raises:
        RunError: one is missing, differs, or is none of the records'; of a page the first other line is named.
    """
    from harness.errors import RunError

    for name in (*pages, *pictures):
        if not (folder / name).is_file():
            what = "picture" if name in pictures else "page"
            raise RunError(f"the {what} is missing", where=folder / name, next_step=AGAIN)
    for name, text in pages.items():
        found = (folder / name).read_bytes().decode(errors="replace")
        if found != text:
            raise _differs(folder / name, found, text)
    for name, content in pictures.items():
        if (folder / name).read_bytes() != content:
            raise _drawn_otherwise(folder / name, content)
    kinds = (("page", "tasks/*.md", pages), ("picture", "tasks/pictures/*.svg", pictures))
    for what, pattern, known in kinds if len(pages) > 1 else ():
        for path in sorted(folder.glob(pattern)):
            if PurePosixPath(path.relative_to(folder)) not in known:
                raise RunError(f"a {what} stands there that no record gives", where=path, next_step="delete it")


def _drawn_otherwise(path: Path, expected: bytes) -> Exception:
    """Return the error of a picture with other bytes; another version of matplotlib draws others."""
    from harness.errors import RunError
    from leaderboard.pictures import drawn_by

    stood, here = drawn_by(path.read_bytes()), drawn_by(expected)
    return RunError(
        "the picture is not what the records give",
        where=path,
        found=f"drawn by matplotlib {stood}" if stood else "it does not say by what it was drawn",
        expected=f"as matplotlib {here} draws it",
        next_step=AGAIN if stood in {here, None} else f"check with matplotlib {stood}, or {AGAIN}",
    )


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
