"""Night: a dark, bluish picture in which headlights glare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from harness.basics.seeds import ONE, Chance
from harness.corruptions.corruption import Corruption, Pixels, Scene
from plugins.corruptions.filters import WHOLE, blend, of_side, picture, plane, quotient

TINT = np.array([200, 225, 256])
"""What remains of red, green and blue, in 256ths: a night sky's light is bluish."""

WARM = np.array([255, 248, 225])
"""The colour of a headlight."""


class Night(Corruption):
    """A dark, bluish, noisy picture with two headlights in the lower half, at the same height left and right.

    Their place and distance are drawn for each picture; the glare falls with the square of the distance from
    ``reach``. It is added whatever side of the vehicle is seen: another vehicle may shine into the camera.
    """

    source = "our own, after what Dai and Van Gool, ITSC 2018, describe: low light, noise and glare"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"light_permille": 600, "reach_permille": 20, "noise": 2},
        {"light_permille": 450, "reach_permille": 26, "noise": 4},
        {"light_permille": 320, "reach_permille": 32, "noise": 6},
        {"light_permille": 210, "reach_permille": 38, "noise": 8},
        {"light_permille": 120, "reach_permille": 44, "noise": 10},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the picture at night."""
        height, width = scene.pixels.shape[:2]
        values = plane(scene.pixels) * TINT // WHOLE * level["light_permille"] // 1000
        values += quotient(chance.normal(height, width)[..., None] * level["noise"] * WHOLE, ONE)
        reach = of_side((height, width), level["reach_permille"]) ** 2 + 1
        across = width * WHOLE * chance.between(180, 330) // 1000
        middle = width * WHOLE * chance.between(450, 550) // 1000
        down = height * WHOLE * chance.between(580, 720) // 1000
        rows, columns = (np.arange(count) * WHOLE + WHOLE // 2 for count in (height, width))
        glare = np.zeros((height, width), np.int64)
        for sideways in (middle - across, middle + across):
            apart = (rows[:, None] - down) ** 2 + (columns[None, :] - sideways) ** 2
            glare += WHOLE * 4 * reach // (apart + reach)
        return picture(blend(values, WARM * WHOLE, np.minimum(glare, WHOLE)[..., None]))
