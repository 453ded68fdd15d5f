"""Boxes in a folder of NumPy files: PGAN's released masks, one file per image with the cells of each part."""

from __future__ import annotations

import logging
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tokenize import TokenError

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from harness.basics.reading import check_regular
from harness.boxes.value import Boxes, Collected, wrong_box
from harness.data.part_classes import NO_CLASS
from harness.errors import DataError, first_of

log = logging.getLogger("bench")

ENDING = ".npy"

CELLS = 14
"""Rows, and columns, of a mask: those of PGAN's map at 224 pixels."""

MOST = 10_000
"""Largest number of masks in a file; SSD300 looks at 8,732 places."""

_UNREADABLE = (
    OSError, ValueError, TypeError, SyntaxError, TokenError, ArithmeticError, MemoryError, RecursionError,
)  # fmt: skip
"""What NumPy raises for files and headers that it did not write."""

Index = Mapping[str, Sequence[str]]
"""The keys of a split by the name of their file without its suffix."""


def read_masks(folder: Path, splits: Iterable[Iterable[str]]) -> Boxes:
    """Read a folder of masks, those of an image by rising certainty; a mask is a rectangle of cells over its image.

    A file has the path of its image with the suffix ``.npy``, or the end of that path: ``image_train/0001_c1.npy``, or
    ``0001_c1.npy`` if no other image of a split has that name; images of several splits may share it. An image without
    a file is not annotated. A file of no image is left out, and the log counts such files: the release may cover images
    that are in no split.

    Mask i of K, counted from 0, becomes a box without a class and with the score (i + 1) / K. A mask without a cell
    becomes no box, so the next surest takes its place among PGAN's D parts; the log counts such masks.

    Args:
        folder: with files at any depth.
        splits: the keys of each split.

    Raises:
        DataError: no file belongs to an image, a name fits several images of a split, or a file holds no masks.
    """
    indexes = [_index(keys) for keys in splits]
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob(f"*{ENDING}"))}
    keys_of = {name: _keys(folder, name, indexes) for name in files}
    unmatched = [name for name, keys in keys_of.items() if not keys]
    if len(unmatched) == len(files):
        raise DataError(
            f"none of the {len(files)} files of masks belongs to an image"
            if len(files) > 1
            else "the only file of masks belongs to no image",
            where=folder,
            found=first_of(unmatched, 3) or None,
            expected=f"files named like the images: {first_of(_examples(indexes), 2)}",
        )
    if unmatched:
        log.warning("masks: files of no image left out: %d: %s", len(unmatched), first_of(unmatched, 3))
    collected, empty = Collected(folder, {0: NO_CLASS}), 0
    for name, keys in keys_of.items():
        if keys:
            masks = _masks(files[name])
            rows = _rows(files[name], masks)
            empty += len(masks) - len(rows)
            for key in keys:
                collected.add(key, (CELLS, CELLS), rows)
    if empty:
        log.info("masks: masks without a cell left out: %d", empty)
    return collected.boxes()


def _index(keys: Iterable[str]) -> Index:
    index: dict[str, list[str]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        index[PurePosixPath(key).stem].append(key)
    return index


def _examples(indexes: Sequence[Index]) -> list[str]:
    return sorted({keys[0] for index in indexes for keys in index.values()})


def _keys(folder: Path, name: str, indexes: Sequence[Index]) -> list[str]:
    """Return the keys of the images whose path is that of a file of masks, or if there are none, ends with it."""
    path = PurePosixPath(name).with_suffix("")
    found: dict[str, bool] = {}
    for index in indexes:
        whole = {key: PurePosixPath(key).with_suffix("") for key in index.get(path.name, ())}
        same = [key for key, image in whole.items() if image == path]
        fitting = same or [key for key, image in whole.items() if image.parts[-len(path.parts) :] == path.parts]
        if len(fitting) > 1:
            raise DataError(
                "these masks could be those of several images",
                where=folder / name,
                found=first_of(fitting, 3),
                expected=f"the path of one image, such as {whole[fitting[0]]}{ENDING}",
                next_step="put the files of masks into folders like those of the images",
            )
        found.update(dict.fromkeys(fitting, bool(same)))
    return sorted(key for key, same in found.items() if same or not any(found.values()))


def _masks(path: Path) -> npt.NDArray[np.bool_]:
    """Return the masks of a file, (k, 14, 14), without running anything or reserving memory that the header asks for.

    Raises:
        DataError: the file is no array of masks.
    """
    expected = f"(K, {CELLS}, {CELLS}) numbers of 0 and 1, with K up to {MOST}"
    check_regular(path, "the file of masks")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote, and of those that nothing wrote
            array = open_memmap(path, mode="r")  # refuses Python objects, and a file shorter than its header says
    except _UNREADABLE as problem:
        found = getattr(problem, "strerror", None) or str(problem).partition("\n")[0][:200]
        raise DataError("the masks cannot be read", where=path, found=found, expected=expected) from None
    if array.shape[1:] != (CELLS, CELLS) or len(array) > MOST or array.dtype.kind not in "biuf":
        raise DataError("these are no masks", where=path, found=f"{array.shape} of {array.dtype}", expected=expected)
    masks: npt.NDArray[np.bool_] = np.array(array == 1)
    wrong = ~(masks | (array == 0))
    if wrong.any():
        mask, row, column = np.argwhere(wrong)[0].tolist()
        found = f"{array[mask, row, column]} in row {row} and column {column}, counted from 0"
        raise wrong_box(path, f"mask {mask}", found, "0 and 1 only")
    return masks


def _rows(path: Path, masks: npt.NDArray[np.bool_]) -> list[tuple[str, list[float]]]:
    """Return the box of each mask that has a cell, with corners in cells, as ``Collected.add`` takes them.

    Raises:
        DataError: the cells of a mask are no rectangle.
    """
    rows = []
    for mask, cells in enumerate(masks):
        if not cells.any():
            continue
        (x0, x1), (y0, y1) = _ends(cells, 0), _ends(cells, 1)
        if not cells[y0:y1, x0:x1].all():
            found = f"{cells.sum()} cells in rows {y0} to {y1 - 1} and columns {x0} to {x1 - 1}"
            raise wrong_box(path, f"mask {mask}", found, "a full rectangle of cells, or none")
        rows.append((f"mask {mask}", [0.0, (mask + 1) / len(masks), *map(float, (x0, y0, x1, y1))]))
    return rows


def _ends(cells: npt.NDArray[np.bool_], axis: int) -> tuple[int, int]:
    """Return the first place along the other axis that has a cell, and the one after the last."""
    places = np.flatnonzero(cells.any(axis))
    return int(places[0]), int(places[-1]) + 1
