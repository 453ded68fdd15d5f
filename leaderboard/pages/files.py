"""The files of the leaderboard: made in each format, written, and compared with those on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path, PurePosixPath

from harness.basics.files import replace_file
from harness.errors import RunError, UsageError
from leaderboard.audit.notes import Notes
from leaderboard.boards import Board
from leaderboard.costs import CostSession
from leaderboard.pages.exports import as_csv, as_json, as_parquet
from leaderboard.pages.html import as_html
from leaderboard.pages.huggingface import OWNER, hub_files
from leaderboard.pages.latex import CHOICES, as_latex
from leaderboard.pages.markdown import markdown_pages
from leaderboard.pages.pictures import draw_picture, drawable, picture_path
from leaderboard.pages.questions import Question
from leaderboard.pages.selection import Selection, choose
from leaderboard.pages.task_pages import build_task_pages
from leaderboard.published.tables import PublishedTable

Files = Mapping[PurePosixPath, bytes]
"""The content of files by their path relative to the leaderboard's folder."""
NEXT_STEP = "write it with 'bench leaderboard'"
EVERYTHING = Selection()
KINDS = {".svg": "picture", ".parquet": "table", ".yaml": "file"}


@dataclass(frozen=True, eq=False)
class Content:
    """What the pages are made from.

    Attributes:
        boards: the measured results.
        tables: the published numbers.
        asked: what the tasks ask, by their names.
        costs: the session whose costs are drawn.
        notes: the footnotes of published numbers.
    """

    boards: Sequence[Board]
    tables: Sequence[PublishedTable]
    asked: Mapping[str, Question]
    costs: CostSession | None = None
    notes: Notes = field(default_factory=dict)


def page_files(
    form: str, name: str, content: Content, selection: Selection = EVERYTHING, *, owner: str = OWNER
) -> Files:
    """Return the files of a format, with what was selected.

    In Markdown these are a page called ``name``, a page for each task and pictures; for the Hugging Face Hub, a folder
    called ``name``, whose data sets belong to ``owner``; else one file.

    Raises:
        UsageError: something selected does not exist, or a part is asked for in Markdown.
    """
    if form == "markdown" and selection != EVERYTHING:
        raise UsageError(
            "the pages in Markdown hold the whole leaderboard",
            found="a choice of tasks, rows, columns or intervals",
            next_step="choose another format, such as --format latex",
        )
    chosen = choose(selection, content.boards, content.tables, CHOICES if form == "latex" else ())
    boards, tables, asked = chosen.boards, chosen.tables, content.asked
    if selection != EVERYTHING:
        shown = {*(board.task for board in boards), *(table.name for table in tables)}
        asked = {task: question for task, question in asked.items() if task in shown}
    pages = build_task_pages(boards, tables, asked)
    if form == "markdown":
        texts = markdown_pages(pages, tables, name, content.costs, content.notes)
        encoded = {path: text.encode() for path, text in texts.items()}
        return {**encoded, **picture_files(boards, content.costs)}
    if form == "huggingface":
        return {PurePosixPath(name) / path: found for path, found in hub_files(boards, owner).items()}
    made = {
        "csv": lambda: as_csv(boards, tables).encode(),
        "json": lambda: as_json(boards, tables).encode(),
        "latex": lambda: as_latex(pages, chosen.columns, part=chosen.part).encode(),
        "html": lambda: as_html(pages, content.notes, content.costs).encode(),
        "parquet": lambda: as_parquet(boards),
    }[form]()
    return {PurePosixPath(name): made}


def picture_files(boards: Sequence[Board], costs: CostSession | None = None) -> Files:
    """Return the pictures of all boards."""
    return {
        picture_path(board, name): draw_picture(board, name, costs)
        for board in boards
        for name in drawable(board, costs)
    }


def write_files(folder: Path, files: Files) -> None:
    """Write the files below the leaderboard's folder that are not there with just this content.

    To make sure of a file on the disk takes longer than to draw it, and most files are the same as before.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    for path, content in files.items():
        if _holds(folder / path, content):
            continue
        with replace_file(folder / path, "wb") as file:
            file.write(content)


def _holds(path: Path, content: bytes) -> bool:
    """Say whether a file has this content; one that cannot be read has not."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def check_files(folder: Path, files: Files) -> None:
    """Compare the files on disk with those made from the records.

    Raises:
        RunError: a file is missing, differs or is superfluous; for a page, the message names the first different line.
    """
    for path in files:
        if not (folder / path).is_file():
            raise RunError(f"the {_kind(path)} is missing", where=folder / path, next_step=NEXT_STEP)
    for path, content in files.items():
        there = (folder / path).read_bytes()
        if there != content:
            differs = _table_differs if _kind(path) == "table" else _file_differs
            raise differs(folder / path, there, content)
    below = [path for path in files if len(path.parts) > 1]
    suffixes = {path.suffix for path in below}
    found = (path for name in {path.parts[0] for path in below} for path in (folder / name).rglob("*"))
    for stray in sorted(path for path in found if path.suffix in suffixes):
        if (path := PurePosixPath(stray.relative_to(folder))) not in files:
            raise RunError(f"no record gives this {_kind(path)}", where=stray, next_step="delete it")


def _kind(path: PurePosixPath | Path) -> str:
    return KINDS.get(path.suffix, "page")


def _table_differs(path: Path, _found: bytes, _expected: bytes) -> RunError:
    """Return the error of a table in Parquet, whose bytes also depend on the versions of pandas and pyarrow."""
    return RunError(
        "the table differs from the records, or other versions of pandas and pyarrow wrote it",
        where=path,
        next_step=NEXT_STEP,
    )


def _file_differs(path: Path, found: bytes, expected: bytes) -> RunError:
    """Return the error that names the first line in which two pages or pictures differ."""
    lines, wanted_lines = (
        text.decode(errors="surrogateescape").splitlines(keepends=True) for text in (found, expected)
    )
    pairs = enumerate(zip_longest(lines, wanted_lines), 1)
    number, (line, wanted) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return RunError(
        f"the {_kind(path)} differs from the records",
        where=f"{path}, line {number}",
        found="the end of the file" if line is None else repr(line),
        expected="the end of the file" if wanted is None else repr(wanted),
        next_step=NEXT_STEP,
    )
