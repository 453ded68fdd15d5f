"""Matching the keys of another program with the image paths of a protocol."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from harness.data.images import IntArray
from harness.errors import FeatureError, first_of

SHOWN = 3
"""Keys that a message shows of each kind."""


@dataclass(frozen=True, eq=False)
class Match:
    """How the names of a file's rows and the paths of a list go together in one way.

    Attributes:
        way: in words: ``relative path``.
        rows: (paths,) int64, the row of each path, -1 if it has none.
        missing: the paths without a row.
        extra: the names of no path.
        doubled: the names of several rows that are of one path.
        ambiguous: the names of several paths.
        placed: the number of names that are of one path, and the first of it.
    """

    way: str
    rows: IntArray
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    doubled: tuple[str, ...]
    ambiguous: tuple[str, ...]
    placed: int

    @property
    def matched(self) -> int:
        """The number of paths with a row."""
        return len(self.rows) - len(self.missing)

    @property
    def clear(self) -> bool:
        """Whether no name is of two paths, and no path of two names."""
        return not self.doubled and not self.ambiguous


def match(given: Sequence[str], wanted: Sequence[str], *, where: str, partly: bool = False) -> Match:
    """Return the first way in which every wanted path has exactly one row.

    The ways are the relative path, the absolute path (any path that ends with the relative one), the name of the file,
    and its name without the suffix. Backslashes count as slashes, and letters in composed and decomposed form as equal.

    Args:
        given: the names of the file's rows.
        wanted: the paths, each once.
        where: the file, for messages.
        partly: take the best way even if paths have no row.

    Raises:
        FeatureError: there is no such way; the message says what is missing, extra, doubled or ambiguous.
    """
    plain = [_plain(name) for name in given]
    paths = [_plain(path) for path in wanted]
    known = set(paths)
    ways: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
        "relative path": (str, str),
        "absolute path": (lambda name: _ending(name, known), str),
        "file name": (_name, _name),
        "stem": (_stem, _stem),
    }
    found = []
    for way, (form, own) in ways.items():
        found.append(_by(way, [form(name) for name in plain], [own(path) for path in paths], (given, wanted)))
        if found[-1].clear and not found[-1].missing:
            return found[-1]
    # A name that two images share counts for neither: else file names would always seem to match more than paths.
    best = max(found, key=lambda one: (one.placed, one.clear and one.matched > 0, one.matched))
    if partly and best.clear and best.matched:
        return best
    raise _refusal(best, given, wanted, where)


def _by(way: str, given: list[str], wanted: list[str], names: tuple[Sequence[str], Sequence[str]]) -> Match:
    places: dict[str, list[int]] = {}
    for number, form in enumerate(wanted):
        places.setdefault(form, []).append(number)
    rows = np.full(len(wanted), -1, dtype=np.int64)
    extra, doubled, ambiguous = [], [], []
    for row, form in enumerate(given):
        own = places.get(form, ()) if form else ()
        if not own:
            extra.append(names[0][row])
        elif len(own) > 1:
            ambiguous.append(names[0][row])
            rows[own] = row
        elif rows[own[0]] >= 0:
            doubled.append(names[0][row])
        else:
            rows[own[0]] = row
    missing = tuple(names[1][number] for number in np.flatnonzero(rows < 0).tolist())
    placed = len(given) - len(extra) - len(doubled) - len(ambiguous)
    return Match(way, rows, missing, tuple(extra), tuple(doubled), tuple(ambiguous), placed)


def _refusal(best: Match, given: Sequence[str], wanted: Sequence[str], where: str) -> FeatureError:
    two = f"the file has {first_of(given, 2)}; the protocol wants {first_of(wanted, 2)}"
    if not best.matched:
        return FeatureError(
            "no key of the file is that of an image of the protocol",
            where=where,
            found=two,
            expected="a key that has the path, the file name or the stem of each image",
            next_step="name the protocol and the data set that the features belong to",
        )
    if best.ambiguous:
        return FeatureError(
            f"{len(best.ambiguous)} keys are those of several images",
            where=where,
            found=f"by {best.way}: {first_of(best.ambiguous, SHOWN)}",
            expected="a key that one image has",
            next_step="keep the folders in the keys, or give queries and gallery apart and name them with "
            "--order query,gallery",
        )
    if best.doubled:
        return FeatureError(
            f"{len(best.doubled)} keys occur more than once",
            where=where,
            found=f"by {best.way}: {first_of(best.doubled, SHOWN)}",
            expected="one row for each image",
            next_step="leave out the repeated rows, or give queries and gallery apart and name them with "
            "--order query,gallery",
        )
    extra = f", and {len(best.extra)} keys are of no image: {first_of(best.extra, SHOWN)}" if best.extra else ""
    return FeatureError(
        f"{len(best.missing)} of {len(wanted)} images have no feature",
        where=where,
        found=f"matched by {best.way}; no row for {first_of(best.missing, SHOWN)}{extra}",
        expected="a row for every image of the protocol",
        next_step="extract the missing ones too, give the files of queries and gallery together, or import what there "
        "is with --skip-missing (results are then not official)",
    )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().replace("\\", "/").removeprefix("./")


def _endings(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[start:]) for start in range(len(parts)))


def _ending(name: str, known: set[str]) -> str:
    """Return the longest end of a path that is known, or an empty text."""
    return next((end for end in _endings(name) if end in known), "")


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _stem(path: str) -> str:
    return PurePosixPath(_name(path)).stem
