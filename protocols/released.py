"""Reading that the released data sets have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.data.images import UNKNOWN, ImageTable
from harness.data.lists import (
    Problems,
    Row,
    parse,
    refuse_duplicates,
    refuse_shared_images,
    refuse_shared_vehicles,
)
from harness.errors import DataError

KINDS = ("parts", "regions")


def boxes_in(root: Path) -> dict[str, Path]:
    """Return the COCO files ``boxes/parts.json`` and ``boxes/regions.json`` that exist, by their kind.

    They are put beside the lists; no release includes them.
    """
    files = {kind: root / "boxes" / f"{kind}.json" for kind in KINDS}
    return {kind: path for kind, path in files.items() if path.is_file()}


def odd_names(names: Iterable[str], form: re.Pattern[str], example: str, where: str) -> tuple[str, ...]:
    """Return a sentence on the names that the release cannot have, such as those that lost their zeros, if there are.

    Such a list can have the released counts, and draws and fingerprints that are not the release's.
    """
    odd = [name for name in names if not form.fullmatch(name)]
    if not odd:
        return ()
    return (f"{where}: {len(odd)} names, the first {odd[0]}, are not of the release's form {example}",)


def read_rows(path: Path, line: re.Pattern[str], example: str, problems: Problems) -> list[Row]:
    """Return the fields of each line of a list; a line of another form and an image named again become problems."""
    rows = parse(path, line, example, problems)
    refuse_duplicates(path, rows, 0, problems)
    return rows


def check_training(root: Path, splits: Mapping[str, ImageTable], file: str) -> list[str]:
    """Return a note if there are no training images, whose list is called ``file``.

    Raises:
        DataError: a vehicle is in training and test.
    """
    if "train" not in splits:
        return [f"{file} is missing: nothing can be trained on this copy"]
    test = [table.vehicle for split, table in splits.items() if split != "train"]
    refuse_shared_vehicles(root, splits["train"].vehicle, np.concatenate([np.zeros(0, np.int64), *test]))
    return []


def missing_lists(
    where: Path, lists: Mapping[str, Sequence[str]], splits: Mapping[str, ImageTable], files: Mapping[str, str]
) -> dict[str, DataError]:
    """Return the error of each task whose lists are not all there.

    Args:
        where: the folder of the lists.
        lists: the splits of each task.
        splits: those that were read.
        files: the name of each split's list.
    """
    lost = {}
    for task, wanted in lists.items():
        missing = [files[split] for split in wanted if split not in splits]
        if missing:
            lost[task] = DataError(
                f"the lists of '{task}' are missing",
                where=where,
                found=f"no {' and no '.join(missing)}",
                next_step="copy them from the data set's release",
            )
    return lost


def refuse_shared_queries(root: Path, lists: Mapping[str, Sequence[str]], splits: Mapping[str, ImageTable]) -> None:
    """Raise a DataError if an image is among the queries and in the gallery of a task whose two lists were read."""
    for query, gallery in lists.values():
        if query in splits and gallery in splits:
            refuse_shared_images(root, query, splits[query], gallery, splits[gallery])


def seconds_of(*parts: str) -> int:
    """Return year, month, day, hour, minute and second as seconds since 1970, without a time zone.

    Returns:
        ``UNKNOWN`` if there is no such time.
    """
    year, *rest = parts
    month, day, hour, minute, second = (f"{int(part):02}" for part in rest)
    try:
        return int(np.datetime64(f"{year}-{month}-{day}T{hour}:{minute}:{second}", "s").astype(np.int64))
    except ValueError:
        return UNKNOWN


def middles(table: ImageTable) -> ImageTable:
    """Return one image of each vehicle and camera: of its n images by time and path, number n // 2 from 0.

    Without times the order is that of the paths, without cameras all images of a vehicle are one group.
    """
    cameras = np.zeros_like(table.vehicle) if table.camera is None else table.camera
    times = np.zeros_like(table.vehicle) if table.time is None else table.time
    groups: dict[tuple[int, int], list[int]] = {}
    for row in sorted(range(len(table)), key=lambda row: (int(times[row]), table.paths[row])):
        groups.setdefault((int(table.vehicle[row]), int(cameras[row])), []).append(row)
    return table.take(np.array([rows[len(rows) // 2] for _, rows in sorted(groups.items())], dtype=np.int64))
