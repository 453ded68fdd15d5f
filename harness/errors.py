"""The errors that the harness raises on purpose.

BenchError
├── UsageError        an argument on the command line or in Python: unknown name, bad option
├── DataError         a data set: folder, list, image, label, boxes
├── FeatureError      a feature file
├── CheckpointError   a checkpoint or a weights file
├── RecordError       a record, or a result published with it
├── PluginError       a plugin that cannot be loaded or breaks its contract
└── RunError          the run itself failed: full disk, diverged training (exit status 1)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

ABBREVIATED = 3
"""The fewest letters that are taken for the beginning of a name."""


class BenchError(Exception):
    """An error whose message is for the user: what, where, found, expected, and what to do next.

    Attributes:
        exit_status: the exit status of a command that fails with this error.
        reported: whether another process of the same run prints the error.

    Example:
        >>> print(DataError("list is missing", where="VeRi/name_query.txt", next_step="copy it from the release"))
        list is missing
          where: VeRi/name_query.txt
          next: copy it from the release
    """

    exit_status = 2
    reported = False

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
    """A name, option or value given by the user cannot be used."""


class DataError(BenchError):
    """A data set's folder, list, image or label is missing or malformed."""


class FeatureError(BenchError):
    """A feature file is damaged, or belongs to another schema or data set."""


class CheckpointError(BenchError):
    """A checkpoint or weights file is damaged, unsafe, or belongs to another method."""


class RecordError(BenchError):
    """A record is damaged, was edited, or has an unknown schema."""


class PluginError(BenchError):
    """A plugin cannot be loaded, or breaks its contract."""


class RunError(BenchError):
    """A run failed for a reason other than its arguments."""

    exit_status = 1


def unknown_name(
    kind: str, found: str, known: Iterable[str], *, near: str = "", error: type[BenchError] = UsageError
) -> BenchError:
    """Return the error for an unknown name, with the most similar known one, or ``near`` if the caller knows better."""
    names = sorted(known)
    near = near or nearest(found, names)
    return error(
        f"unknown {kind} '{found}'" + (f"; did you mean '{near}'?" if near else ""),
        found=found,
        expected=", ".join(names) or f"no {kind} is registered",
    )


def nearest(found: str, names: Iterable[str]) -> str:
    """Return the most similar name, or an empty text if none is near.

    A name of the same letters and digits, of the same words in another order, or that begins with what was written, is
    nearer than one of a similar spelling.

    Example:
        >>> nearest("VeRi-776", ["vehicleid", "veri776"])
        'veri776'
    """
    import difflib

    known = list(names)
    wanted, words = _plain(found), _words(found)
    same = [name for name in known if _plain(name) == wanted]
    same = same or [name for name in known if len(words) > 1 and _words(name) == words]
    if same:
        return same[0]
    begun = [name for name in known if len(wanted) >= ABBREVIATED and _plain(name).startswith(wanted)]
    folded: dict[str, str] = {}
    for name in begun or known:
        folded.setdefault(name.casefold(), name)
    near = difflib.get_close_matches(found.casefold(), folded, n=1, cutoff=0.0 if begun else 0.4)
    return folded[near[0]] if near else ""


def _words(text: str) -> list[str]:
    return sorted(re.findall(r"[^\W_]+", text.casefold()))


def _plain(name: str) -> str:
    """Return the letters and digits of a name in lower case, or a name without any as it is."""
    return "".join(filter(str.isalnum, name.casefold())) or name


def first_of(items: Iterable[object], limit: int = 10) -> str:
    """Return up to ``limit`` items in one line, followed by the number of the others."""
    listed = [str(item) for item in items]
    rest = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {rest} more" if rest > 0 else "")


def in_one_line(problem: object, longest: int = 300, *, named: bool = False) -> str:
    """Return the message of another library as one line of at most so many characters, behind its class if wanted.

    Example:
        >>> in_one_line(ValueError("two\\n  lines"), named=True)
        'ValueError: two lines'
    """
    text = " ".join(str(problem).split())
    word = type(problem).__name__
    return (f"{word}: {text}" if named and text else word if named else text)[:longest]


def wanted(fault: Mapping[str, Any]) -> str:
    """Return what pydantic expected of a field, of one of its errors, without the words that it puts before ours."""
    raised = fault.get("ctx", {}).get("error")  # by a validator
    return str(raised if isinstance(raised, Exception) else fault["msg"])


def error_line(problem: object) -> str:
    """Return the line of a message that names the error, if one does: torch puts the traces of a program around it."""
    lines = [line.strip() for line in str(problem).splitlines() if re.match(r"\s*[A-Za-z.]*Error: ", line)]
    return in_one_line(lines[-1] if lines else problem)
