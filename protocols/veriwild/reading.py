"""Reading VERI-Wild's lists of 2019 and of 2020: the images of each split, and their cameras."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.data.lists import Problems, numbers, quote, read_lines, release_folder
from harness.errors import DataError
from protocols.released import boxes_in, check_training, missing_lists, odd_names, read_rows, refuse_shared_queries
from protocols.veriwild.info import FILE, Info, read_cameras, read_info

FOLDER = "train_test_split"
NAME = re.compile(r"images/[0-9]{5}/[0-9]{6}\.jpg")
SIZES = {"small": 3000, "medium": 5000, "large": 10000}
LISTS = {task: (f"{task}-query", f"{task}-gallery") for task in SIZES}
"""The splits of each task."""


@dataclass(frozen=True)
class Generation:
    """The file names and the line format of the lists of one year.

    Attributes:
        name: for people.
        line: its groups are image, vehicle as written and camera; the last two are empty if a line has none.
        example: a valid line.
        files: by split.
    """

    name: str
    line: re.Pattern[str]
    example: str
    files: dict[str, str]


def _files(train: str, gallery: str, query: str) -> dict[str, str]:
    tests = {
        f"{task}-{side}": pattern.format(size)
        for task, size in SIZES.items()
        for side, pattern in (("query", query), ("gallery", gallery))
    }
    return {"train": train, **tests}


GENERATIONS = (
    Generation(
        "lists of 2019",
        re.compile(r"([0-9]{1,9}/[0-9]{1,12})(?:\.jpg)?()()"),
        "05638/058597",
        _files("train_list.txt", "test_{}.txt", "test_{}_query.txt"),
    ),
    Generation(
        "lists of 2020",
        re.compile(r"([0-9]{1,9}/[0-9]{1,12})\.jpg[ \t]+([0-9]{1,9})[ \t]+([0-9]{1,9})"),
        "31388/321972.jpg 31388 61",
        _files("train_list_start0.txt", "test_{}_id.txt", "test_{}_id_query.txt"),
    ),
)


def read(root: Path, tasks: Collection[str] | None = None) -> Dataset:
    """Return the data set in a folder or below it; a list that is missing makes its task unavailable.

    If a copy has the lists of both years, those with cameras are read: the lists of 2019 if ``vehicle_info.txt``
    exists, otherwise those of 2020.

    Args:
        root: the folder.
        tasks: those whose lists are to be read, with no label but the camera; None reads everything there is.

    Returns:
        The splits ``train``, ``small-query``, ``small-gallery`` and so on whose lists exist.

    Raises:
        DataError: there is no list, a line is malformed, or splits share images or vehicles.
    """
    every = [file for generation in GENERATIONS for file in generation.files.values()]
    root = release_folder(root, [*(f"{FOLDER}/{file}" for file in every), *every])
    problems = Problems(root)
    notes: list[str] = []
    info_file = _find(root, FILE)
    short = [path for path in (_find(root, file) for file in _info_files()) if path is not None]
    generation = _choose(root, with_info=bool(info_file or short))
    info = None
    if tasks is None and (info_file or short):
        info = read_info(info_file, short, problems, notes)
    elif generation is GENERATIONS[0] and (info_file or short):
        info = read_cameras(info_file, short, problems)
    lists = {task: splits for task, splits in LISTS.items() if tasks is None or task in tasks}
    wanted = {"train"} if tasks is None else set()
    wanted.update(*lists.values())
    splits: dict[str, ImageTable] = {}
    for split, file in generation.files.items():
        path = _find(root, file)
        if path is not None and split in wanted:
            splits[split] = _read_list(path, generation, info, problems, notes)
    problems.check()
    unavailable = missing_lists(root / FOLDER, lists, splits, generation.files)
    if tasks is None:
        notes += check_training(root, splits, generation.files["train"])
    if info_file is None and short:
        notes.append(f"{FILE} is missing: cameras and labels are those of {', '.join(path.name for path in short)}")
    departures = {
        split: odd_names(table.paths, NAME, "images/05638/058597.jpg", generation.files[split])
        for split, table in splits.items()
    }
    if not (info_file or short):
        notes.append(f"{FILE} is missing: no image has a model, a type or a colour")
    if any(table.camera is None for table in splits.values()):
        notes.append("no list names the cameras: the camera rule cannot be applied")
    refuse_shared_queries(root, LISTS, splits)
    return Dataset(
        root, splits, unavailable, tuple(notes), boxes_in(root), release=generation.name, departures=departures
    )


def _info_files() -> list[str]:
    """Return the names of the files that label the images of single lists of 2019."""
    return [f"{Path(file).stem}_info.txt" for split, file in GENERATIONS[0].files.items() if split != "train"]


def _find(root: Path, file: str) -> Path | None:
    """Return the path of a list, in the folder of lists or beside it; None if it is missing."""
    return next((path for path in (root / FOLDER / file, root / file) if path.exists()), None)


def _choose(root: Path, *, with_info: bool) -> Generation:
    """Return the generation that a copy has; of both, the one with cameras."""
    there = [
        generation
        for generation in GENERATIONS
        if any(_find(root, file) for split, file in generation.files.items() if split != "train")
    ]
    if len(there) == len(GENERATIONS):
        return GENERATIONS[0] if with_info else GENERATIONS[1]
    if there:
        return there[0]
    return next(generation for generation in GENERATIONS if _find(root, generation.files["train"]))


def _refuse_other_generation(path: Path, generation: Generation) -> None:
    """Raise a DataError if the first line of a list is one of the other year's lists."""
    first = next(filter(None, read_lines(path)), "")
    other = next(one for one in GENERATIONS if one is not generation)
    if generation.line.fullmatch(first) is None and other.line.fullmatch(first) is not None:
        names = dict(zip(generation.files.values(), other.files.values(), strict=True))
        raise DataError(
            f"this is one of the {other.name} under the name of the {generation.name}",
            where=path,
            found=quote(first),
            expected=f"a line such as {quote(generation.example)}",
            next_step=f"give the lists the names of their own year: {path.name} is {names[path.name]}, and so on",
        )


