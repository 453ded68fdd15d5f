"""The pages of the tasks: measured results and published numbers brought together by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from leaderboard.boards import Board
from leaderboard.filing import slug
from leaderboard.published.tables import PublishedTable

PUBLISHED_HEADINGS = {"ap": "mAP", "rank@1": "rank 1", "rank@5": "rank 5"}


@dataclass(frozen=True)
class TaskPage:
    """The measured results of one task (or of a data set whose rule is not stated), and the numbers of papers."""

    name: str
    boards: tuple[Board, ...]
    published: PublishedTable | None

    @property
    def path(self) -> PurePosixPath:
        """The path of its page, relative to the leaderboard's folder."""
        return PurePosixPath("tasks") / f"{slug(self.name)}.md"


def build_task_pages(boards: Sequence[Board], published: Sequence[PublishedTable]) -> tuple[TaskPage, ...]:
    """Return a page for each task: those with measured results first, then by name."""
    printed = {table.name: table for table in published}
    names = sorted({*printed, *(board.task for board in boards)})
    pages = [
        TaskPage(name, tuple(board for board in boards if board.task == name), printed.get(name)) for name in names
    ]
    return tuple(sorted(pages, key=lambda page: not page.boards))
