"""The groupings of a report: by cameras, colour, type, number of right answers, image size and near-duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.images import UNKNOWN, ImageTable, IntArray
from leaderboard.report.labels import Twins, Units
from leaderboard.report.slices import Positives, Slice, slices

GROUPS = 4
"""Groups of a number, such as the image size, that takes many values."""

MOST_PAIRS = 400
"""Pairs of cameras that get a slice, as many as 20 cameras have; the rest, with fewer right answers, share one."""

MOST_CAMERAS = 40
"""Cameras that a heat map shows; one of more could not be read."""

REST = "all other pairs"


@dataclass(frozen=True)
class Grouping:
    """One way to divide the queries or the right answers.

    Attributes:
        title: in words.
        about: what belongs to a slice, in one sentence; empty if the title says it.
        slices: the slices.
    """

    title: str
    about: str
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class HeatCell:
    """One cell of the heat map: the rows are the queries' cameras, the columns the right answers'."""

    row: int
    column: int
    value: float


@dataclass(frozen=True)
class HeatMap:
    """The mAP of each pair of cameras.

    Attributes:
        rows: the names of the queries' cameras.
        columns: the names of the right answers' cameras.
        cells: those with a right answer; values from 0 to 1.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[HeatCell, ...]


def groupings(
    positives: Positives, query: ImageTable, units: Units, *, sides: IntArray | None, twins: Twins
) -> tuple[list[Grouping], HeatMap | None]:
    """Return all groupings that the data set has labels for, and the heat map of pairs of cameras.

    Args:
        positives: of all queries.
        query: the table of the queries.
        units: the units of the gallery.
        sides: (q,) the side of each query's image in pixels, or None if no image is there.
        twins: near-duplicate vehicles.
    """
    found: list[Grouping] = []
    heat = None
    if query.camera is not None and units.camera is not None:
        found += _by_camera(positives, query.camera, units.camera, query.names.get("camera", {}))
        heat = _heat_map(positives, query.camera, units.camera, query.names.get("camera", {}))
    for label, title in (("colour", "Colour"), ("type", "Type")):
        column = query.label(label)
        if column is not None and (column != UNKNOWN).any():
            found.append(_by_label(positives, title, column, query.names.get(label, {})))
    found.append(_by_number(positives, "Number of right answers", _spread(positives), "", len(query)))
    if sides is not None and (sides != UNKNOWN).any():
        about = "The side, in pixels, of a square as large as the query's image."
        found.append(_by_number(positives, "Size of the query's image", sides, about, len(query)))
    if twins:
        twin = np.array([vehicle in twins for vehicle in query.vehicle.tolist()], dtype=np.int64)
        names = ["vehicles without a near-duplicate", "vehicles with a near-duplicate"]
        found.append(Grouping("Near-duplicates", "", tuple(slices(positives, twin[positives.query], names))))
    return found, heat


def _by_camera(positives: Positives, asking: IntArray, answering: IntArray, names: Mapping[int, str]) -> list[Grouping]:
    """Return the groupings within and across cameras, and by pair."""
    pairs = np.stack([asking[positives.query], answering[positives.unit]])
    known = (pairs != UNKNOWN).all(axis=0)
    crossing = np.where(known, (pairs[0] != pairs[1]).astype(np.int64), 2)
    sides = slices(positives, crossing, ["within one camera", "across cameras", "a camera is unknown"])
    each, pair, count = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    pair = pair.reshape(-1)
    titles = [f"{_name(one, names)} → {_name(other, names)}" for one, other in each.T.tolist()]
    if len(titles) > MOST_PAIRS:
        kept = np.argsort(-count, kind="stable")[: MOST_PAIRS - 1]
        place = np.full(len(titles), MOST_PAIRS - 1)
        kept = np.sort(kept)
        place[kept] = np.arange(len(kept))
        pair, titles = place[pair], [*(titles[number] for number in kept), REST]
    about = (
        "A right answer belongs to the camera of the query and its own camera; for CMC@1, a query belongs to the pair "
        "of its nearest right answer."
    )
    return [
        Grouping("Within and across cameras", about, tuple(sides)),
        Grouping("Pair of cameras", about, tuple(slices(positives, pair, titles))),
    ]


def _heat_map(positives: Positives, asking: IntArray, answering: IntArray, names: Mapping[int, str]) -> HeatMap | None:
    """Return the heat map, or None with a single pair or too many cameras."""
    one, other = asking[positives.query], answering[positives.unit]
    rows, columns = np.unique(one), np.unique(other)
    if len(rows) * len(columns) < 2 or max(len(rows), len(columns)) > MOST_CAMERAS:
        return None
    place = np.searchsorted(rows, one) * len(columns) + np.searchsorted(columns, other)
    numbers, group = np.unique(place, return_inverse=True)
    found = slices(positives, group.reshape(-1), [str(number) for number in numbers], intervals=False)
    cells = tuple(
        HeatCell(*divmod(int(number), len(columns)), value=part.ap.value or 0.0)
        for number, part in zip(numbers, found, strict=True)
    )
    titles = [tuple(_name(camera, names) for camera in cameras.tolist()) for cameras in (rows, columns)]
    return HeatMap(titles[0], titles[1], cells)


def _by_label(positives: Positives, title: str, column: IntArray, names: Mapping[int, str]) -> Grouping:
    values, group = np.unique(column, return_inverse=True)
    titles = [_name(value, names) for value in values.tolist()]
    return Grouping(title, "", tuple(slices(positives, group.reshape(-1)[positives.query], titles)))


def _spread(positives: Positives) -> IntArray:
    counts = np.full(len(positives.vehicle), UNKNOWN)
    counts[positives.query] = positives.count
    return counts


def _by_number(positives: Positives, title: str, numbers: IntArray, about: str, queries: int) -> Grouping:
    """Return the grouping of queries by a number, in groups of about as many queries."""
    asked = np.zeros(queries, dtype=np.bool_)
    asked[positives.query] = True
    group, titles = in_groups(np.where(asked, numbers, UNKNOWN))
    return Grouping(title, about, tuple(slices(positives, group[positives.query], titles)))


def in_groups(numbers: IntArray, most: int = GROUPS) -> tuple[IntArray, Sequence[str]]:
    """Return for each number its group, and the name of each: ``12 to 20``; equal numbers are in one group.

    Example:
        >>> in_groups(np.array([1, 1, 2, 9]))
        (array([0, 0, 1, 2]), ['1', '2', '9'])
    """
    known = numbers[numbers != UNKNOWN]
    values = np.unique(known)
    if len(values) > most:
        cuts = np.quantile(known, np.arange(1, most) / most, method="lower")
        edges = np.unique(cuts[cuts < values[-1]])
    else:
        edges = values[:-1]
    names = []
    low = None
    for edge in [*edges.tolist(), *values[-1:].tolist()]:
        inside = values[(values <= edge) & (values > low if low is not None else values >= values[0])]
        names.append(f"{inside[0]}" if len(inside) == 1 else f"{inside[0]} to {inside[-1]}")
        low = edge
    group = np.searchsorted(edges, numbers, side="left")
    return np.where(numbers == UNKNOWN, len(names), group), [*names, "unknown"] if (numbers == UNKNOWN).any() else names


def _name(value: int, names: Mapping[int, str]) -> str:
    return "unknown" if value == UNKNOWN else str(names.get(value, value))