def _read_list(
    path: Path, generation: Generation, info: Info | None, problems: Problems, notes: list[str]
) -> ImageTable:
    """Return the table of one list; the vehicle is always the image's folder."""
    _refuse_other_generation(path, generation)
    rows = read_rows(path, generation.line, generation.example, problems)
    images = [fields[0] for _, fields in rows]
    vehicle = numbers([image.partition("/")[0] for image in images])
    if generation is GENERATIONS[1] and path.name != generation.files["train"]:
        # The training list of 2020 counts its vehicles from 0; the others repeat the folder.
        differing = int((numbers([fields[1] for _, fields in rows]) != vehicle).sum())
        if differing:
            notes.append(
                f"{path.name}: {differing} lines name another vehicle than the image's folder; the folder's was used"
            )
    columns: dict[str, Any] = {}
    informed = None
    if info is not None:
        at = info.rows(images)
        informed = info.camera[at]
        columns = {"names": info.names, **{label: column[at] for label, column in info.columns.items()}}
    camera = _cameras(path, [fields[2] for _, fields in rows], informed, notes)
    return ImageTable(tuple([f"images/{image}.jpg" for image in images]), vehicle, camera, **columns)


def _cameras(path: Path, written: Sequence[str], informed: IntArray | None, notes: list[str]) -> IntArray | None:
    """Return the cameras of a list: its own, those of vehicle_info.txt, or None."""
    if not any(written):
        if informed is not None and (unknown := int((informed == UNKNOWN).sum())):
            notes.append(f"{unknown} images of {path.name} are in no file of cameras")
        return informed
    own = numbers(written)
    if informed is not None and (differing := int(((informed != own) & (informed != UNKNOWN)).sum())):
        notes.append(f"{path.name}: {differing} cameras differ from {FILE}; the list's were used")
    return own
