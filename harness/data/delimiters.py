"""Which character separates the fields of a line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from typing import Any

DELIMITERS = (",", ";", "\t")


def fields_of(line: str, mark: str) -> list[str]:
    """Return the stripped fields of a line.

    Raises:
        csv.Error: a field is too long, or a quote is not closed as it should be.
    """
    return [field.strip() for field in next(csv.reader([line], delimiter=mark), [])]


def best_delimiter(
    line: str,
    score: Callable[[list[str]], Any],
    marks: Iterable[str] = DELIMITERS,
    split: Callable[[str, str], list[str]] = fields_of,
) -> str:
    """Return the delimiter whose fields have the highest score, of equal ones the first.

    Args:
        line: the first line of a table.
        score: of the fields.
        marks: the delimiters to choose from.
        split: returns the fields of a line for a delimiter.

    Example:
        >>> best_delimiter("path;vehicle;camera, if known", len)
        ';'
    """

    def of(mark: str) -> Any:
        try:
            return score(split(line, mark))
        except csv.Error:  # whoever reads the line says so
            return score([line])

    return max(marks, key=of)
