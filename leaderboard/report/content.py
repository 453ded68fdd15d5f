"""What the page of a report reads: queries, images and rank lists as one JSON object without markup."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.basics.seeds import derive
from harness.data.images import UNKNOWN, ImageTable, IntArray
from harness.kernel.neighbours import NOBODY
from harness.measures import heading
from leaderboard.report.labels import Twins
from leaderboard.report.lists import FloatArray, RankLists
from leaderboard.report.pictures import Pictures, in_turns

FILTERS = ("camera", "colour", "type")
"""Labels that the page filters by, as far as the data set has them."""


@dataclass(frozen=True, eq=False)
class Shown:
    """The lists of one run as the page shows them.

    Attributes:
        name: of the run.
        lists: its rank lists.
        ranks: (p,) int64, ``PositiveRanks.ranks``.
    """

    name: str
    lists: RankLists
    ranks: IntArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", self.lists.ranks.ranks)

    @property
    def further(self) -> tuple[str, ...]:
        """The measures of the task of which the page shows each query's value, besides AP by steps."""
        return tuple(word for word in self.lists.values if word != "ap")

    @property
    def ap(self) -> FloatArray:
        """(q,) float64, the AP by steps of each query; NaN for one that is not asked or has no positive."""
        return self.lists.values["ap"]


def orders(runs: Sequence[Shown], seed: int) -> dict[str, list[int]]:
    """Return the queries that are asked, in each order that the page offers.

    ``worst`` begins with the least AP and, of equal ones, with the farthest right answer; ``changed``, with two runs,
    with the greatest difference in AP. Queries without a positive come last, except in ``random`` and ``list``.
    """
    main = runs[0]
    asked = main.lists.ranks.asked
    ap, first = (np.nan_to_num(column[asked], nan=np.inf) for column in (main.ap, main.lists.first))
    none = np.isnan(main.ap[asked])
    shuffled = sorted(asked.tolist(), key=lambda row: derive(seed, "report", row))
    found = {
        "worst": asked[np.lexsort((asked, -first, ap))].tolist(),
        "best": asked[np.lexsort((asked, first, np.where(none, np.inf, -ap)))].tolist(),
        "random": shuffled,
        "list": asked.tolist(),
    }
    if len(runs) > 1:
        change = np.nan_to_num(np.abs(main.ap - runs[1].ap)[asked], nan=-1.0)
        found["changed"] = asked[np.argsort(-change, kind="stable")].tolist()
    return found


def images_of(runs: Sequence[Shown], row: int) -> IntArray:
    """Return the rows of the gallery images that the lists of a query show."""
    listed = np.concatenate([one.lists.images[row] for one in runs])
    shown: IntArray = listed[listed != NOBODY]
    return shown


def picture_groups(
    runs: Sequence[Shown], query: ImageTable, gallery: ImageTable, ordered: Mapping[str, Sequence[int]]
) -> list[list[str]]:
    """Return for each query the keys that need a picture, the queries that a reader sees first in front."""
    first = in_turns([rows for name, rows in ordered.items() if name != "list"])
    return [[query.paths[row], *(gallery.paths[image] for image in images_of(runs, row).tolist())] for row in first]


