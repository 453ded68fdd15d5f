"""VeRi-776's ground-truth files: the released positives and ignored images, compared with the rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.data.lists import Problems, misfit, read_lines
from protocols.veri776.names import Name

POSITIVES = ("gt_index.txt", "gt_image.txt", "gt_index_776.txt")
IGNORED = ("jk_index.txt", "jk_image.txt", "jk_index_776.txt")

LINE = re.compile(r"[0-9]{1,9}(?:[ \t]+[0-9]{1,9})*|")


def cross_check(root: Path, queries: Sequence[Name], gallery: Sequence[Name], problems: Problems) -> list[str]:
    """Return a note with the number of differing pairs for each ground-truth file that differs from the rule.

    A file has one line a query: rows of the test list, from 1. By the rule, the query's vehicle is a
    positive under other cameras and ignored under the query's own.
    """
    of_vehicle: dict[int, set[int]] = {}
    of_camera: dict[tuple[int, int], set[int]] = {}
    for row, name in enumerate(gallery, 1):
        of_vehicle.setdefault(name.vehicle, set()).add(row)
        of_camera.setdefault((name.vehicle, name.camera), set()).add(row)
    notes = []
    for path in (root / file for file in (*POSITIVES, *IGNORED)):
        if not path.exists():
            continue
        differing = 0
        lines = _read(path)
        for place, query in enumerate(queries):
            expected = of_camera.get((query.vehicle, query.camera), set())
            if path.name in POSITIVES:
                expected = of_vehicle.get(query.vehicle, set()) - expected
            listed = _numbers(path, place + 1, lines[place], problems) if place < len(lines) else set()
            differing += len(expected ^ listed)
        for place, text in enumerate(lines[len(queries) :], len(queries) + 1):
            _numbers(path, place, text, problems)
        if len(lines) != len(queries):
            notes.append(f"{path.name} has {len(lines)} lines for {len(queries)} queries")
        if differing:
            notes.append(f"{path.name} differs from the rule in {differing} pairs; the rule was followed")
    return notes


def _read(path: Path) -> list[str]:
    """Return the lines without the blank ones at the end."""
    lines = read_lines(path)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _numbers(path: Path, number: int, text: str, problems: Problems) -> set[int]:
    """Return the numbers of one line; those of a whole file at once would take a hundred times its bytes."""
    if LINE.fullmatch(text):
        return set(np.array(text.split(), dtype=np.int64).tolist())
    problems.add(path, number, misfit(text, "1 2 3"))
    return set()
