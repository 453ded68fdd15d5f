"""Views: a vehicle's corners as a camera sees them, in pixels of the crop that a detector would cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.synthetic.chance import direction
from protocols.synthetic.vehicle.solids import Floats, Mesh, Point

NEAR = 1.0
"""Points nearer to the camera's plane than this, in metres, are not drawn."""

NARROWEST = 0.55
"""Smallest ratio of a crop's shorter side to its longer side."""


@dataclass(frozen=True)
class Stance:
    """The pose of a vehicle before a camera in one frame.

    Attributes:
        azimuth: degrees from the nose to the camera.
        height, distance: of the camera, metres.
        margins: left, top, right and bottom of the crop beyond the vehicle, shares of its size; negative cuts it.
        exposure: 1 for that of the camera, more for a brighter image.
    """

    azimuth: float
    height: float
    distance: float
    margins: tuple[float, float, float, float]
    exposure: float = 1.0


@dataclass(frozen=True)
class View:
    """A camera's picture of a vehicle before it is painted.

    Attributes:
        eye: the camera, in the vehicle's coordinates.
        axes: right, up and ahead: the rows turn the vehicle's coordinates into the camera's.
        scale: pixels per unit of the picture plane; ``left`` and ``top`` are subtracted.
        size: width and height of the crop in pixels.
    """

    eye: Point
    axes: tuple[Point, Point, Point]
    scale: float
    left: float
    top: float
    size: tuple[int, int]

    def project(self, corners: Floats) -> tuple[Floats, Floats]:
        """Return (n, 2) pixels and (n,) metres ahead of the camera."""
        x, y, depth = _turned(self.eye, self.axes, corners)
        pixels = np.stack([x / depth * self.scale - self.left, -y / depth * self.scale - self.top], axis=1)
        return pixels, depth

    @property
    def horizon(self) -> float:
        """Return the row of the horizon, which may be outside the crop."""
        _, up, ahead = self.axes
        # A level direction below the camera's own: ahead without its drop.
        level = (ahead[0], ahead[1], 0.0)
        rise = up[0] * level[0] + up[1] * level[1]
        depth = ahead[0] * level[0] + ahead[1] * level[1]
        return -rise / depth * self.scale - self.top


def look(mesh: Mesh, stance: Stance, side: int) -> View:
    """Return the view whose crop holds the vehicle; ``side`` is the crop's longer side in pixels."""
    cosine, sine = direction(stance.azimuth)
    target = float(mesh.corners[:, 2].max()) / 2
    eye = (stance.distance * cosine, stance.distance * sine, stance.height)
    drop = stance.height - target
    length = float(np.sqrt(stance.distance * stance.distance + drop * drop))
    flat, down = stance.distance / length, drop / length
    ahead = (-cosine * flat, -sine * flat, -down)
    axes = ((-sine, cosine, 0.0), (-cosine * down, -sine * down, flat), ahead)
    x, y, depth = _turned(eye, axes, mesh.corners)
    across, along = x / depth, -y / depth
    x0, x1, y0, y1 = (float(value) for value in (across.min(), across.max(), along.min(), along.max()))
    left, top, right, bottom = stance.margins
    width, height = x1 - x0, y1 - y0
    x0, x1 = x0 - left * width, x1 + right * width
    y0, y1 = y0 - top * height, y1 + bottom * height
    width, height = x1 - x0, y1 - y0
    longer = max(width, height)
    grown_width, grown_height = max(width, NARROWEST * longer), max(height, NARROWEST * longer)
    x0, y0 = x0 - (grown_width - width) / 2, y0 - (grown_height - height) / 2
    scale = side / longer
    size = (int(grown_width * scale + 0.5), int(grown_height * scale + 0.5))
    return View(eye, axes, scale, x0 * scale, y0 * scale, size)


def _turned(eye: Point, axes: tuple[Point, Point, Point], corners: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the corners along the camera's axes, by single products and sums so that no library can fuse them."""
    dx, dy, dz = (corners[:, axis] - eye[axis] for axis in range(3))
    right, up, ahead = (dx * axis[0] + dy * axis[1] + dz * axis[2] for axis in axes)
    return right, up, ahead
