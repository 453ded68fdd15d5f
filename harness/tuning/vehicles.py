"""The training vehicles that settings are chosen on, as queries and gallery by the rule of a task."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.data.dataset import Dataset
from harness.data.images import NOBODY, UNKNOWN, ImageTable
from harness.errors import DataError
from harness.postprocessing.tuned import HeldOutVehicles
from harness.tasks.draws import one_of_each
from harness.tasks.fingerprint import dataset_digest
from harness.tasks.rules import relevance
from harness.tasks.task import Ignored, Rule, Task
from harness.training.prepare import hold_out_vehicles

NAME = "held-out"


@dataclass(frozen=True, eq=False)
class Selected:
    """Training vehicles, and how they were selected.

    Attributes:
        table: their images.
        split: the split that these are from.
        how: how the vehicles were selected, in words.
        seen: ``no``, ``yes`` or ``unknown``: whether the weights were trained with them.
    """

    table: ImageTable
    split: str
    how: str
    seen: str


def share_of(dataset: Dataset, split: str, share: float, seed: int, *, seen: str) -> Selected:
    """Return a seeded share of the vehicles of a split.

    Raises:
        DataError: the split has no images or fewer than four vehicles.
    """
    held = hold_out_vehicles(_known(dataset.split(split)), share, seed)[1]
    if held is None:
        raise DataError(
            f"the split '{split}' has too few vehicles to choose settings on",
            where=dataset.root,
            found=f"{len(np.unique(_known(dataset.split(split)).vehicle))} vehicles",
            expected="at least four",
        )
    return Selected(held.gallery, split, f"{share:g} of the vehicles of '{split}', drawn with seed {seed}", seen)


def as_task(selected: Selected, task: Task, dataset: Dataset, seed: int) -> tuple[Task, Dataset, HeldOutVehicles]:
    """Return selected vehicles as a task by the rule of another, the lists of this task, and what a file says of them.

    A query is one image of each vehicle and camera; of each vehicle, if a camera is unknown. It is in the gallery too
    if the queries of the other task are in theirs.

    Args:
        selected: the vehicles.
        task: the task whose rule holds.
        dataset: with the lists of that task, if it has them.
        seed: of the draw of the queries.

    Raises:
        DataError: no query has a positive.
    """
    table = selected.table
    cameras = table.camera is not None and bool((table.camera != UNKNOWN).all())
    drawn = _one_of_each(table, seed, cameras=cameras)
    both = _queries_in_gallery(task, dataset)
    rest = table if both else table.take(np.setdiff1d(np.arange(len(table)), drawn))
    splits = {"query": table.take(drawn), "gallery": rest}
    held = replace(dataset, splits=splits, unavailable={})
    tracks = task.rule.unit == "track" and rest.track is not None and bool((rest.track != UNKNOWN).all())
    ignore = tuple(word for word in task.rule.ignore if cameras or "camera" not in word)
    if both and not any("camera" in word for word in ignore):
        ignore = _with_image(ignore)
    rule = Rule(unit="track" if tracks else "image", ignore=ignore, unanswered="left out")
    made = Task(NAME, rule, task.measures)
    answered = int((relevance(made, held).positives.sizes > 0).sum()) if len(rest) else 0
    if not answered:
        raise DataError(
            "no query of the held-out vehicles has a right answer",
            where=dataset.root,
            found=f"{len(np.unique(table.vehicle))} vehicles, {len(drawn)} queries",
            expected="vehicles seen by two cameras, or by one where the rule ignores none",
            next_step="hold out more vehicles with --hold-out",
        )
    about = HeldOutVehicles(
        split=selected.split,
        vehicles=len(np.unique(table.vehicle)),
        queries=len(drawn),
        gallery=len(rest),
        rule=_words(rule, cameras=cameras, both=both),
        how=selected.how,
        seen=selected.seen,  # type: ignore[arg-type]  # pydantic checks the word
        digest=dataset_digest(held, ("query", "gallery")),
    )
    return made, held, about


def _known(table: ImageTable) -> ImageTable:
    """Return the images of known vehicles."""
    return table.take((table.vehicle != UNKNOWN) & (table.vehicle < NOBODY))


def _one_of_each(table: ImageTable, seed: int, *, cameras: bool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of one image for each vehicle, and camera if these are known."""
    group = table.vehicle
    if cameras and table.camera is not None:
        pairs = np.stack([table.vehicle, table.camera], axis=1)
        group = np.unique(pairs, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return one_of_each(replace(table, vehicle=group), range(seed, seed + 1))[0]


def _queries_in_gallery(task: Task, dataset: Dataset) -> bool:
    """Return whether the queries of a task are in its gallery."""
    if task.query not in dataset.splits or task.gallery not in dataset.splits:
        return False
    return not {*dataset.split(task.query).paths}.isdisjoint(dataset.split(task.gallery).paths)


def _with_image(ignore: tuple[Ignored, ...]) -> tuple[Ignored, ...]:
    return ignore if "same image" in ignore else (*ignore, "same image")


def _words(rule: Rule, *, cameras: bool, both: bool) -> str:
    drawn = "one image of each vehicle and camera" if cameras else "one image of each vehicle"
    ranked = f"{rule.unit}s of {'all images' if both else 'the others'}"
    ignored = " and ".join(rule.ignore) or "nothing"
    return f"queries: {drawn}; gallery: {ranked}; ignored: {ignored}"
