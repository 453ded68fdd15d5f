"""The images below a folder, and the sub-folders that divide them into splits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.columns import split_word
from harness.data.lists import leads_out
from harness.errors import DataError, first_of

FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
"""The endings of images, and their formats as Pillow names them."""

LEFTOVERS = {"__macosx", "@eadir", "$recycle.bin"}
"""Folders that operating systems leave behind, in lower case; names that begin with a dot are skipped too."""


@dataclass(frozen=True)
class Images:
    """The image files below a folder.

    Attributes:
        keys: their paths relative to it, with forward slashes, sorted.
        formats: their formats, as Pillow names them.
        notes: one sentence for each kind of file that was left out.
    """

    keys: tuple[str, ...]
    formats: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    """An image, the split of its folder (empty without one) and its path below that folder."""

    key: str
    split: str
    inner: str


def images_below(root: Path) -> Images:
    """Return the images below a folder; links to other folders are not followed.

    Raises:
        DataError: it is not a folder, or has no images.
    """
    if not root.is_dir():
        raise DataError("the folder is missing", where=root)
    keys: list[str] = []
    unreadable: list[str] = []
    odd: list[str] = []
    for key in _files(root, unreadable):
        if key.encode("utf-8", "surrogateescape") != key.encode("utf-8", "replace") or leads_out(key):
            odd.append(repr(key)[1:-1])
        else:
            keys.append(key)
    notes = []
    if odd:
        notes.append(
            f"{len(odd)} images are left out, since their names are not UTF-8 or cannot be used on every system: "
            f"{first_of(sorted(odd), 3)}"
        )
    if unreadable:
        notes.append(f"{len(unreadable)} folders cannot be read: {first_of(unreadable, 3)}")
    inside = [] if unreadable else root.iterdir()
    linked = sorted(repr(path.name)[1:-1] for path in inside if path.is_symlink() and path.is_dir())
    if linked:
        notes.append(
            f"links to folders are not followed: {first_of(linked, 3)}; if their images are yours, give a table of "
            "them with --table, and write follow_links = true in the protocol's file"
        )
    if not keys:
        raise DataError(
            "the folder has no images",
            where=root,
            found="; ".join(notes) or None,
            expected=f"files that end in {', '.join(FORMATS)}",
        )
    formats = {FORMATS[_ending(key)] for key in keys}
    return Images(tuple(sorted(keys)), tuple(sorted({"JPEG", "PNG"} | formats)), tuple(notes))


def _files(root: Path, unreadable: list[str]) -> Iterator[str]:
    for folder, inner, files in os.walk(root, onerror=lambda problem: unreadable.append(str(problem.filename))):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name.lower() not in LEFTOVERS)
        prefix = "" if Path(folder) == root else Path(folder).relative_to(root).as_posix() + "/"
        for name in files:
            if not name.startswith(".") and _ending(name) in FORMATS:
                yield prefix + name


def _ending(name: str) -> str:
    """Return the ending of a file's name in lower case, with its dot."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def place(keys: Sequence[str]) -> tuple[list[Placed], list[str]]:
    """Return the images with the splits of their folders, and the images outside of all splits, to be left out.

    The first folder of a path that is named like a split gives it. Without such folders all images are placed, below
    the deepest folder that they share.
    """
    found = [_place(key) for key in keys]
    if any(one.split for one in found):
        return [one for one in found if one.split], [one.key for one in found if not one.split]
    folder = os.path.commonpath([f"/{key}" for key in keys]) if len(keys) > 1 else "/"
    return [Placed(key, "", key[len(f"{folder}/".lstrip("/")) :]) for key in keys], []


def _place(key: str) -> Placed:
    folders = key.split("/")
    for depth, folder in enumerate(folders[:-1]):
        split = split_word(folder)
        if split:
            return Placed(key, split, "/".join(folders[depth + 1 :]))
    return Placed(key, "", key)
