"""Boxes in a folder of text files: one file per image, one line ``label score xmin ymin xmax ymax`` per box."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath

from harness.basics.reading import read_whole
from harness.boxes.value import LAST_LABEL, Boxes, Collected, refuse_shares, wrong_box
from harness.data.encoding import to_utf8
from harness.errors import DataError, first_of

ENDING = ".txt"

MAX_BYTES = 1 << 20
"""Size limit of an image's file; one of 10,000 boxes has half of it."""


def read_lines(
    folder: Path, names: Mapping[int, str], keys: Collection[str], size_of: Callable[[str], tuple[float, float]]
) -> Boxes:
    """Read a folder of text files.

    Each file has the path of its image with the suffix ``.txt``: ``image_train/0001_c1.txt``. A label is the name of a
    class, which may contain spaces, or its number; the corners are in pixels of the image file. An image without a file
    is not annotated; an empty file means that the image shows no part.

    Raises:
        DataError: a file belongs to no image or cannot be read, or a line is invalid.
    """
    key_of = {str(PurePosixPath(key).with_suffix(ENDING)): key for key in keys}
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob(f"*{ENDING}"))}
    unmatched = [name for name in files if name not in key_of]
    if unmatched or not files:
        raise DataError(
            f"{len(unmatched)} files of boxes belong to no image" if files else "the folder has no boxes",
            where=folder,
            found=first_of(unmatched) or None,
            expected=f"files named like the images: {first_of(sorted(key_of), 2)}",
        )
    number_of = {name: number for number, name in names.items()}
    collected = Collected(folder, names)
    corners: list[float] = []
    for name, path in files.items():
        rows = [
            (f"{name}, line {number}", _row(path, f"{name}, line {number}", line, number_of))
            for number, line in enumerate(_text(path).splitlines(), 1)
            if line.strip()
        ]
        collected.add(key_of[name], size_of(key_of[name]), rows)
        corners += [side for _, row in rows for side in row[2:]]
    refuse_shares(folder, corners)
    return collected.boxes()


def _text(path: Path) -> str:
    return to_utf8(path, read_whole(path, MAX_BYTES, "the file of boxes"), kind="file of boxes").decode()


def _row(path: Path, name: str, line: str, number_of: Mapping[str, int]) -> list[float]:
    label, *numbers = line.strip().rsplit(maxsplit=5)
    label = " ".join(label.split())
    try:
        found = [float(number) for number in numbers]
        number = number_of[label] if label in number_of else int(label)
    except ValueError:
        found, number = [], 0
    if len(found) != 5 or not 0 <= number <= LAST_LABEL:
        expected = f"label score xmin ymin xmax ymax, with one of the labels {first_of(number_of, 20)} or its number"
        if len(found) == 4 and all(0 <= share <= 1 for share in found):
            expected += "; in YOLO's form the numbers are centre and size, as shares of the image: give them in pixels"
        raise wrong_box(path, name, line[:200], expected)
    return [number, *found]
