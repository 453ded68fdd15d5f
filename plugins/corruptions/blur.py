"""Blur: by a moving vehicle, and by a lens out of focus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.basics.seeds import Chance
from harness.corruptions.corruption import Corruption, Pixels, Scene
from plugins.corruptions.filters import WHOLE, disc, of_side, picture, plane, quotient, shifted

MOST_STEPS = 24
"""Pictures summed to each side: one a pixel, and fewer than that where a line is longer than 48."""


class MotionBlur(Corruption):
    """The mean along a straight line of some ``length``, as a vehicle passes while the shutter is open.

    The direction is drawn for each picture, up to one pixel up or down for three sideways.
    """

    source = "ImageNet-C's motion blur (Hendrycks and Dietterich, ICLR 2019) as an even line; the levels are our own"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"length_permille": 40},
        {"length_permille": 70},
        {"length_permille": 110},
        {"length_permille": 160},
        {"length_permille": 220},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the picture of a moving vehicle."""
        length = of_side(scene.pixels.shape, level["length_permille"])
        slope = chance.between(-WHOLE // 3, WHOLE // 3)
        values = plane(scene.pixels)
        half = max(1, min(MOST_STEPS, length + WHOLE >> 9))
        total = values.copy()
        for step in range(1, half + 1):
            right = length * step // (2 * half)
            down = right * slope // WHOLE
            total += shifted(values, down, right) + shifted(values, -down, -right)
        return picture(quotient(total, 2 * half + 1))


class DefocusBlur(Corruption):
    """The mean over a disc of some ``radius``, which a lens out of focus makes of each point."""

    source = "ImageNet-C's defocus blur (Hendrycks and Dietterich, ICLR 2019) without its smoothing; own levels"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"radius_permille": 12},
        {"radius_permille": 18},
        {"radius_permille": 26},
        {"radius_permille": 36},
        {"radius_permille": 50},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:  # noqa: ARG002 - nothing is random
        """Return the picture out of focus."""
        return picture(disc(plane(scene.pixels), WHOLE // 2 + of_side(scene.pixels.shape, level["radius_permille"])))
