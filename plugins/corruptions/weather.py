"""Weather before the vehicle: rain, snow and fog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from harness.basics.seeds import Chance
from harness.corruptions.corruption import Corruption, Pixels, Scene
from plugins.corruptions.filters import WHOLE, Plane, blend, box, enlarge, grey, of_side, picture, plane, soft


class Rain(Corruption):
    """Bright slanting streaks before a slightly paler picture: ``drops`` of them in a square of the shorter side.

    The slant is drawn for each picture, up to one pixel sideways for three downwards; ``length`` is that of a streak.
    """

    source = "streaks as in Garg and Nayar, Vision and Rain, IJCV 2007, drawn as straight lines; the levels are our own"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"drops": 40, "length_permille": 60, "veil_permille": 40},
        {"drops": 80, "length_permille": 80, "veil_permille": 80},
        {"drops": 140, "length_permille": 100, "veil_permille": 120},
        {"drops": 220, "length_permille": 120, "veil_permille": 170},
        {"drops": 320, "length_permille": 150, "veil_permille": 230},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the picture in the rain."""
        height, width = scene.pixels.shape[:2]
        side = min(height, width)
        steps = max(2, side * level["length_permille"] // 1000)
        slant = chance.between(-WHOLE // 3, WHOLE // 3)
        drops = max(1, level["drops"] * height * width // (side * side))
        found = chance.picks(1 << 16, drops, 3)
        tops, lefts = (found[:, 0] * (height + steps) >> 16) - steps, found[:, 1] * width >> 16
        strength = 70 + (found[:, 2] * 110 >> 16)
        layer = np.zeros((height, width), np.int64)
        for step in range(steps):
            rows, columns = tops + step, (lefts + (step * slant >> 8)) % width
            seen = (rows >= 0) & (rows < height)
            np.maximum.at(layer, (rows[seen], columns[seen]), strength[seen])
        if side >= 2 * 128:  # a streak is about a 128th of the side wide
            layer = np.minimum(box(layer, of_side((side, side), 4)) * 2, WHOLE)
        values = blend(plane(scene.pixels), 190 * WHOLE, level["veil_permille"] * WHOLE // 1000)
        return picture(blend(values, 225 * WHOLE, layer[..., None]))


class Snow(Corruption):
    """Soft white flakes of three sizes before a whiter, greyer picture: ``flakes`` in a square of the shorter side."""

    source = "the whitening of ImageNet-C's snow (Hendrycks and Dietterich, ICLR 2019); flakes and levels are our own"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"flakes": 20, "size_permille": 7, "whitening_permille": 60},
        {"flakes": 40, "size_permille": 8, "whitening_permille": 120},
        {"flakes": 65, "size_permille": 9, "whitening_permille": 190},
        {"flakes": 95, "size_permille": 10, "whitening_permille": 260},
        {"flakes": 135, "size_permille": 11, "whitening_permille": 340},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the picture in falling snow."""
        height, width = scene.pixels.shape[:2]
        side = min(height, width)
        values = plane(scene.pixels)
        pale = np.minimum(grey(values) * 3 // 2 + 100 * WHOLE, 255 * WHOLE)[..., None]
        values = blend(values, np.maximum(values, pale), level["whitening_permille"] * WHOLE // 1000)
        layer = np.zeros((height, width), np.int64)
        for factor in (1, 2, 3):  # the farther away, the smaller and the more
            flakes = max(1, level["flakes"] * height * width // (side * side * factor))
            found = chance.picks(1 << 16, flakes, 2)
            points = np.zeros((height, width), np.int64)
            points[found[:, 0] * height >> 16, found[:, 1] * width >> 16] = 1 << 20
            reach = of_side((side, side), level["size_permille"]) * factor // 2
            spread = WHOLE + 2 * reach
            layer = np.maximum(layer, soft(points, reach) * spread // WHOLE * spread // WHOLE >> 11)
        return picture(blend(values, 245 * WHOLE, np.minimum(layer, 230)[..., None]))


class Fog(Corruption):
    """A bright grey veil, denser towards the top, where the street is farther away, and in clouds of random shape."""

    source = (
        "fractal clouds as ImageNet-C's fog (Hendrycks and Dietterich, ICLR 2019), denser with the distance as in "
        "Sakaridis et al., IJCV 2018; the levels are our own"
    )
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"veil_permille": 250},
        {"veil_permille": 380},
        {"veil_permille": 510},
        {"veil_permille": 640},
        {"veil_permille": 770},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the picture in fog."""
        height, width = scene.pixels.shape[:2]
        far = (height - np.arange(height))[:, None] * WHOLE // height
        # A fifth of the density follows the height, and a fifth the clouds; on average it is that of the level.
        density = level["veil_permille"] * (8 * WHOLE + 2 * far + 2 * clouds((height, width), chance)) // 10_000
        return picture(blend(plane(scene.pixels), 205 * WHOLE, np.minimum(density, WHOLE)[..., None]))


def clouds(size: tuple[int, int], chance: Chance) -> Plane:
    """Return random clouds from 0 to 256, (height, width): four grids, each twice as fine and half as strong."""
    total = np.zeros(size, np.int64)
    for octave in range(4):
        cells = 2 << octave
        total += enlarge(chance.picks(WHOLE + 1, cells, cells), size) << (3 - octave)
    return total // 15