def page_content(
    runs: Sequence[Shown],
    query: ImageTable,
    gallery: ImageTable,
    ordered: Mapping[str, Sequence[int]],
    pictures: Pictures,
    twins: Twins,
) -> dict[str, Any]:
    """Return the content of the page; ``report.js`` says how it reads each list.

    Numbers replace names: an order is a list of places in ``queries``, a list of images a list of places in ``images``.
    """
    rows = list(ordered["list"])
    vehicles = sorted(set(query.vehicle[rows].tolist()))
    place = {row: number for number, row in enumerate(rows)}
    used = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(images_of(runs, row) for row in rows)]))
    size = runs[0].lists.units
    unit_of = runs[0].lists.relevance.unit_of
    number_of = {int(image): number for number, image in enumerate(used)}
    in_track = [int(size.images[unit_of[image]]) if unit_of is not None else 1 for image in used]
    return {
        "runs": [one.name for one in runs],
        "measures": [value_name(word) for word in runs[0].further],
        "tracks": unit_of is not None,
        "vehicles": _vehicles(query, rows, gallery, used.tolist()),
        "labels": {label: _names(query, gallery, label) for label in FILTERS if _known(query, label)},
        "duplicates": runs[0].lists.ahead is not None,
        "twins": {str(vehicle): sorted(twins[vehicle]) for vehicle in vehicles if vehicle in twins},
        "queries": [_image(query, row, pictures) for row in rows],
        "images": [[*_image(gallery, int(i), pictures), n] for i, n in zip(used, in_track, strict=True)],
        "orders": {name: [place[row] for row in listed] for name, listed in ordered.items()},
        "lists": [[_answers(one, row, number_of, slot) for slot, row in enumerate(rows)] for one in runs],
    }


def _known(table: ImageTable, label: str) -> bool:
    column = table.label(label)
    return column is not None and bool((column != UNKNOWN).any())


def _vehicles(query: ImageTable, rows: Sequence[int], gallery: ImageTable, used: Sequence[int]) -> dict[str, str]:
    """Return the words of the vehicles that are shown, as far as a user's table names them otherwise than by number."""
    names = {**gallery.names.get("vehicle", {}), **query.names.get("vehicle", {})}
    shown = {*query.vehicle[list(rows)].tolist(), *gallery.vehicle[list(used)].tolist()}
    return {str(vehicle): names[vehicle] for vehicle in sorted(shown & names.keys())}


def _names(query: ImageTable, gallery: ImageTable, label: str) -> dict[str, str]:
    """Return the names of the values of a label that the queries or the gallery have."""
    columns = [column for column in (query.label(label), gallery.label(label)) if column is not None]
    names = {**gallery.names.get(label, {}), **query.names.get(label, {})}
    values = sorted(set(np.concatenate(columns).tolist()) - {UNKNOWN})
    return {str(value): str(names.get(value, value)) for value in values}


def _image(table: ImageTable, row: int, pictures: Pictures) -> list[object]:
    """Return the key of an image, its picture, its vehicle, and the labels of ``FILTERS``."""
    columns = [table.label(label) for label in FILTERS]
    labels = [None if column is None or column[row] == UNKNOWN else int(column[row]) for column in columns]
    key = table.paths[row]
    return [key, pictures.of(key), int(table.vehicle[row]), *labels]


def _answers(shown: Shown, row: int, number_of: Mapping[int, int], slot: int) -> list[object]:
    """Return the answers to one query.

    Returns:
        AP or None; the images of the list; a letter for each; the similarities; the ranks of all right answers; the
        number of near-duplicates ahead of the nearest of them; the values of the further measures or None.
    """
    lists = shown.lists
    listed = lists.images[row][lists.nearest[row] != NOBODY].tolist()
    start, end = lists.ranks.starts[slot], lists.ranks.starts[slot + 1]
    return [
        _value(shown.ap[row]),
        [number_of[image] for image in listed],
        lists.marks(row),
        [round(float(value), 4) for value in lists.similarity[row][: len(listed)]],
        shown.ranks[start:end].tolist(),
        0 if lists.ahead is None else int(lists.ahead[row]),
        [_value(lists.values[word][row]) for word in shown.further],
    ]


def _value(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)


def value_name(word: str) -> str:
    """Return the heading of one query's value: that of the mean over queries, without its ``m``."""
    name = heading(word)
    return name[1:] if name[:1] == "m" and name[1:2].isupper() else name


def as_script_data(content: Mapping[str, Any]) -> str:
    """Return JSON that is safe inside a script element: no tag and no comment can begin in it."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    escapes = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
    for character, escaped in escapes.items():
        text = text.replace(character, escaped)
    return text
