"""Computing the positives and ignored units of each query from a task's rule and the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.errors import DataError, first_of
from harness.tasks.draws import one_of_each
from harness.tasks.relevance import Draw, Relevance, RowLists, matching
from harness.tasks.task import Draws, Task

ALL_RIGHT = "every gallery image that counts is right for every query, so any features get 100"


@dataclass(frozen=True, eq=False)
class _Units:
    """The units of a gallery: their number u, the unit of each image (g,) unless each is one, and (u,) labels."""

    count: int
    of_image: IntArray | None
    vehicle: IntArray
    camera: IntArray | None


def relevance(task: Task, dataset: Dataset) -> Relevance:
    """Return the positives and ignored units of every query of a task.

    Positives are the units of the query's vehicle that are not ignored. With ``same image``, a track that contains the
    query image is ignored as a whole.

    Memory grows with the number of pairs that share a vehicle (with ``same camera``: a camera), not with
    queries x gallery.

    Raises:
        DataError: the rule needs a missing split or unknown cameras or tracks; a track has several vehicles or cameras;
            or a vehicle to draw from has a single image.
    """
    refuse_unknown_labels(task, dataset)
    query, gallery = dataset.split(task.query), dataset.split(task.gallery)
    units = _units(task, gallery, dataset)
    same_vehicle = matching(query.vehicle, units.vehicle)
    out = _ignored_mask(task, query, gallery, units, same_vehicle)
    ignored = same_vehicle.where(out)
    if "same camera" in task.rule.ignore and query.camera is not None and units.camera is not None:
        ignored = ignored.union(matching(query.camera, units.camera), units.count)
    return Relevance(
        queries=len(query),
        units=units.count,
        positives=same_vehicle.where(~out),
        ignored=ignored,
        unit_of=units.of_image,
        reduce=task.rule.reduce,
        draws=() if task.rule.draws is None else _draws(task, task.rule.draws, dataset),
    )


def all_right(found: Relevance) -> bool:
    """Return whether every unit that counts is right, for all queries that have one: any features get 100."""
    answered = found.positives.sizes > 0
    counted = found.positives.sizes + found.ignored.sizes
    return bool(answered.any() and (counted[answered] == found.units).all())


def refuse_unknown_labels(task: Task, dataset: Dataset) -> None:
    """Raise a DataError if a split has no images, or cameras or tracks that the rule needs are unknown."""
    for split in dict.fromkeys((task.query, task.gallery)):
        if not len(dataset.split(split)):
            raise DataError(f"the split '{split}' has no images", where=dataset.root)
        if any("camera" in ignored for ignored in task.rule.ignore):
            _refuse_unknown(dataset, split, "camera", f"the rule of '{task.name}' ignores by camera")
    if task.rule.unit == "track":
        _refuse_unknown(dataset, task.gallery, "track", f"'{task.name}' ranks tracks")


def _refuse_unknown(dataset: Dataset, split: str, label: str, why: str) -> None:
    column = dataset.split(split).label(label)
    unknown = len(dataset.split(split)) if column is None else int((column == UNKNOWN).sum())
    if unknown:
        raise DataError(
            f"{why}, and {label}s are unknown",
            where=dataset.root,
            found=f"{unknown} images of '{split}' without a {label}",
            expected=f"a {label} for every image",
            next_step=f"add the list that contains them, or use a task or convention without {label}s",
        )


def _units(task: Task, gallery: ImageTable, dataset: Dataset) -> _Units:
    """Return the gallery's units, in the order of the images or of the track numbers."""
    camera = gallery.camera if any("camera" in ignored for ignored in task.rule.ignore) else None
    if task.rule.unit == "image" or gallery.track is None:
        return _Units(len(gallery), None, gallery.vehicle, camera)
    tracks, first, of_image = np.unique(gallery.track, return_index=True, return_inverse=True)
    for label, column in (("vehicle", gallery.vehicle), ("camera", camera)):
        if column is not None:
            mixed = np.unique(of_image[column[first][of_image] != column])
            if len(mixed):
                raise DataError(
                    f"{len(mixed)} tracks have more than one {label}",
                    where=dataset.root,
                    found=f"tracks {first_of(_named(gallery, 'track', tracks[mixed]))}",
                    expected=f"one {label} a track",
                )
    return _Units(
        len(tracks), of_image.astype(np.int64), gallery.vehicle[first], None if camera is None else camera[first]
    )


def _named(table: ImageTable, label: str, values: IntArray) -> list[object]:
    """Return the texts of a label's values, or the values themselves where these are what the data set says."""
    names = table.names.get(label, {})
    return [names.get(value, value) for value in values.tolist()]


def _ignored_mask(
    task: Task, query: ImageTable, gallery: ImageTable, units: _Units, pairs: RowLists
) -> npt.NDArray[np.bool_]:
    """Return the mask of ignored pairs among those of the same vehicle, (pairs,) bool."""
    sizes = pairs.sizes
    out = np.zeros(len(pairs.units), dtype=np.bool_)
    if query.camera is not None and units.camera is not None:
        out |= np.repeat(query.camera, sizes) == units.camera[pairs.units]
    if "same image" in task.rule.ignore:
        row_of = {path: row for row, path in enumerate(gallery.paths)}
        own = np.array([row_of.get(path, -1) for path in query.paths], dtype=np.int64)
        if units.of_image is not None:
            own = np.where(own < 0, own, units.of_image[own])
        out |= np.repeat(own, sizes) == pairs.units
    return out


def _draws(task: Task, draws: Draws, dataset: Dataset) -> tuple[Draw, ...]:
    table = dataset.split(task.gallery)
    if task.query != task.gallery or task.rule.unit != "image":
        raise DataError(f"'{task.name}' has draws, which need single images of one split", where=dataset.root)
    vehicles, sizes = np.unique(table.vehicle, return_counts=True)
    if (sizes < 2).any():
        single = vehicles[sizes < 2]
        raise DataError(
            f"{len(single)} vehicles have one image only, which cannot be both query and gallery",
            where=dataset.root,
            found=f"vehicles {first_of(_named(table, 'vehicle', single))}",
            expected="at least two images of each vehicle",
        )
    made = []
    for drawn in one_of_each(table, range(draws.seed, draws.seed + draws.count)):
        others = np.delete(np.arange(len(table)), drawn)
        made.append(Draw(others, drawn) if draws.drawn == "gallery" else Draw(drawn, others))
    return tuple(made)
