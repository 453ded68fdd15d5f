"""Cameras: the viewpoint, light, road, lens and encoder of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.solids import Colour

Scenery = Literal["houses", "trees", "wall", "open"]
SCENERIES: tuple[Scenery, ...] = ("houses", "trees", "wall", "open")


@dataclass(frozen=True)
class Camera:
    """One camera.

    Attributes:
        azimuth: degrees from the vehicle's nose to the camera, counter-clockwise from above: 90 sees its left side.
        spread: largest deviation of the azimuth to either side, degrees.
        height: of the camera over the road, metres.
        distance: along the road, metres.
        sun: degrees from the camera to the sun, seen from the vehicle, and the sun's height over the horizon.
        strength: of the sun; ``ambient`` of the sky.
        gains: of red, green and blue.
        curve: above 0 darkens the middle tones, below 0 lightens them.
        blur: standard deviation in pixels of an image of 128.
        noise: largest deviation of a pixel.
        quality: of the JPEG file.
    """

    number: int
    azimuth: float
    spread: float
    height: float
    distance: float
    sun: tuple[float, float]
    strength: float
    ambient: float
    gains: tuple[float, float, float]
    curve: float
    scenery: Scenery
    road: Colour
    blur: float
    noise: int
    quality: int


_PLACED = (
    Camera(1, 28, 14, 3.2, 9, (-40, 45), 0.75, 0.50, (1.00, 1.00, 1.00), 0.0, "houses", (112, 112, 114), 0.25, 4, 88),
    Camera(2, -38, 16, 4.5, 13, (70, 30), 0.85, 0.40, (1.06, 1.00, 0.90), 0.0, "trees", (126, 120, 110), 0.45, 6, 80),
    Camera(3, 152, 14, 3.6, 10, (10, 60), 0.55, 0.62, (0.95, 0.99, 1.05), -0.15, "wall", (98, 102, 108), 0.35, 5, 85),
    Camera(4, -146, 16, 5.5, 14, (-60, 35), 0.8, 0.38, (1.02, 1.03, 0.94), 0.15, "houses", (120, 118, 112), 0.5, 7, 72),
    Camera(5, 68, 16, 2.8, 11, (30, 50), 0.65, 0.48, (0.96, 1.00, 1.04), 0.2, "open", (104, 106, 110), 0.30, 5, 90),
    Camera(6, 6, 10, 6.0, 16, (-100, 25), 0.60, 0.42, (1.04, 0.98, 0.93), 0.35, "trees", (92, 90, 88), 0.60, 9, 66),
    Camera(7, -96, 18, 3.4, 12, (140, 55), 0.45, 0.58, (0.94, 1.00, 1.06), 0.0, "wall", (132, 132, 130), 0.40, 6, 82),
    Camera(8, 178, 12, 4.8, 12, (-25, 20), 0.50, 0.34, (1.10, 0.98, 0.84), 0.3, "open", (84, 82, 84), 0.50, 10, 75),
)  # fmt: skip
"""Front from both sides, rear from both sides, both flanks, high from ahead in the evening, behind at dusk."""


def cameras(count: int) -> tuple[Camera, ...]:
    """Return the first ``count`` cameras; from the ninth on, each is drawn from its number alone."""
    return tuple(_PLACED[place] if place < len(_PLACED) else _drawn(place + 1) for place in range(count))


def _drawn(number: int) -> Camera:
    chance = Chance(0, "camera", number)
    warmth = chance.between(-0.14, 0.14)
    grey = chance.within(84, 132)
    return Camera(
        number,
        # Steps of the golden angle spread any number of cameras evenly.
        azimuth=(137.5 * number) % 360,
        spread=chance.between(10, 18),
        height=chance.between(2.8, 6.5),
        distance=chance.between(9, 16),
        sun=(chance.between(-150, 150), chance.between(20, 60)),
        strength=chance.between(0.45, 0.85),
        ambient=chance.between(0.34, 0.62),
        gains=(1 + warmth, chance.between(0.96, 1.04), 1 - warmth),
        curve=chance.between(-0.15, 0.35),
        scenery=chance.one(SCENERIES),
        road=(grey, grey, grey + chance.within(-6, 6)),
        blur=chance.between(0.25, 0.6),
        noise=chance.within(4, 10),
        quality=chance.within(66, 90),
    )
