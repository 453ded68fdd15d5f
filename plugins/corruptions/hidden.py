"""What hides a part of the vehicle or its details: occlusion, a low resolution, covered plates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from harness.basics.seeds import Chance
from harness.corruptions.corruption import Corruption, Pixels, Scene
from plugins.corruptions.filters import enlarge, picture, plane, shrink

PLATES = ("plate", "entry license")
"""The classes of parts that show a number or a permit, of PGAN's sixteen."""


class Occlusion(Corruption):
    """A block of one random grey that covers a share of the picture, as a post, a sign or another vehicle does.

    Place and shape, from upright to lying, are drawn for each picture; ``area`` is the covered share.
    """

    source = "random erasing (Zhong et al., AAAI 2020) in one grey; the levels are our own"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"area_permille": 80},
        {"area_permille": 150},
        {"area_permille": 230},
        {"area_permille": 320},
        {"area_permille": 420},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the picture behind a block."""
        height, width = scene.pixels.shape[:2]
        area = level["area_permille"]
        share = math.isqrt(area * 1000) * chance.between(700, 1430) // 1000
        share = min(1000, max(share, area))
        high = max(1, height * share // 1000)
        wide = max(1, min(width, width * area // share))
        top, left = chance.between(0, height - high), chance.between(0, width - wide)
        found = scene.pixels.copy()
        found[top : top + high, left : left + wide] = chance.between(40, 110)
        return found


class LowResolution(Corruption):
    """A picture shrunk to a share of its sides and enlarged again, as of a vehicle far away; ``side`` remains."""

    source = "after ImageNet-C's pixelate (Hendrycks and Dietterich, ICLR 2019), enlarged smoothly; own levels"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"side_permille": 500},
        {"side_permille": 350},
        {"side_permille": 250},
        {"side_permille": 170},
        {"side_permille": 110},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:  # noqa: ARG002 - nothing is random
        """Return the picture in a low resolution."""
        height, width = scene.pixels.shape[:2]
        small = tuple(max(1, side * level["side_permille"] // 1000) for side in (height, width))
        return picture(enlarge(shrink(plane(scene.pixels), (small[0], small[1])), (height, width)))


class PlatesHidden(Corruption):
    """Covered plates, so that only the vehicle's looks remain.

    Where boxes of parts are known, those of the classes ``plate`` and ``entry license`` are filled with their mean
    colour, each grown by ``margin``. Without boxes the lower middle of the picture is filled, of some ``width`` and
    ``height``. A picture whose boxes show no plate stays as it is.
    """

    source = "our own; the classes of parts are those of PGAN (Zhang et al., 2019)"
    uses_parts = True
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"margin_permille": 0, "width_permille": 200, "height_permille": 80},
        {"margin_permille": 150, "width_permille": 260, "height_permille": 110},
        {"margin_permille": 300, "width_permille": 320, "height_permille": 140},
        {"margin_permille": 500, "width_permille": 400, "height_permille": 180},
        {"margin_permille": 800, "width_permille": 500, "height_permille": 230},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:  # noqa: ARG002 - nothing is random
        """Return the picture with covered plates."""
        height, width = scene.pixels.shape[:2]
        found = scene.pixels.copy()
        if scene.parts:
            areas = [
                _grown(box.tolist(), level["margin_permille"]) for name in PLATES for box in scene.parts.get(name, ())
            ]
        else:
            wide, high = width * level["width_permille"] // 2000, height * level["height_permille"] // 2000
            middle, down = width // 2, height * 720 // 1000
            areas = [(middle - wide, down - high, middle + wide + 1, down + high + 1)]
        for left, top, right, bottom in areas:
            rows, columns = slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right))
            area = found[rows, columns]
            if area.size:
                pixels = area.shape[0] * area.shape[1]
                found[rows, columns] = (area.astype("int64").sum(axis=(0, 1)) * 2 + pixels) // (2 * pixels)
        return found


def _grown(box: list[float], margin: int) -> tuple[int, int, int, int]:
    """Return the whole pixels of a box, grown by a share of its sides at each end."""
    left, top, right, bottom = box
    across, down = (right - left) * margin / 1000, (bottom - top) * margin / 1000
    return (
        math.floor(left - across),
        math.floor(top - down),
        math.ceil(right + across),
        math.ceil(bottom + down),
    )
