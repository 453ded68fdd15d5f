"""The options that several of these verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from harness.cli.grouped import DATA, OUTPUT, option
from harness.cli.options import DIR, together

F = TypeVar("F", bound=Callable[..., Any])


def folder(word: str, help_text: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that takes a folder."""
    return option(word, group=DATA, type=DIR, help=help_text, **settings)


def folders(word: str, help_text: str) -> Callable[[F], F]:
    """Return an option that takes a folder and can be repeated."""
    return folder(word, f"{help_text} Repeatable.", multiple=True)


published = folder("--published", "Folder of numbers from papers; default: the package's.")

selection = together(
    option(
        "--task",
        "tasks",
        multiple=True,
        group=OUTPUT,
        metavar="NAME",
        help="Show only this task, or all tasks of this protocol. Repeatable.",
    ),
    option(
        "--rows",
        multiple=True,
        group=OUTPUT,
        metavar="NAMES",
        help="Show only these methods, by the names in the tables: pgan,pgan/no-pam. Repeatable.",
    ),
    option(
        "--columns",
        multiple=True,
        group=OUTPUT,
        metavar="WORDS",
        help="Show only these measures: ap,hit@1. In LaTeX also other columns, such as rank,runs,input, in this order. "
        "Repeatable.",
    ),
    option("--intervals/--no-intervals", default=True, group=OUTPUT, help="Whether to show intervals."),
)
"""The choice of a part of the leaderboard, which becomes a ``Selection``."""
