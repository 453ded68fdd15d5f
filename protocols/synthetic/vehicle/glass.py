"""Glass: the windscreen, the rear window and the side windows, with the objects behind and the stickers on them."""

from __future__ import annotations

from protocols.synthetic.vehicle.car import BLACK, Car
from protocols.synthetic.vehicle.shell import LEFT
from protocols.synthetic.vehicle.solids import Face, Paint, Solid
from protocols.synthetic.vehicle.vehicles import shaded

GLASS = Paint((38, 48, 60), 0.55)
SKY = Paint((58, 72, 88), 0.6)
"""The upper part of a pane mirrors the sky."""

SEAT = Paint((20, 22, 26), 0.2)
DASHBOARD = Paint((18, 18, 20), 0.1)
PAPER = Paint((244, 244, 240), 0.0, 0.3)


def fit_windscreen(solid: Solid, car: Car, face: Face) -> None:
    """Lay the windscreen on the cabin's front, and then the objects behind it."""
    glass = car.new("wind-shield glass", region="window")
    solid.add(face.band(0.05, 0.05, 0.95, 0.94), GLASS, glass)
    solid.add(face.area(((0.05, 0.55), (0.95, 0.70), (0.95, 0.94), (0.05, 0.94))), SKY, glass)
    for u0, u1, v1 in ((0.22, 0.36, 0.62), (0.63, 0.79, 0.72)):
        solid.add(face.area(((u0, 0.16), (u1, 0.16), (u1 - 0.02, v1), (u0 + 0.02, v1))), SEAT, glass)
    if car.marks.belt:
        strap = face.area(((0.66, 0.20), (0.71, 0.20), (0.785, 0.66), (0.745, 0.66)))
        solid.add(strap, Paint(car.marks.belt, 0.0, 0.25), car.new("safe belt", glass))
    solid.add(face.band(0.05, 0.05, 0.95, 0.17), DASHBOARD, glass)
    if car.marks.strip:
        solid.add(face.band(0.05, 0.80, 0.95, 0.94), Paint(car.marks.strip, 0.3, 0.1), glass)
    _dashboard(solid, car, face, glass)
    _hanging(solid, car, face, glass)
    _signs(solid, car, face, glass)


def _dashboard(solid: Solid, car: Car, face: Face, glass: int) -> None:
    """Lay ornaments, the tissue box and the entry license along the windscreen's lower edge."""
    for place, colour in car.marks.ornaments:
        shape = face.disc((place, 0.17), 0.09, 6)
        solid.add(shape, Paint(colour, 0.1, 0.25), car.new("lay ornament", glass))
    _tissues(solid, car, face, glass, "front")
    if car.marks.license:
        place, colour = car.marks.license
        card = car.new("entry license", glass)
        solid.add(face.block((place + 0.02, 0.30), 0.24, 0.16), PAPER, card)
        solid.add(face.block((place + 0.02, 0.27), 0.20, 0.08), Paint(colour, 0.0, 0.3), card)


def _tissues(solid: Solid, car: Car, face: Face, glass: int, window: str) -> None:
    if car.marks.tissue and car.marks.tissue[0] == window:
        _, u, colour = car.marks.tissue
        box = car.new("tissuebox", glass)
        solid.add(face.block((u, 0.20), 0.32, 0.13), Paint(colour, 0.1, 0.2), box)
        solid.add(face.block((u, 0.20 + 0.09 / face.height), 0.12, 0.08), PAPER, box)


def _hanging(solid: Solid, car: Car, face: Face, glass: int) -> None:
    """Lay the inner mirror and its pendant on the windscreen."""
    solid.add(face.block((0.5, 0.80), 0.26, 0.07), BLACK, glass)
    if not car.marks.hanging:
        return
    shape, colour = car.marks.hanging
    number, paint = car.new("hanging", glass), Paint(colour, 0.1, 0.3)
    solid.add(face.block((0.5, 0.66), 0.03, 0.16), paint, number)
    if shape == "knot":
        solid.add(face.disc((0.5, 0.50), 0.12, 4), paint, number)
    elif shape == "beads":
        solid.add(face.disc((0.5, 0.58), 0.06, 6), paint, number)
        solid.add(face.disc((0.5, 0.44), 0.07, 6), paint, number)
    else:
        solid.add(face.block((0.5, 0.48), 0.14, 0.20), paint, number)


def _signs(solid: Solid, car: Car, face: Face, glass: int) -> None:
    """Stick the annual service signs into a corner of the windscreen, in one row or in two."""
    signs, corner = car.marks.signs
    rows = 2 if len(signs) > 2 else 1
    for place, colour in enumerate(signs):
        u = 0.05 + (0.12 + 0.20 * (place // rows)) / face.width
        v = 0.83 - 0.20 * (place % rows)
        sign = face.block((1 - u if corner == "right" else u, v), 0.17, 0.15)
        solid.add(sign, Paint(colour, 0.0, 0.35), car.new("annual service signs", glass))


def fit_rear_window(solid: Solid, car: Car, face: Face) -> None:
    """Lay the rear window on the cabin's rear, with the newcomer's sign and the tissue box."""
    glass = car.new("", region="window")
    solid.add(face.band(0.08, 0.12, 0.92, 0.90), GLASS, glass)
    solid.add(face.area(((0.08, 0.62), (0.92, 0.50), (0.92, 0.90), (0.08, 0.90))), SKY, glass)
    _tissues(solid, car, face, glass, "rear")
    fit_sign(solid, car, face, glass)


def fit_sign(solid: Solid, car: Car, face: Face, parent: int) -> None:
    """Lay the newcomer's sign on the rear window, or on a door if there is none."""
    if car.marks.sign:
        place, colour = car.marks.sign
        number, at = car.new("newer sign", parent), (0.16 + 0.68 * place, 0.5)
        solid.add(face.disc(at, 0.17, 8), PAPER, number)
        solid.add(face.disc(at, 0.13, 8), Paint(colour, 0.0, 0.3), number)


def fit_side_windows(solid: Solid, car: Car, face: Face, side: int) -> None:
    """Lay the side windows, and on a panel van's blind side its livery."""
    light = 1 - 0.6 * car.design.tint
    for start, end in car.body.glass:
        u0, u1 = (start, end) if side == LEFT else (1 - end, 1 - start)
        solid.add(face.band(u0, 0.10, u1, 0.92), Paint(shaded(GLASS.colour, light), 0.5))
        solid.add(face.band(u0, 0.58, u1, 0.92), Paint(shaded(SKY.colour, light), 0.5))
    if car.design.livery and car.body.name == "panel van":
        u0, u1 = (0.38, 0.92) if side == LEFT else (0.08, 0.62)
        solid.add(face.band(u0, 0.25, u1, 0.6), Paint(car.design.livery, 0.2))
