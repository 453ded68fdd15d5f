"""A vehicle while it is being fitted together: its proportions, its paints, and its parts as they are numbered."""

from __future__ import annotations

from typing import NamedTuple

from protocols.synthetic.vehicle.shell import SIDES, Proportions
from protocols.synthetic.vehicle.solids import BODY, Paint, Part, Point
from protocols.synthetic.vehicle.vehicles import Vehicle

BLACK = Paint((26, 27, 30), 0.15)
PLASTIC = Paint((58, 60, 63), 0.05)
SEAM = Paint((20, 20, 22))
SHADE = Paint((10, 10, 12), 0.0, 0.6)
CHROME = Paint((206, 210, 215), 0.5)


class Wheel(NamedTuple):
    """A wheel: the number of its part, the centre of its outer side, its radius in metres, and its side."""

    number: int
    centre: Point
    radius: float
    side: int


class Car:
    """A vehicle while it is being fitted together, by its design and marks."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.design, self.marks, self.body = vehicle.design, vehicle.marks, vehicle.design.body
        self.frame = Proportions(self.body, vehicle.design.stretch)
        self.paint = Paint(self.design.paint, 0.35)
        self.trim = PLASTIC if self.design.bare else self.paint
        self.parts = [Part(""), Part("")]
        self.wheels = [self._wheel(axle, side) for axle in self.body.axles for side in SIDES]

    def new(self, kind: str, parent: int = BODY, region: str = "") -> int:
        """Return the number of a new part, which is higher than its parent's."""
        self.parts.append(Part(kind, parent, region))
        return len(self.parts) - 1

    def _wheel(self, axle: float, side: int) -> Wheel:
        radius = self.body.wheel
        return Wheel(self.new("wheel"), (self.frame.x(axle), side * self.frame.half, radius), radius, side)
