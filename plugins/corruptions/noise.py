"""Noise of the sensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from harness.basics.seeds import ONE, Chance
from harness.corruptions.corruption import Corruption, Pixels, Scene
from plugins.corruptions.filters import WHOLE, picture, plane, quotient


class SensorNoise(Corruption):
    """Noise of each pixel and colour, whose variance grows with the brightness from that of reading the sensor.

    At brightness p the standard deviation is the root of read² + shot · p, in grey levels.
    """

    source = "Foi et al., Practical Poissonian-Gaussian Noise Modeling, IEEE TIP 2008; the levels are our own"
    levels: ClassVar[tuple[Mapping[str, int], ...]] = (
        {"read": 6, "shot": 1},
        {"read": 10, "shot": 2},
        {"read": 15, "shot": 4},
        {"read": 22, "shot": 7},
        {"read": 30, "shot": 12},
    )

    def corrupt(self, scene: Scene, level: Mapping[str, int], chance: Chance) -> Pixels:
        """Return the noisy picture."""
        variances = (level["read"] ** 2 + level["shot"] * brightness for brightness in range(256))
        deviation = np.array([math.isqrt(variance * WHOLE**2) for variance in variances], np.int64)
        noise = quotient(chance.normal(*scene.pixels.shape) * deviation[scene.pixels], ONE)
        return picture(plane(scene.pixels) + noise)
