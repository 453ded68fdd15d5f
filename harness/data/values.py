"""What the fields of a user's table mean: numbers, texts, times, unknown values, and vehicles that nobody is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from harness.data.images import NOBODY, UNKNOWN, IntArray
from harness.data.lists import quote
from harness.errors import DataError, first_of

NOTHING = ("nan", "none", "null", "na", "n/a", "nil", "nat", "<na>", "unknown", "?", "-", "-1")
"""Words that programs write for an unknown value, in lower case."""

ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
"""A number as spreadsheets rewrite a long number, or a plate such as 12E5."""

INTEGER = re.compile(r"[0-9]{1,15}")
NAMING = ("vehicle", "camera", "track")
"""The columns whose texts tell things apart."""


@dataclass(frozen=True)
class Words:
    """Words of a table with a meaning of their own.

    Attributes:
        unknown: texts of cameras, tracks and other labels that mean an unknown value, in any case of letters.
        nobody: texts of the column ``vehicle``, as written, that mean no known vehicle; empty for an empty field.
    """

    unknown: tuple[str, ...] = NOTHING
    nobody: tuple[str, ...] = ()

    def known(self, text: str) -> str:
        """Return the text of a label, empty if it means an unknown value."""
        return "" if text.casefold() in self._folded else text

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(word.casefold() for word in self.unknown)


def numbered(path: Path, word: str, texts: Sequence[str]) -> tuple[IntArray, dict[int, str]]:
    """Return a number for each distinct text, and the texts by number unless the texts are these numbers.

    Raises:
        DataError: two texts get the same number, or a spreadsheet has rewritten some of them.
    """
    written = [text for text in texts if text]
    rewritten = [text for text in written if ROUNDED.fullmatch(text)]
    if rewritten and word in NAMING:
        raise DataError(
            f"a spreadsheet has rewritten {word}s as numbers, and their last digits are lost",
            where=path,
            found=f"{len(rewritten)} of {len(written)}: {first_of(rewritten, 5)}",
            expected=f"the {word}s as they were, such as 1234567890123 or 12E5",
            next_step=f"export the table again from its source, with the column of the {word}s as text",
        )
    if all(map(INTEGER.fullmatch, written)) and len(set(map(int, written))) == len(written):  # "7" is not "07"
        return np.array([int(text) if text else UNKNOWN for text in texts], dtype=np.int64), {}
    numbers = [number_of_text(text) for text in texts]
    if len(set(numbers)) < len(numbers):
        raise DataError(f"two values of the column '{word}' get the same number", where=path, next_step="rename one")
    named = dict(sorted((number, text) for number, text in zip(numbers, texts, strict=True) if text))
    return np.array(numbers, dtype=np.int64), named


def nobodies(keys: Collection[str]) -> IntArray:
    """Return a vehicle of its own for each distinct key, (n,) int64 from ``NOBODY`` on, independent of other rows."""
    return np.array([NOBODY + number_of_text(key) for key in keys], dtype=np.int64)


def number_of_text(text: str) -> int:
    """Return 48 bits of a text's SHA-256, a number that does not depend on other rows."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) if text else UNKNOWN


def moment(text: str) -> int:
    """Return a whole number as it is, and an ISO time, in UTC unless it names a zone, as seconds since 1970.

    Raises:
        ValueError: the text is neither.
        OverflowError: the time cannot be represented.
    """
    if not text:
        return UNKNOWN
    if INTEGER.fullmatch(text):
        return int(text)
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() // 1)


def fault_of_time(text: str) -> str | None:
    """Return why a text cannot be read as a time, or None if it can."""
    try:
        moment(text)
    except (ValueError, OverflowError):
        return f"{quote(text)} is not a time; expected 1520787605 or 2018-03-11T17:00:05"
    return None


def count_of_texts(codes: IntArray, texts: Sequence[str], wanted: Mapping[str, str]) -> dict[str, int]:
    """Return how often each text occurs that ``wanted`` maps to another, by its text."""
    counts = np.bincount(codes, minlength=len(texts)).tolist()
    return {text: count for text, count in zip(texts, counts, strict=True) if wanted.get(text, text) != text and count}
