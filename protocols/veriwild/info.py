"""VERI-Wild's vehicle_info.txt: camera, time, model, type and colour of each image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.images import UNKNOWN, IntArray
from harness.data.lists import Problems, misfit, quote, read_lines

FILE = "vehicle_info.txt"
LINE = re.compile(r"([0-9]{1,9}/[0-9]{1,12})(?:\.jpg)?;([0-9]{1,9});([^;]*);([^;]*);([^;]*);([^;]*)")
EXAMPLE = "05638/058597;12;2018-03-11 17:00:05;Audi-A6;sedan;white"
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


def read_info(path: Path, problems: Problems) -> Info:
    """Return the labels of the file; malformed lines become problems. The header line is optional."""
    row: dict[str, int] = {}
    written: tuple[list[str], ...] = tuple([] for _ in range(5))
    cameras, moments, *words = written
    for number, text in enumerate(read_lines(path), 1):
        match = LINE.fullmatch(text)
        if match is None:
            if text and not (number == 1 and text.casefold().startswith(HEADER)):
                problems.add(path, number, misfit(text, EXAMPLE))
            continue
        image, camera, moment, model, kind, colour = match.groups()
        if row.setdefault(image, len(cameras)) != len(cameras):
            problems.add(path, number, f"{quote(image)} is already in an earlier line")
            continue
        for column, value in zip(written, (camera, moment, model, kind, colour), strict=True):
            column.append(value)
    second_of = {moment: _seconds(moment) for moment in set(moments)}
    columns = {"time": _column([second_of[moment] for moment in moments])}
    names = {}
    for label, column in zip(WORDS, words, strict=True):
        known = sorted({word.strip() for word in column} - {""})
        number_of = {word: number for number, word in enumerate(known)}
        columns[label] = _column([number_of.get(word.strip(), UNKNOWN) for word in column])
        names[label] = dict(enumerate(known))
    return Info(row, _column(list(map(int, cameras))), columns, names)


def _seconds(moment: str) -> int:
    """Return a time of day as seconds since 1970, without a time zone; ``UNKNOWN`` if it is not valid."""
    match = TIME.search(moment)
    if match is None:
        return UNKNOWN
    year, month, day, hour, minute, second = match.groups()
    try:
        text = f"{year}-{int(month):02}-{int(day):02}T{int(hour):02}:{int(minute):02}:{int(second):02}"
        return int(np.datetime64(text, "s").astype(np.int64))
    except ValueError:
        return UNKNOWN


def _column(values: Sequence[int]) -> IntArray:
    """Return (n,) values as (n + 1,) int64 with ``UNKNOWN`` at the end."""
    return np.array([*values, UNKNOWN], dtype=np.int64)
