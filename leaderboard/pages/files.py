"""The files of the leaderboard: made in each format, written, and compared with those on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path, PurePosixPath

from harness.basics.files import replace_file
from harness.errors import RunError
from leaderboard.boards import Board
from leaderboard.costs import CostSession
from leaderboard.pages.exports import as_csv, as_json
from leaderboard.pages.html import as_html
from leaderboard.pages.latex import as_latex
from leaderboard.pages.markdown import markdown_pages
from leaderboard.pages.pictures import draw_picture, drawable, picture_path
from leaderboard.pages.questions import Question
from leaderboard.pages.task_pages import build_task_pages
from leaderboard.published.tables import PublishedTable

Files = Mapping[PurePosixPath, bytes]
"""The content of files by their path relative to the leaderboard's folder."""
NEXT_STEP = "write it with 'bench leaderboard'"


def page_files(
    form: str,
    name: str,
    boards: Sequence[Board],
    tables: Sequence[PublishedTable],
    asked: Mapping[str, Question],
    costs: CostSession | None = None,
) -> Files:
    """Return the files of a format; in Markdown these are a page called ``name``, a page for each task and pictures.

    ``asked`` has what the tasks ask, by their names; ``costs`` is the session whose costs are drawn.
    """
    pages = build_task_pages(boards, tables, asked)
    if form == "markdown":
        texts = {path: text.encode() for path, text in markdown_pages(pages, tables, name, costs).items()}
        return {**texts, **picture_files(boards, costs)}
    text = {
        "csv": lambda: as_csv(boards, tables),
        "json": lambda: as_json(boards, tables),
        "latex": lambda: as_latex(pages),
        "html": lambda: as_html(pages),
    }[form]()
    return {PurePosixPath(name): text.encode()}


def picture_files(boards: Sequence[Board], costs: CostSession | None = None) -> Files:
    """Return the pictures of all boards."""
    return {
        picture_path(board, name): draw_picture(board, name, costs)
        for board in boards
        for name in drawable(board, costs)
    }


def write_files(folder: Path, files: Files) -> None:
    """Write the files below the leaderboard's folder.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    for path, content in files.items():
        with replace_file(folder / path, "wb") as file:
            file.write(content)


def check_files(folder: Path, files: Files) -> None:
    """Compare the files on disk with those made from the records.

    Raises:
        RunError: a file is missing, differs or is superfluous; for a page, the message names the first different line.
    """
    for path in files:
        if not (folder / path).is_file():
            raise RunError(f"the {_kind(path)} is missing", where=folder / path, next_step=NEXT_STEP)
    for path, content in files.items():
        found = (folder / path).read_bytes()
        if found != content:
            raise _file_differs(folder / path, _kind(path), found, content)
    tasks = [*folder.glob("tasks/*.md"), *folder.glob("tasks/pictures/*.svg")] if len(files) > 1 else []
    for stray in sorted(tasks):
        if (path := PurePosixPath(stray.relative_to(folder))) not in files:
            raise RunError(f"no record gives this {_kind(path)}", where=stray, next_step="delete it")


def _kind(path: PurePosixPath) -> str:
    return "picture" if path.suffix == ".svg" else "page"


def _file_differs(path: Path, kind: str, found: bytes, expected: bytes) -> RunError:
    """Return the error that names the first line in which two pages or pictures differ."""
    lines, wanted_lines = (
        text.decode(errors="surrogateescape").splitlines(keepends=True) for text in (found, expected)
    )
    pairs = enumerate(zip_longest(lines, wanted_lines), 1)
    number, (line, wanted) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return RunError(
        f"the {kind} differs from the records",
        where=f"{path}, line {number}",
        found="the end of the file" if line is None else repr(line),
        expected="the end of the file" if wanted is None else repr(wanted),
        next_step=NEXT_STEP,
    )
