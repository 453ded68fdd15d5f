"""VeRi-776's file names, which are its labels: vehicle, camera, frame, crop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.data.lists import Problems, read_lines
from harness.errors import DataError
from protocols.released import read_rows

PATTERN = re.compile(r"(([0-9]{1,9})_c([0-9]{1,9})_([0-9]{1,15})_[0-9]{1,9}\.jpg)")
WHOLE = re.compile(r"[0-9]{4}_c[0-9]{3}_[0-9]{8}_[0-9]+\.jpg")
"""A name with all its zeros, as the release has them."""
THREE_FIELDS = re.compile(r"[0-9]+_c[0-9]+_[0-9]+\.jpg")
EXAMPLE = "0002_c002_00030600_0.jpg"


class Name(NamedTuple):
    """One image: its file name and the labels in it; ``frame`` is the counter of the camera's frames."""

    file: str
    vehicle: int
    camera: int
    frame: int


def parse_name(file: str) -> Name | None:
    """Return the labels in a file name, or None if it is not one of VeRi-776."""
    match = PATTERN.fullmatch(file)
    return None if match is None else Name(file, *map(int, match.groups()[1:]))


def read_names(path: Path, problems: Problems) -> list[Name]:
    """Return the names in a list with one name a line.

    Raises:
        DataError: the list is missing or empty, or has the three-field names of a similar data set.
    """
    rows = read_rows(path, PATTERN, EXAMPLE, problems)
    if not rows:
        refuse_other_data_set(path, read_lines(path))
    return [Name(fields[0], *map(int, fields[1:])) for _, fields in rows]


def refuse_other_data_set(path: Path, lines: Sequence[str]) -> None:
    """Refuse a list whose names have three fields.

    Raises:
        DataError: the first name has.
    """
    first = next(filter(None, lines), "")
    if THREE_FIELDS.fullmatch(first):
        raise DataError(
            "these are the names of another data set, not of VeRi-776",
            where=path,
            found=f"three fields: {first}",
            expected=f"four fields, vehicle, camera, frame and crop: {EXAMPLE}",
            next_step="name the folder of VeRi-776's own release",
        )
