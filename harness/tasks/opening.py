"""Where a protocol's data set is, and reading it for an evaluation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from harness.data.dataset import Dataset
from harness.errors import DataError, UsageError
from harness.tasks.protocol import Protocol
from harness.tasks.task import Task

log = logging.getLogger("bench")


def open_dataset(protocol: Protocol, given: Path | None, tasks: Sequence[Task] | None, *, tell: bool = True) -> Dataset:
    """Return a protocol's data set, and log what in a user's own data was read otherwise than it is written.

    Whatever makes a number opens its data set here, so that no number is made of data whose notes nobody was told.

    Args:
        protocol: the protocol.
        given: the folder of the data set; None for the protocol's default.
        tasks: those to evaluate, for which no other list is read; None to read all lists and all labels.
        tell: whether to log the notes; of several processes, one does.

    Raises:
        UsageError: no folder is given, and the protocol has no default.
        DataError: the folder is missing, or a file that is read is missing or malformed.
    """
    root = find_root(protocol, given)
    dataset = protocol.load(root) if tasks is None else protocol.load_tasks(root, tasks)
    if tell and not protocol.released:
        for note in dataset.notes:
            log.warning("%s: %s", protocol.name, note)
    return dataset


def find_root(protocol: Protocol, given: Path | None, *, option: str = "--data") -> Path:
    """Return the folder of a protocol's data set.

    Raises:
        UsageError: none was given and the protocol has no default.
        DataError: it is not a folder.
    """
    root = given if given is not None else protocol.default_root()
    if root is None:
        raise UsageError(
            f"the data set of protocol '{protocol.name}' is not given",
            expected=f"the folder of {protocol.title or protocol.name}",
            next_step=f"give it with {_with_folder(option)}",
        )
    if not root.is_dir():
        raise DataError(
            "the data set's folder is missing", where=root, next_step=f"give the right one with {_with_folder(option)}"
        )
    return root


def _with_folder(option: str) -> str:
    return f"{option}DIR" if option.endswith("=") else f"{option} DIR"
