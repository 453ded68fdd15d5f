"""What was found out about a user's data: rows or a table, what was taken for what, and what remained open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Row = dict[str, str]
"""One image: ``path`` and ``vehicle``, and as far as known the other columns of an own table."""

Choose = Callable[[str, Sequence[str]], int]
"""Asks a question with several answers, of which the first is the guess, and returns the number of the chosen one."""


def first(_question: str, _answers: Sequence[str]) -> int:
    """Take the guess."""
    return 0


@dataclass
class Notes:
    """What is told to the user.

    Attributes:
        taken: pairs such as ``("vehicle", "the column 'plate'")``.
        open: one sentence for each thing that could not be decided, with what was taken.
        choose: asks the user, or takes the guess.
    """

    choose: Choose = first
    taken: list[tuple[str, str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def decide(self, question: str, answers: Sequence[str]) -> int:
        """Return the number of the answer to a question; a guess that nobody confirmed remains open."""
        chosen = self.choose(question, answers)
        if self.choose is first and len(answers) > 1:
            self.open.append(f"{question} Taken: {answers[0]}. Else: {'; '.join(answers[1:])}.")
        return chosen


@dataclass(frozen=True)
class OwnData:
    """Everything that a protocol's file says about a user's data.

    Attributes:
        root: the folder that the paths are relative to.
        rows: the images of a table to be written, or None if the user's own table is read as it is.
        source: the user's table, or None for a folder of images.
        settings: the settings of the file besides table and root: ``encoding``, ``delimiter``, ``formats``.
        columns: the table's own names for our columns.
        query: the split that asks; empty if every image asks all others.
        gallery: the split that answers.
        pattern: the pattern of the names that the rows were read by, or empty.
        ignore: the images that a query ignores, or empty for the usual rule.
    """

    root: Path
    rows: Sequence[Row] | None
    source: Path | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    gallery: str = ""
    pattern: str = ""
    ignore: tuple[str, ...] = ()
