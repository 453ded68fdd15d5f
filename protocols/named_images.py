"""Data sets without lists: the folders hold the images, and their names are the labels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.data.lists import quote
from harness.errors import DataError, first_of

IMAGES = (".jpg", ".jpeg", ".png")
MOST = 1_000_000
"""Number of files that a folder of images may hold."""


def folder_with(root: Path, places: Iterable[str], folder: str, expected: str) -> Path:
    """Return the first of some places below the root that holds a folder of images.

    Args:
        root: the folder that the user has named.
        places: below it; an empty text is the root itself.
        folder: the name of the folder of images.
        expected: what should be there, for the message.

    Raises:
        DataError: none of them does.
    """
    for place in places:
        if (root / place / folder).is_dir():
            return root / place
    raise DataError(
        "the data set's images are not here",
        where=root,
        expected=expected,
        next_step="name the folder that contains them",
    )


def images_in(root: Path, folder: str) -> list[str]:
    """Return the names of the images of a folder in alphabetical order; hidden and other files are left out.

    Raises:
        DataError: the folder is missing, holds no image, or too many files.
    """
    path = root / folder
    try:
        with os.scandir(path) as entries:
            names = list(_visible(path, entries))
    except OSError as problem:
        missing = isinstance(problem, FileNotFoundError | NotADirectoryError)
        raise DataError(
            "a folder of images is missing" if missing else "a folder of images cannot be read",
            where=path,
            found=None if missing else problem.strerror,
            next_step="unpack the data set's release there",
        ) from None
    if not names:
        raise DataError("a folder of images is empty", where=path, expected=f"files that end in {' or '.join(IMAGES)}")
    return sorted(names)


def _visible(path: Path, entries: Iterator[os.DirEntry[str]]) -> Iterator[str]:
    for number, entry in enumerate(entries, 1):
        if number > MOST:
            raise DataError("a folder holds too many files", where=path, expected=f"up to {MOST:,}")
        if not entry.name.startswith(".") and entry.name.lower().endswith(IMAGES) and entry.is_file():
            yield entry.name


def labelled(root: Path, folder: str, pattern: re.Pattern[str], example: str) -> list[re.Match[str]]:
    """Return the match of each image's name, in alphabetical order.

    Raises:
        DataError: as ``images_in``, or a name is of another form.
    """
    matches, others = [], []
    for name in images_in(root, folder):
        match = pattern.fullmatch(name)
        if match is None:
            others.append(name)
        else:
            matches.append(match)
    if others:
        raise DataError(
            f"{len(others)} images have names of another form",
            where=root / folder,
            found=first_of(map(quote, others)),
            expected=f"names like {example}",
            next_step="move these files elsewhere, or name the folder of the data set's own release",
        )
    return matches
