"""Every error that the harness raises on purpose.

BenchError
├── UsageError        a word on the command line or in Python: unknown name, bad option
├── DataError         a data set: folder, list, image, label, boxes
├── FeatureError      a feature file
├── CheckpointError   a checkpoint or a weights file
├── RecordError       a record, or something published beside it
├── PluginError       a plugin that cannot serve
└── RunError          the run itself failed: full disk, diverged training (exit status 1)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """A mistake with a message for a person: what, where, found, expected, what to do next.

    Attributes:
        exit_status: of the command that it ends.
        told: whether it is the error of several processes, and another one says it.

    Example:
        >>> print(DataError("list is missing", where="VeRi/name_query.txt", next_step="copy it from the release"))
        list is missing
          where: VeRi/name_query.txt
          next: copy it from the release
    """

    exit_status = 2
    told = False

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        found: object = None,
        expected: object = None,
        next_step: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.found = found
        self.expected = expected
        self.next_step = next_step
        super().__init__(what)

    def __str__(self) -> str:
        parts = [("where", self.where), ("found", self.found), ("expected", self.expected), ("next", self.next_step)]
        return "\n".join([self.what, *(f"  {word}: {value}" for word, value in parts if value is not None)])


class UsageError(BenchError):
    """A name, option or value that the user gave cannot be used."""


class DataError(BenchError):
    """A data set's folder, list, image or label is missing or malformed."""


class FeatureError(BenchError):
    """A feature file is damaged, of another schema, or of another data set."""


class CheckpointError(BenchError):
    """A checkpoint or weights file is damaged, unsafe, or of another method."""


class RecordError(BenchError):
    """A record is damaged, edited, or of an unknown schema."""


class PluginError(BenchError):
    """A plugin could not be loaded, or breaks the contract."""


class RunError(BenchError):
    """The run failed for a reason other than the user's words."""

    exit_status = 1


def unknown_name(kind: str, found: str, known: Iterable[str], *, error: type[BenchError] = UsageError) -> BenchError:
    """Return the error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = difflib.get_close_matches(found, names, n=1, cutoff=0.4)
    return error(
        f"unknown {kind} '{found}'" + (f"; did you mean '{near[0]}'?" if near else ""),
        found=found,
        expected=", ".join(names) or f"no {kind} is registered",
    )


def first_of(items: Iterable[object], limit: int = 10) -> str:
    """Return up to ``limit`` items as one line, and the number of the rest."""
    listed = [str(item) for item in items]
    rest = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {rest} more" if rest > 0 else "")
