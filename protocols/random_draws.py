"""Data sets whose query and gallery are drawn from one list of images and vehicles: VehicleID and VRU."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.lists import Problems, numbers, refuse_shared_images, release_folder
from harness.errors import DataError
from harness.tasks.task import Convention, Draws, Rule, Task
from protocols.released import boxes_in, check_training, odd_names, read_rows

LINE = re.compile(r"([0-9]{1,12})[ \t]+([0-9]{1,9})")
EXAMPLE = "0279029 23781"
FOLDER = "train_test_split"
TRAIN = "train_list.txt"

CONVENTIONS = {
    "one-draw": Convention(
        "only the first of the ten draws",
        rule=Rule(draws=Draws("gallery", count=1)),
        source="public code that splits the list once",
    ),
    "reversed": Convention(
        "one random image of each vehicle is a query, and all others are the gallery",
        rule=Rule(draws=Draws("query")),
        source="public code that swapped query and gallery",
    ),
    "all-against-all": Convention(
        "every image is a query against all others",
        rule=Rule(ignore=("same image",)),
        source="public code that draws nothing",
    ),
}


def task(name: str, vehicles: int, *, images: int | None = None, source: str) -> Task:
    """Return the task of one test list and split; ``images`` is None if the released count is unknown."""
    released = {"gallery images": vehicles, "gallery units": vehicles, "vehicles": vehicles}
    if images is not None:
        released |= {"queries": images - vehicles, "positives": images - vehicles, "ignored": 0}
    return Task(
        name,
        Rule(draws=Draws("gallery", count=10, seed=0)),
        ("cmc@1", "cmc@5", "ap"),
        query=name,
        gallery=name,
        released=released,
        about=f"{vehicles:,} vehicles: one random image of each as the gallery, others as queries; mean of ten draws",
        source=source,
        conventions=CONVENTIONS,
    )


@dataclass(frozen=True)
class Layout:
    """How a data set of single lists is written.

    Attributes:
        lists: the file of each task's list.
        images: the folder of the images.
        form: that of the release's paths; lists with others are read, and are not official.
        example: a path of that form.
    """

    lists: Mapping[str, str]
    images: str
    form: re.Pattern[str]
    example: str


def read(root: Path, layout: Layout, tasks: Iterable[Task] | None = None) -> Dataset:
    """Return a data set of single lists; a list that is missing makes its task unavailable.

    Args:
        root: the folder of the lists' folder, or its parent.
        layout: how the data set is written.
        tasks: those whose lists are read; None for all lists, and for the training list.

    Raises:
        DataError: there is no list, a line is malformed, or training and test share a vehicle or an image.
    """
    files = {"train": TRAIN, **layout.lists}
    root = release_folder(root, [f"{FOLDER}/{file}" for file in files.values()])
    problems = Problems(root)
    wanted = files if tasks is None else {task.gallery: files[task.gallery] for task in tasks}
    paths = {split: root / FOLDER / file for split, file in wanted.items()}
    splits = {split: read_list(path, layout.images, problems) for split, path in paths.items() if path.exists()}
    problems.check()
    notes = check_training(root, splits, TRAIN) if tasks is None else []
    for split in layout.lists if "train" in splits else ():
        if split in splits:
            refuse_shared_images(root, "train", splits["train"], split, splits[split])
    unavailable = {
        split: DataError(
            f"the list of '{split}' is missing", where=paths[split], next_step="copy it from the data set's release"
        )
        for split in paths
        if split not in splits and split != "train"
    }
    departures = {
        split: odd_names(table.paths, layout.form, layout.example, files[split]) for split, table in splits.items()
    }
    return Dataset(root, splits, unavailable, tuple(notes), boxes_in(root), departures=departures)


def read_list(path: Path, images: str, problems: Problems) -> ImageTable:
    """Return the table of one list."""
    rows = [fields for _, fields in read_rows(path, LINE, EXAMPLE, problems)]
    return ImageTable(tuple(f"{images}/{fields[0]}.jpg" for fields in rows), numbers(fields[1] for fields in rows))
