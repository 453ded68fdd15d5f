"""Both ends of a vehicle: lights and their covers, grille, maker's sign, plate."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.synthetic.chance import total
from protocols.synthetic.vehicle.car import BLACK, CHROME, PLASTIC, Car
from protocols.synthetic.vehicle.marks import CHARACTERS, PLATES
from protocols.synthetic.vehicle.shell import LEFT, SIDES, Shell
from protocols.synthetic.vehicle.solids import BODY, Colour, Face, Paint, Point, Solid
from protocols.synthetic.vehicle.vehicles import shaded

Outline = Sequence[tuple[float, float]]

LENSES: dict[str, tuple[Colour, Colour]] = {
    "clear": ((236, 240, 246), (255, 255, 255)),
    "smoked": ((92, 98, 110), (225, 230, 240)),
    "amber": ((238, 196, 120), (255, 150, 30)),
    "ringed": ((70, 80, 100), (250, 252, 255)),
}
TAILS: dict[str, tuple[Colour, Colour]] = {
    "red": ((196, 18, 22), (236, 60, 50)),
    "clear": ((226, 200, 200), (215, 40, 40)),
    "split": ((190, 18, 20), (245, 160, 40)),
    "dark": ((92, 8, 14), (170, 24, 28)),
}
"""Colour of a light and of its brightest spot, by the words of ``Marks``."""

FRONT_LIGHTS: tuple[Outline, ...] = (
    ((0.01, 0.36), (0.25, 0.36), (0.25, 0.90), (0.01, 0.90)),
    ((0.0, 0.40), (0.20, 0.30), (0.29, 0.44), (0.0, 0.95)),
    ((0.02, 0.52), (0.08, 0.3), (0.20, 0.3), (0.25, 0.52), (0.25, 0.74), (0.20, 0.94), (0.08, 0.94), (0.02, 0.74)),
)
FRONT_SPOTS = (0.07, 0.06, 0.09)
REAR_LIGHTS: tuple[Outline, ...] = (
    ((0.0, 0.30), (0.17, 0.36), (0.17, 0.95), (0.0, 0.95)),
    ((0.0, 0.42), (0.27, 0.48), (0.22, 0.88), (0.0, 0.92)),
    ((0.0, 0.16), (0.12, 0.16), (0.14, 0.97), (0.0, 0.97)),
)
"""Outlines of the light at the left end of a face, by the design's shape of lights."""

AROUND: Outline = ((0.0, 0.42), (0.42, 0.55), (0.42, 0.82), (0.0, 0.92))
"""Outline of the part of a light around the corner."""


def fit_front(solid: Solid, car: Car, shell: Shell) -> None:
    """Lay bumper, grille, lights, maker's sign and plate on the front."""
    low, up = shell.ends["front_low"], shell.ends["front_up"]
    solid.add(low, car.trim)
    solid.add(low.band(0.2, 0.10, 0.8, 0.42), BLACK)
    for u in (0.03, 0.87):
        solid.add(low.band(u, 0.32, u + 0.10, 0.55), BLACK if car.design.bare else PLASTIC)
        solid.add(low.disc((u + 0.05, 0.43), 0.06, 6), Paint((214, 216, 210), 0.3, 0.2))
    solid.add(up, car.paint)
    panel = car.new("", region="brand")
    bars, bright = car.design.grille
    solid.add(up.band(0.30, 0.22, 0.70, 0.92), BLACK, panel)
    for bar in range(bars):
        v = 0.22 + 0.70 * (bar + 0.5) / bars
        solid.add(up.band(0.31, v - 0.055, 0.69, v + 0.055), CHROME if bright else PLASTIC, panel)
    solid.add(up.band(0.30, 0.88, 0.70, 0.95), CHROME if bright else BLACK, panel)
    corners = {} if car.body.boxy else {side: shell.sides[side, "up"][-1] for side in SIDES}
    fit_lights(solid, car, up, corners, front=True)
    fit_logo(solid, car, up, (0.5, 0.62), panel)
    fit_plate(solid, car, low, (0.5, 0.66))


