"""The pages of the tasks: what each asks, its measured results, and its published numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from leaderboard.boards import Board
from leaderboard.filing import address
from leaderboard.grouping import grouped
from leaderboard.pages.questions import Question
from leaderboard.published.tables import PublishedRow, PublishedTable

PUBLISHED_HEADINGS = {"ap": "mAP", "rank@1": "rank 1", "rank@5": "rank 5"}
PUBLISHED_SETTING: Mapping[str, Callable[[PublishedRow], str]] = {
    "input": lambda row: f"{row.row.input_size}x{row.row.input_size}" if row.row.input_size else "",
    "width": lambda row: str(row.row.width or ""),
    "metric": lambda row: row.row.metric,
    "epochs": lambda row: row.row.epochs,
    "trained on": lambda row: row.row.train_on,
    "extra labels": lambda row: ", ".join(row.row.supervision),
    "notes": lambda row: row.row.note,
}
"""The columns of a table of published numbers besides the measures; a table has those that a row of it has."""
DRAWN = "synthetic"
"""The protocol whose vehicles the harness draws itself. It tests the whole way from images to a rank, and no street."""


@dataclass(frozen=True)
class TaskPage:
    """The measured results of one task (or of a data set whose rule is not stated), and the numbers of papers."""

    name: str
    boards: tuple[Board, ...]
    published: PublishedTable | None
    question: Question | None = None

    @property
    def anchor(self) -> str:
        """Its name as part of an address."""
        return address(self.name)

    @property
    def path(self) -> PurePosixPath:
        """The path of its page, relative to the leaderboard's folder."""
        return PurePosixPath("tasks") / f"{self.anchor}.md"

    @property
    def drawn(self) -> bool:
        """Whether it is a task on drawn vehicles."""
        return self.name.partition("/")[0] == DRAWN

    @property
    def stated(self) -> bool:
        """Whether it is a task of a protocol, and not a collection of numbers whose rule nobody states."""
        return self.published is None or self.published.stated

    @property
    def printed(self) -> tuple[tuple[str, tuple[PublishedRow, ...]], ...]:
        """The published rows in groups that can be compared, each with its document; one group if the rule is stated.

        Where a rule is not stated, only the numbers of one document may be of one rule. A row that several documents
        print stands with the one whose authors measured it, or else with the first.
        """
        if self.published is None:
            return ()
        if self.published.stated:
            return (("", self.published.rows),)
        documents = grouped(self.published.rows, _document)
        return tuple((document, tuple(documents[document])) for document in sorted(documents))


def _document(row: PublishedRow) -> str:
    return next((number.document for number in row.printed if number.row.own), row.printed[0].document)


def build_task_pages(
    boards: Sequence[Board], published: Sequence[PublishedTable], asked: Mapping[str, Question] | None = None
) -> tuple[TaskPage, ...]:
    """Return a page for each task that is asked, measured or published: real ones, those without a rule, drawn ones."""
    asked = asked or {}
    printed = {table.name: table for table in published}
    names = {*printed, *asked, *(board.task for board in boards)}
    pages = [
        TaskPage(name, tuple(board for board in boards if board.task == name), printed.get(name), asked.get(name))
        for name in sorted(names)
    ]
    return tuple(sorted(pages, key=lambda page: (page.drawn, not page.stated, not page.boards, page.published is None)))
