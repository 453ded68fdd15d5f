"""The verb ``bench leaderboard``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboard.boards import Board


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
    "--out",
    default="leaderboard/LEADERBOARD.md",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the page is not what the records give.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the rows as JSON and write nothing.")
def leaderboard(
    *, records: tuple[Path, ...], runs: tuple[Path, ...], out: Path, check: bool, json_wanted: bool
) -> None:
    """Write the leaderboard from records: one table a task, best and second best marked."""
    from harness.files import replace_file
    from leaderboard.boards import boards
    from leaderboard.entries import SHIPPED, collect
    from leaderboard.page import markdown

    made = boards(collect([*([SHIPPED] if SHIPPED.is_dir() else []), *records], runs))
    if json_wanted:
        click.echo(json.dumps([row for board in made for row in rows(board)], indent=2, allow_nan=False))
        return
    page = markdown(made)
    if check:
        compare(out, page)
        click.echo(f"{out} is what the records give")
        return
    with replace_file(out) as file:
        file.write(page)
    click.echo(out)


def rows(board: Board) -> list[dict[str, object]]:
    """Return the rows of a board as ``--json`` prints them."""
    return [
        {
            "task": board.task,
            "fingerprint": board.fingerprint,
            "official": board.official,
            "method": record.method,
            "variant": record.variant,
            "recipe": record.recipe,
            "seed": record.seed,
            "control": record.control,
            "run": record.run,
            "width": record.width,
            "input_size": record.input_size,
            "queries": record.queries,
            "ignored_queries": record.ignored_queries,
            "ties": record.ties,
            "measures": {measure: record.measures[measure] for measure in board.measures},
            "marks": {measure: mark for measure in board.measures if (mark := board.mark(record, measure))},
        }
        for record in board.records
    ]


def compare(path: Path, page: str) -> None:
    """Compare a page on disk with what it should be.

    Raises:
        RunError: it is missing, or differs; the message names the first line that does.
    """
    from itertools import zip_longest

    from harness.errors import RunError

    again = "write it with 'bench leaderboard'"
    if not path.is_file():
        raise RunError("the page is missing", where=path, next_step=again)
    found, expected = path.read_bytes().decode(errors="replace"), page
    if found == expected:
        return
    pairs = zip_longest(found.splitlines(keepends=True), expected.splitlines(keepends=True))
    number, (line, wanted) = next((number, pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    raise RunError(
        "the page is not what the records give",
        where=f"{path}, line {number}",
        found="the end of the page" if line is None else repr(line),
        expected="the end of the page" if wanted is None else repr(wanted),
        next_step=again,
    )
