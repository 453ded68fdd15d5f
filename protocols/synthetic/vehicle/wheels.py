"""Wheels: the tread that shows below a body, and on its side the opening, the tyre, the rim and its spokes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from protocols.synthetic.chance import direction
from protocols.synthetic.vehicle.car import BLACK, CHROME, SHADE, Car, Wheel
from protocols.synthetic.vehicle.shell import LEFT
from protocols.synthetic.vehicle.solids import Paint, Point, Solid

RUBBER = Paint((22, 22, 24))
HUB = Paint((90, 92, 96), 0.2)


def fit_wheel(solid: Solid, car: Car, wheel: Wheel) -> None:
    """Lay the opening in the body's side and the outside of a wheel."""
    (x, y, z), radius, side = wheel.centre, wheel.radius, wheel.side
    sill = car.body.clearance - z
    ring = [(1.16 * radius * cosine, max(sill, 1.16 * radius * sine)) for cosine, sine in _turns(20)]
    solid.add(_upright((x, y + 0.004 * side, z), ring, side), SHADE)
    centre = (x, y + 0.008 * side, z)
    spokes, colour = car.marks.rim
    rim, inner = Paint(colour, 0.35, 0.1), 0.70 * radius
    solid.add(_circle(centre, radius, 16, side), RUBBER, wheel.number)
    solid.add(_circle(centre, inner, 14, side), rim, wheel.number)
    if spokes:
        solid.add(_circle(centre, 0.86 * inner, 12, side), SHADE, wheel.number)
    else:
        solid.add(_circle(centre, 0.5 * inner, 10, side), HUB, wheel.number)
    for step in range(spokes):
        spoke = _spoke(90 + 360 * step / spokes, 0.78 * radius / (spokes + 2), 0.9 * inner)
        solid.add(_upright(centre, spoke, side), rim, wheel.number)
    solid.add(_circle(centre, 0.24 * inner, 8, side), CHROME if spokes else BLACK, wheel.number)


def fit_tread(solid: Solid, wheel: Wheel, width: float) -> None:
    """Add the tread and the inside of a wheel."""
    (x, y, z), radius = wheel.centre, wheel.radius
    inside = y - wheel.side * width
    low, high = (inside, y) if wheel.side == LEFT else (y, inside)
    rim = [(x + radius * cosine, z + radius * sine) for cosine, sine in _turns(12)]
    for (x0, z0), (x1, z1) in pairwise([*rim, rim[0]]):
        solid.add(((x0, low, z0), (x0, high, z0), (x1, high, z1), (x1, low, z1)), RUBBER, wheel.number)
    solid.add(_circle((x, inside, z), radius, 12, -wheel.side), RUBBER, wheel.number)


def _spoke(degrees: float, wide: float, long: float) -> tuple[tuple[float, float], ...]:
    cosine, sine = direction(degrees)
    tip = long * cosine, long * sine
    return (
        (wide * sine, -wide * cosine),
        (tip[0] + wide * sine, tip[1] - wide * cosine),
        (tip[0] - wide * sine, tip[1] + wide * cosine),
        (-wide * sine, wide * cosine),
    )


def _turns(count: int) -> list[tuple[float, float]]:
    return [direction(360.0 * step / count) for step in range(count)]


def _circle(centre: Point, radius: float, sides: int, side: int) -> tuple[Point, ...]:
    return _upright(centre, [(radius * cosine, radius * sine) for cosine, sine in _turns(sides)], side)


def _upright(centre: Point, points: Sequence[tuple[float, float]], side: int) -> tuple[Point, ...]:
    """Return points of an upright plane along the vehicle, counter-clockwise seen from that side of it."""
    x, y, z = centre
    found = [(x + along, y, z + up) for along, up in points]
    return tuple(reversed(found) if side == LEFT else found)