def fit_rear(solid: Solid, car: Car, shell: Shell) -> None:
    """Lay bumper, lights, plate and, unless a spare wheel carries it, the maker's sign on the rear."""
    low, up = shell.ends["rear_low"], shell.ends["rear_up"]
    solid.add(low, car.trim)
    solid.add(low.band(0.1, 0.0, 0.9, 0.22), BLACK)
    solid.add(up, car.paint)
    corners = {} if car.body.boxy else {side: shell.sides[side, "up"][0] for side in SIDES}
    if not car.body.spare:
        panel = car.new("", region="brand")
        solid.add(up.band(0.29, 0.25, 0.71, 0.93), Paint(shaded(car.design.paint, 0.9), 0.3), panel)
        fit_logo(solid, car, up, (0.5, 0.66), panel)
    fit_lights(solid, car, up, corners, front=False)
    fit_plate(solid, car, low, (0.5, 0.72))


def fit_lights(solid: Solid, car: Car, up: Face, corners: dict[int, Face], *, front: bool) -> None:
    """Lay the two lights of one end on its face, and around the corners whose faces are given."""
    shape = car.design.lights
    lens, bright = LENSES[car.marks.lens] if front else TAILS[car.marks.tail]
    outline = (FRONT_LIGHTS if front else REAR_LIGHTS)[shape]
    x = FRONT_SPOTS[shape] if front else 0.02
    spot = ((x, 0.48), (x + 0.09, 0.48), (x + 0.09, 0.78), (x, 0.78))
    for side in SIDES:
        # Seen from outside, the vehicle's left is on the right of the front and on the left of the rear.
        mirrored = (side == LEFT) == front
        parent = BODY
        if front and car.marks.cover:
            parent = car.new("light cover")
            solid.add(_placed(up, _grown(outline), mirrored), Paint(car.marks.cover, 0.4), parent)
        number = car.new("car light", parent, "right light" if mirrored else "left light")
        solid.add(_placed(up, outline, mirrored), Paint(lens, 0.5, 0.35), number)
        if side in corners:
            # The corner's face begins at the edge of the end's face, so the outline is mirrored on one of them only.
            around = car.new("", number)
            solid.add(_placed(corners[side], AROUND, not mirrored), Paint(lens, 0.5, 0.35), around)
        solid.add(_placed(up, spot, mirrored), Paint(bright, 0.6, 0.6), number)


def _grown(outline: Outline) -> Outline:
    """Return an outline slightly larger than another."""
    u, v = (total(point[axis] for point in outline) / len(outline) for axis in (0, 1))
    return [
        (max(0.0, across + (0.028 if across > u else -0.028)), max(0.0, min(1.0, up + (0.11 if up > v else -0.11))))
        for across, up in outline
    ]


def _placed(face: Face, outline: Outline, mirrored: bool) -> tuple[Point, ...]:
    """Return the patch of an outline drawn for the left end of a face, there or mirrored to its right end."""
    return face.area([(1 - u, v) for u, v in reversed(outline)] if mirrored else outline)


def fit_plate(solid: Solid, car: Car, face: Face, at: tuple[float, float]) -> None:
    """Lay a plate with its characters on a face; each character is one of four patterns."""
    style, pattern = car.marks.plate
    (ground, ink), number, (u, v) = PLATES[style], car.new("plate"), at
    width, height = 0.56, 0.17
    solid.add(face.block(at, width + 0.05, height + 0.05), BLACK, number)
    solid.add(face.block(at, width, height), Paint(ground, 0.1, 0.2), number)
    step, lift = width / face.width / (CHARACTERS + 1), 0.22 * height / face.height
    for place, character in enumerate(pattern):
        across = u + (place - (CHARACTERS - 1) / 2) * step
        if character == 0:
            solid.add(face.block((across, v), 0.05, 0.11), Paint(ink, 0.0, 0.2), number)
        elif character < 3:
            up = v + lift if character == 1 else v - lift
            solid.add(face.block((across, up), 0.05, 0.055), Paint(ink, 0.0, 0.2), number)


def fit_logo(solid: Solid, car: Car, face: Face, at: tuple[float, float], panel: int) -> None:
    """Lay the maker's sign on a face; ``panel`` is the part behind it."""
    shape, colour = car.marks.logo
    number, paint = car.new("logo", panel), Paint(colour, 0.4, 0.3)
    if shape == "disc":
        solid.add(face.disc(at, 0.12, 10), paint, number)
        solid.add(face.disc(at, 0.06, 8), BLACK, number)
    elif shape == "bar":
        solid.add(face.block(at, 0.34, 0.09), paint, number)
    elif shape == "rhomb":
        solid.add(face.disc(at, 0.15, 4), paint, number)
    else:
        solid.add(face.block(at, 0.30, 0.08), paint, number)
        solid.add(face.block(at, 0.08, 0.24), paint, number)
