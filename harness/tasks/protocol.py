"""Protocols: a data set, its splits and its tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness.data.dataset import Dataset
from harness.errors import UsageError, unknown_name
from harness.tasks.task import Task


class Protocol(ABC):
    """A data set, its splits and its tasks; the base class of the modules in ``protocols/`` and of plugins.

    Attributes:
        name: the name on the command line.
        version: increased by every change that can change a score.
        title: the name of the data set in tables.
        recipe: the default recipe for training a method.
        tasks: the tasks, the main one first.
        releases: words for the layouts that differ from release to release, where ``make`` can draw several.
        released: counts of each split in the released lists: ``images``, ``vehicles``, ``cameras``, ``tracks``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str] = ""
    recipe: ClassVar[str] = "paper"
    tasks: ClassVar[tuple[Task, ...]]
    releases: ClassVar[tuple[str, ...]] = ()
    released: ClassVar[Mapping[str, Mapping[str, int]]] = {}

    @abstractmethod
    def load(self, root: Path) -> Dataset:
        """Read the lists under ``root``.

        Raises:
            DataError: a file is missing or malformed.
        """

    def default_root(self) -> Path | None:
        """Return the default folder of the data set, or None if the user must name one."""
        return None

    def make(self, out: Path, **choices: Any) -> str:  # noqa: ARG002 - the contract
        """Draw a data set of this layout into the folder ``out``, and return one line about it.

        Args:
            out: must not exist yet, or be empty.
            choices: ``vehicles``, ``cameras``, ``image_size``, ``seed``, ``workers``, and ``release`` of a protocol
                that has ``releases``, where the user chose; and ``progress``, called with the images done and all.

        Raises:
            UsageError: this protocol's layout cannot be drawn.
            DataError: the folder is not empty, or the choices do not go together.
        """
        raise UsageError(f"no data set can be drawn in the layout of '{self.name}'", where=out)

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
