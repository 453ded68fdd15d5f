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
    """A data set, its splits and its tasks; the base class of the modules in ``protocols/`` and of plugins.

    Attributes:
        name: the name on the command line.
        version: increased by every change that can change a score.
        title: the name of the data set in tables.
        recipe: the default recipe for training a method.
        tasks: the tasks, the main one first.
        released: counts of each split in the released lists: ``images``, ``vehicles``, ``cameras``, ``tracks``.
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
            DataError: a file is missing or malformed.
        """

    def load_tasks(self, root: Path, tasks: Sequence[Task]) -> Dataset:  # noqa: ARG002 - for those that read less
        """Read what ranking some tasks needs: the images of their splits with vehicle, camera and track.

        A protocol with long lists reads no others here: no training list, no colours. Whatever it does not read is not
        checked either; ``bench data check`` reads everything, as ``load`` does, and so does every training.

        Raises:
            DataError: a file is missing or malformed.
        """
        return self.load(root)

    @property
    def word(self) -> str:
        """The word by which the command line names this protocol: its name, or the name of its file."""
        return self.name

    def default_root(self) -> Path | None:
        """Return the default folder of the data set, or None if the user must name one."""
        return None

    def select(self, task: str | None) -> Sequence[Task]:
        """Return the task of that name, or all tasks for None; ``task+convention`` is a task under a convention.

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
