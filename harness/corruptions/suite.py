"""The corruptions that a user asks for: which ones, how severe, and on which side of the ranking."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.corruptions.corruption import SEVERITIES, Corruption, check_severity
from harness.errors import UsageError

On = Literal["query", "gallery", "both"]


@dataclass(frozen=True, eq=False)
class Suite:
    """Some corruptions at some severities.

    Attributes:
        corruptions: by the names that they are registered under.
        severities: from 1 to 5, ascending.
        on: which images are spoilt: the queries, the gallery, or both.
        seed: of everything random.
    """

    corruptions: Mapping[str, Corruption]
    severities: tuple[int, ...] = SEVERITIES
    on: On = "query"
    seed: int = 0

    @property
    def conditions(self) -> Iterator[tuple[str, int]]:
        """Each corruption at each severity, in the order of tables."""
        return ((name, severity) for name in self.corruptions for severity in self.severities)

    def spoils(self, side: Literal["query", "gallery"]) -> bool:
        """Return whether a side is spoilt."""
        return self.on in (side, "both")


def parse_severities(words: str) -> tuple[int, ...]:
    """Return ``1,3,5`` as numbers, ascending.

    Raises:
        UsageError: one of them is no whole number from 1 to 5, or stands there twice.

    Example:
        >>> parse_severities("5,1")
        (1, 5)
    """
    parts = [part.strip() for part in words.split(",")]
    found = [check_severity(int(part) if re.fullmatch("[0-9]", part) else part) for part in parts]
    if len(set(found)) < len(found):
        raise UsageError("a severity is given twice", found=words, expected="each once")
    return tuple(sorted(found))


def parse_names(words: str, known: Collection[str]) -> tuple[str, ...]:
    """Return ``rain,fog`` as names in the order of ``known``, or all of them for ``all``.

    A word that is not known is kept, at the end, for whoever looks names up.

    Raises:
        UsageError: a name stands there twice, or is missing.
    """
    if words == "all":
        return tuple(known)
    parts = [part.strip() for part in words.split(",")]
    if not all(parts):
        raise UsageError("the name of a corruption is missing", found=words, expected="rain,fog")
    if len(set(parts)) < len(parts):
        raise UsageError("a corruption is named twice", found=words, expected="each once")
    return (*(name for name in known if name in parts), *(part for part in parts if part not in known))
