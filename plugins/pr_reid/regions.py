"""Places of PR-ReID's regions: the surest boxes, the rule for lights, and mean places for missing regions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from harness.boxes import Boxes
from harness.data.images import UNKNOWN, IntArray
from harness.data.part_classes import REGIONS
from harness.errors import DataError

Places = npt.NDArray[np.float64]

LIGHTS = (REGIONS.index("left light"), REGIONS.index("right light"))

WHOLE = (0.0, 0.0, 1.0, 1.0)
"""The corners of the whole image."""

MIRRORED = tuple(REGIONS.index({"left light": "right light", "right light": "left light"}.get(r, r)) for r in REGIONS)
"""For each region the one whose place it takes in a mirrored image."""


def seen_places(boxes: Boxes, keys: Sequence[str], *, to_bottom: bool) -> Places:
    """Return the corners of the surest box of each region in each image.

    Args:
        boxes: of kind ``regions``, numbered from 1.
        keys: of n images.
        to_bottom: extend each light to the lower edge of the image.

    Returns:
        (n, 4, 4) x0, y0, x1, y1 in shares of width and height, NaN for a region without a box.
    """
    places = np.full((len(keys), len(REGIONS), 4), np.nan)
    for row, key in enumerate(keys):
        for label, _score, *corners in boxes.of_image.get(key, _NONE)[::-1].tolist():
            places[row, int(label) - 1] = corners  # the surest comes last
    if to_bottom:
        seen = ~np.isnan(places[:, LIGHTS, 3])
        places[:, LIGHTS, 3] = np.where(seen, 1.0, np.nan)
    return places


_NONE = np.zeros((0, 6), np.float32)


def require_regions(places: Places, needed: Collection[str], where: object) -> None:
    """Raise a DataError if no image has a box of a needed region; ``where`` is the box file."""
    seen = {name for number, name in enumerate(REGIONS) if not np.isnan(places[:, number, 0]).all()}
    for name in REGIONS:
        if name in needed and name not in seen:
            raise DataError(
                f"pr-reid trains with boxes of the region '{name}', and no training image has one",
                where=where,
                found=", ".join(sorted(seen)) or "no boxes of any region",
                expected=f"boxes of {', '.join(needed)} in the boxes of kind 'regions'",
                next_step="give the classes in the box file these names, or omit the branch, as in "
                "--set branches=global,window",
            )


def fill_places(places: Places, vehicles: IntArray) -> tuple[Places, Places]:
    """Return the places with missing regions filled in, and the mean places.

    A missing region takes its mean place over the other images of the vehicle (section 3.2). Open: a region that none
    of them shows. Here it takes the mean over all images.

    Args:
        places: (n, 4, 4), NaN for a missing region.
        vehicles: (n,) int64; an image of an ``UNKNOWN`` vehicle has no other images.

    Returns:
        (n, 4, 4) without NaN, and (4, 4), the mean over all images; a region that no image shows is the whole image.
    """
    seen = ~np.isnan(places[:, :, 0])  # (n, 4)
    values = np.where(seen[:, :, None], places, 0.0)
    anywhere = np.any(seen, axis=0, keepdims=True).T  # (4, 1)
    everywhere = np.where(anywhere, values.sum(0) / np.maximum(seen.sum(0), 1)[:, None], WHOLE)  # (4, 4)
    numbers, of_vehicle = np.unique(vehicles, return_inverse=True)
    counts = np.zeros((len(numbers), len(REGIONS)))
    sums = np.zeros((len(numbers), len(REGIONS), 4))
    np.add.at(counts, of_vehicle, seen & (vehicles != UNKNOWN)[:, None])
    np.add.at(sums, of_vehicle, values)
    means = np.where(counts[:, :, None] > 0, sums / np.maximum(counts, 1)[:, :, None], everywhere)  # (v, 4, 4)
    return np.where(seen[:, :, None], places, means[of_vehicle]), everywhere


def as_boxes(keys: Sequence[str], places: Places) -> Boxes:
    """Return places as boxes: for each image one row for each region that is not NaN, in the order of ``REGIONS``."""
    labels = np.arange(1, len(REGIONS) + 1)
    rows = np.concatenate([np.broadcast_to(_labelled(labels), (len(keys), len(labels), 2)), places], axis=2)
    found = {key: row[~np.isnan(row[:, 2])].astype(np.float32) for key, row in zip(keys, rows, strict=True)}
    return Boxes(found, dict(enumerate(REGIONS, 1)))


def _labelled(labels: IntArray) -> Places:
    return np.stack([labels, np.ones(len(labels))], axis=1)
