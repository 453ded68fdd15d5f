"""Protocols: a data set, its splits and its tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from harness.data.dataset import Dataset
from harness.errors import unknown_name
from harness.tasks.task import Task


class Protocol(ABC):
    """A data set, its splits and its tasks; subclasses live one a module in ``protocols/`` or in a plugin.

    Attributes:
        name: the word on the command line.
        version: raised by any change that can move a digit.
        title: the data set's name in tables.
        recipe: the recipe that a method trains with when the user names none.
        tasks: the main task first.
        released: for a split, counts of the released lists: ``images``, ``vehicles``, ``cameras``, ``tracks``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str] = ""
    recipe: ClassVar[str] = "paper"
    tasks: ClassVar[tuple[Task, ...]]
    released: ClassVar[Mapping[str, Mapping[str, int]]] = {}

    @abstractmethod
    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``.

        Raises:
            DataError: what is missing or malformed, and where.
        """

    def default_root(self) -> Path | None:
        """Return the folder used when the user names none; None where the data set must be named."""
        return None

    def select(self, task: str | None) -> Sequence[Task]:
        """Return the task of that name, or all of them for None; ``task+convention`` is a task under a convention.

        Raises:
            UsageError: no such task, or no such convention.
        """
        if task is None:
            return self.tasks
        name, plus, convention = task.partition("+")
        for candidate in self.tasks:
            if candidate.name == name:
                return (candidate.under(convention) if plus else candidate,)
        raise unknown_name(f"task of {self.name}", name, [candidate.name for candidate in self.tasks])
