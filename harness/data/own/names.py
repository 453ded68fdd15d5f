"""Patterns of image files' names: which part is the vehicle, which the camera."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from harness.errors import UsageError, first_of

FIELDS = ("vehicle", "camera", "type", "track", "rest")
ENOUGH = 0.9
"""Share of the images that a pattern must match to be taken before a later one."""

SAMPLE = 20_000
"""The number of names at the beginning and at the end of a long list that the pattern is chosen by."""

LONGEST = 200
"""The longest pattern, in characters."""


@dataclass(frozen=True)
class Pattern:
    """A pattern of paths without their ending, such as ``{vehicle}_c{camera}_{rest}``.

    A field is any text without a slash, as short as possible: a type is letters, a vehicle behind a type digits, and a
    camera behind a letter digits. Upper and lower case are one.
    """

    text: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.text)
        made = ""
        for place, part in enumerate(parts):
            made += re.escape(part) if place % 2 == 0 else self._group(part, parts[place - 1], made)
        return re.compile(made, re.IGNORECASE)

    def _group(self, field: str, before: str, made: str) -> str:
        if field == "rest":
            return "[^/]*?"
        if field == "type":
            return "(?P<type>[a-z]+)"
        digits = (field == "vehicle" and "(?P<type>" in made) or (field == "camera" and before[-1:].isalpha())
        return f"(?P<{field}>{'[0-9]+' if digits else '[^/]+?'})"

    def read(self, key: str) -> dict[str, str] | None:
        """Return the fields of a path, or None if it does not fit; a vehicle's type is part of its name."""
        match = self._compiled.fullmatch(re.sub(r"\.[A-Za-z]+\Z", "", key))
        if match is None:
            return None
        found = match.groupdict()
        if "type" in found:
            found["vehicle"] = f"{found['type']}_{found['vehicle']}"
        return found


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a user wrote.

    Raises:
        UsageError: a field is unknown, doubled or missing.
    """
    fields = [field for field in re.findall(r"\{(\w*)\}", text) if field != "rest"]
    twice = {field for field in fields if fields.count(field) > 1}
    wrong = [field for field in fields if field not in FIELDS]
    braces = text.count("{") + text.count("}") != 2 * len(re.findall(r"\{\w*\}", text))
    if wrong or twice or braces or "vehicle" not in fields or len(text) > LONGEST:
        raise UsageError(
            "the pattern of the names cannot be used",
            found=text[:LONGEST],
            expected="{vehicle} once, if known {camera}, {type} and {track}, and {rest} for anything else: "
            "{vehicle}_c{camera}_{rest}",
        )
    return Pattern(text)


def usual_patterns() -> Iterator[Pattern]:
    """Yield the patterns of the field's data sets, those that say most first."""
    for camera, end in product(("_cam{camera}", "_camera{camera}", "_c{camera}"), ("", "_{rest}")):
        yield Pattern("{type}_{vehicle}" + camera + end)
    cameras = ("c{camera}", "cam{camera}", "camera{camera}", "cam_{camera}", "camera_{camera}")
    for mark, camera in product("_-", cameras):
        for end in (f"{mark}{{rest}}", "s{rest}", ""):
            yield Pattern(f"{{vehicle}}{mark}{camera}{end}")
    for camera in cameras:
        for end in ("/{rest}", "_{rest}", "-{rest}", ""):
            yield Pattern(f"{{vehicle}}/{camera}{end}")
        for end in ("_{rest}", "-{rest}", ""):
            yield Pattern(f"{{vehicle}}/{{rest}}_{camera}{end}")
        for end in ("/{rest}", "_{rest}", "-{rest}", ""):
            yield Pattern(f"{camera}/{{vehicle}}{end}")
    yield Pattern("{vehicle}/{rest}")
    yield Pattern("{type}_{vehicle}_{rest}")
    yield Pattern("{vehicle}_{rest}")
    yield Pattern("{vehicle}-{rest}")


def find_pattern(keys: Sequence[str]) -> Pattern:
    """Return the usual pattern that fits the most of some paths; of two that fit nearly all, the one that says more.

    Raises:
        UsageError: none fits half of them and has two vehicles, one of them with two images.
    """
    best, most = None, 0
    sampled = keys if len(keys) <= 2 * SAMPLE else [*keys[:SAMPLE], *keys[-SAMPLE:]]  # neighbours are of one vehicle
    for pattern in usual_patterns():
        found = [fields["vehicle"] for fields in map(pattern.read, sampled) if fields]
        if not 1 < len(set(found)) < len(found):
            continue
        if len(found) >= ENOUGH * len(sampled):
            return pattern
        if len(found) > most:
            best, most = pattern, len(found)
    if best is None or most < len(sampled) / 2:
        raise UsageError(
            "the names of the images follow no usual pattern",
            found=first_of(keys, 5),
            expected="names such as 0001_c001_00016450.jpg, car_0016_cam1.jpg, or a folder for each vehicle",
            next_step="describe them with --names '{vehicle}_c{camera}_{rest}', or give a table with --table",
        )
    return best
