"""VERI-Wild's vehicle_info.txt and the ``_info`` files of single lists: camera, time, model, type, colour."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.images import UNKNOWN, IntArray
from harness.data.lists import Problems, misfit, quote, read_lines
from protocols.released import seconds_of

FILE = "vehicle_info.txt"
LINE = re.compile(r"([0-9]{1,9}/[0-9]{1,12})(?:\.jpg)?;([0-9]{1,9});([^;]*);([^;]*);([^;]*);([^;]*)")
EXAMPLE = "05638/058597;12;2018-03-11 17:00:05;Audi-A6;sedan;white"
SHORT = re.compile(r"([0-9]{1,9}/[0-9]{1,12})(?:\.jpg)?;([0-9]{1,9})();([^;]*);([^;]*);([^;]*)")
SHORT_EXAMPLE = "05638/058597;12;Audi-A6;sedan;white"
"""The files of single lists have no time."""
CAMERA, SHORT_CAMERA = (
    re.compile(rf"^([0-9]{{1,9}}+/[0-9]{{1,12}}+)(?:\.jpg)?+;([0-9]{{1,9}}+)(?:;[^;\n]*+){{{further}}}$", re.MULTILINE)
    for further in (4, 3)
)
"""The image and the camera of a line of either kind, in a text of many lines."""
HEADER = "id/image;"
TIME = re.compile(r"([0-9]{4})\D([0-9]{1,2})\D([0-9]{1,2})\D+([0-9]{1,2})\D([0-9]{1,2})\D([0-9]{1,2})")
WORDS = ("model", "type", "colour")


@dataclass(frozen=True, eq=False)
class Info:
    """The labels of each image in the file.

    Attributes:
        row: the row of each image (``05638/058597``) in the columns; the last row is for all other images.
        camera: (n + 1,) int64.
        columns: time (seconds since 1970 by the clock of the recording), model, type and colour, (n + 1,) int64 each,
            ``UNKNOWN`` if missing. A word's number is its place among all words of the file in alphabetical order.
        names: the words of model, type and colour by their numbers.
    """

    row: Mapping[str, int]
    camera: IntArray
    columns: Mapping[str, IntArray]
    names: Mapping[str, Mapping[int, str]]

    def rows(self, images: Sequence[str]) -> IntArray:
        """Return (n,) rows of some images."""
        last = len(self.row)
        return np.array([self.row.get(image, last) for image in images], dtype=np.int64)


def read_info(path: Path | None, lists: Sequence[Path], problems: Problems, notes: list[str]) -> Info:
    """Return the labels of ``vehicle_info.txt``, if it is there, and of the files of single lists.

    The header line is optional; malformed lines become problems. Of an image in several files, the labels of the first
    are taken, and cameras that differ are noted.
    """
    rows: dict[str, tuple[str, ...]] = {}
    if path is not None:
        rows = dict(_read(path, LINE, EXAMPLE, problems))
    for file in lists:
        differing = 0
        for image, values in _read(file, SHORT, SHORT_EXAMPLE, problems):
            known = rows.setdefault(image, values)
            differing += int(known[0]) != int(values[0])
        if differing:
            notes.append(f"{file.name}: {differing} cameras differ from another file; the first one's were used")
    row = {image: number for number, image in enumerate(rows)}
    cameras, moments, *words = zip(*rows.values(), strict=True) if rows else ((),) * 5
    second_of = {moment: _seconds(moment) for moment in set(moments)}
    columns = {"time": _column([second_of[moment] for moment in moments])}
    names = {}
    for label, column in zip(WORDS, words, strict=True):
        known_words = sorted({word.strip() for word in column} - {""})
        number_of = {word: number for number, word in enumerate(known_words)}
        columns[label] = _column([number_of.get(word.strip(), UNKNOWN) for word in column])
        names[label] = dict(enumerate(known_words))
    return Info(row, _column(list(map(int, cameras))), columns, names)


def read_cameras(path: Path | None, lists: Sequence[Path], problems: Problems) -> Info:
    """Return the cameras alone, as ``read_info`` does and a few times as fast."""
    forms = dict.fromkeys(lists, (SHORT, SHORT_CAMERA, SHORT_EXAMPLE))
    if path is not None:
        forms = {path: (LINE, CAMERA, EXAMPLE), **forms}
    row: dict[str, int] = {}
    cameras: list[str] = []
    for file, (pattern, quick, example) in forms.items():
        own, written = _cameras(file, pattern, quick, example, problems)
        if not row:
            row, cameras = own, [*written]
            continue
        for image in own.keys() - row.keys():
            row[image] = len(cameras)
            cameras.append(written[own[image]])
    return Info(row, _column(list(map(int, cameras))), {}, {})


def _cameras(
    path: Path, pattern: re.Pattern[str], quick: re.Pattern[str], example: str, problems: Problems
) -> tuple[dict[str, int], Sequence[str]]:
    """Return the row of each image and the rows' cameras: of all lines at once, or line by line if one is odd."""
    lines = read_lines(path)
    found = quick.findall("\n".join(lines))
    row = {image: number for number, (image, _) in enumerate(found)}
    others = lines.count("") + lines[0].casefold().startswith(HEADER)
    if len(row) == len(found) == len(lines) - others:
        return row, [camera for _, camera in found]
    rows = [(image, camera) for image, (camera, *_) in _read(path, pattern, example, problems)]
    return {image: number for number, (image, _) in enumerate(rows)}, [camera for _, camera in rows]


def _read(
    path: Path, pattern: re.Pattern[str], example: str, problems: Problems
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each image of a file with camera, time, model, type and colour as written."""
    seen: set[str] = set()
    for number, text in enumerate(read_lines(path), 1):
        match = pattern.fullmatch(text)
        if match is None:
            if text and not (number == 1 and text.casefold().startswith(HEADER)):
                problems.add(path, number, misfit(text, example))
            continue
        image, *values = match.groups()
        if image in seen:
            problems.add(path, number, f"{quote(image)} is already in an earlier line")
            continue
        seen.add(image)
        yield image, tuple(values)


def _seconds(moment: str) -> int:
    """Return a time of day as seconds since 1970, without a time zone; ``UNKNOWN`` if it is not valid."""
    match = TIME.search(moment)
    return UNKNOWN if match is None else seconds_of(*match.groups())


def _column(values: Sequence[int]) -> IntArray:
    """Return (n,) values as (n + 1,) int64 with ``UNKNOWN`` at the end."""
    return np.array([*values, UNKNOWN], dtype=np.int64)
