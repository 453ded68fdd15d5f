"""The boxes of a vehicle's visible parts, found on the pixels that were painted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.data.part_classes import PARTS, REGIONS
from protocols.synthetic.camera.box import Box
from protocols.synthetic.camera.develop import FINE
from protocols.synthetic.vehicle.solids import BODY, Mesh

SMALLEST = 2 * FINE * FINE
"""Smallest number of visible canvas pixels of a part with a box: two pixels of the image."""


class _Seen(NamedTuple):
    x0: int
    y0: int
    x1: int
    y1: int
    pixels: int

    def with_(self, other: _Seen) -> _Seen:
        """Return the box around both."""
        return _Seen(
            min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1),
            self.pixels + other.pixels,
        )  # fmt: skip


def visible_boxes(canvas: Image.Image, mesh: Mesh) -> tuple[list[Box], list[Box]]:
    """Return the boxes of the 16 part classes and of PR-ReID's regions; the canvas's alpha holds part numbers."""
    numbers = np.asarray(canvas.getchannel("A"))
    seen = _seen(numbers, len(mesh.parts))
    bottom = max((found.y1 for found in seen.values()), default=0)
    whole = _with_what_lies_on_them(seen, mesh)
    parts = [
        _box(PARTS.index(mesh.parts[number].kind) + 1, found)
        for number, found in sorted(whole.items())
        if mesh.parts[number].kind and found.pixels >= SMALLEST
    ]
    # A light that continues around a corner is visible from the side, but the end that it belongs to is not.
    facing = {number: whole[number] for number, found in seen.items() if found.pixels >= SMALLEST}
    return parts, _regions(facing, mesh, bottom)


def _seen(numbers: npt.NDArray[np.uint8], count: int) -> dict[int, _Seen]:
    """Return the extent of every part number on the canvas except 0."""
    found = {}
    flat = numbers.reshape(-1)
    order = np.argsort(flat, kind="stable")
    edges = np.searchsorted(flat[order], np.arange(count + 1))
    width = numbers.shape[1]
    for number in range(BODY, count):
        places = order[edges[number] : edges[number + 1]]
        if len(places):
            columns = places % width
            x0, x1 = int(columns.min()), int(columns.max()) + 1
            # Places are in the canvas's order, row by row.
            found[number] = _Seen(x0, int(places[0]) // width, x1, int(places[-1]) // width + 1, len(places))
    return found


def _with_what_lies_on_them(seen: dict[int, _Seen], mesh: Mesh) -> dict[int, _Seen]:
    """Return the extents with those of a part's children added: the windscreen reaches behind its stickers."""
    whole = dict(seen)
    for number in sorted(seen, reverse=True):
        parent = mesh.parts[number].parent
        if parent > BODY and number > BODY:
            whole[parent] = whole[parent].with_(whole[number]) if parent in whole else whole[number]
    return whole


def _regions(facing: dict[int, _Seen], mesh: Mesh, bottom: int) -> list[Box]:
    """Return PR-ReID's regions: a windscreen or rear window, the lights, the panel with the brand.

    A light's region reaches down to the vehicle's bottom edge (PR-ReID, section 3.2). Left and right are the image's.
    If regions of both ends are visible, as sloping windows are from the side, the larger one counts.
    """
    boxes: dict[str, Box] = {}
    for number, found in sorted(facing.items()):
        region = mesh.parts[number].region
        if not region:
            continue
        lowest = max(bottom, found.y1) if region.endswith("light") else found.y1
        box = _box(REGIONS.index(region) + 1, found._replace(y1=lowest))
        if region not in boxes or box.area > boxes[region].area:
            boxes[region] = box
    return sorted(boxes.values())


def _box(label: int, found: _Seen) -> Box:
    x0, y0, x1, y1 = (edge / FINE for edge in found[:4])
    return Box(label, x0, y0, x1, y1, found.pixels / (FINE * FINE))
