"""Fittings: lights, plates, glass, wheels and the marks, laid on the faces of a shell."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.synthetic.chance import direction
from protocols.synthetic.marks import Marks
from protocols.synthetic.shell import LEFT, SIDES, Frame
from protocols.synthetic.solids import BODY, Colour, Face, Paint, Part, Point, Solid
from protocols.synthetic.vehicles import Vehicle

BLACK = Paint((26, 27, 30), 0.15)
RUBBER = Paint((22, 22, 24))
SHADE = Paint((10, 10, 12), 0.0, 0.6)
GLASS = Paint((38, 48, 60), 0.55)
SKY = Paint((96, 116, 138), 0.4)
CHROME = Paint((206, 210, 215), 0.5)

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


class Parts:
    """The parts of a vehicle, numbered as they are fitted."""

    def __init__(self) -> None:
        self.all = [Part(""), Part("")]

    def new(self, kind: str, parent: int = BODY, region: str = "") -> int:
        """Return the number of a new part, which is higher than its parent's."""
        self.all.append(Part(kind, parent, region))
        return len(self.all) - 1


def fit_lights(solid: Solid, parts: Parts, vehicle: Vehicle, up: Face, corners: dict[int, Face], end: str) -> None:
    """Lay the two lights of one end on its face, and around the corners where those faces are given."""
    front = end == "front"
    marks, shape = vehicle.marks, vehicle.design.lights
    lens, bright = LENSES[marks.lens] if front else TAILS[marks.tail]
    for side in SIDES:
        # Seen from outside, the vehicle's left is on the right of the front face and on the left of the rear face.
        mirrored = (side == LEFT) == front
        outline, around = _light_outline(shape, front), BODY
        if front and marks.cover:
            around = parts.new("light cover")
            solid.add(_placed(up, outline, mirrored, grow=0.028), Paint(marks.cover, 0.4), around)
        number = parts.new("car light", around, "right light" if mirrored else "left light")
        solid.add(_placed(up, outline, mirrored), Paint(lens, 0.5, 0.35), number)
        if side in corners:
            # On the corner face the light goes on where the end face stops.
            at_start = (side == LEFT) == front
            wrap = ((0.0, 0.42), (0.42, 0.55), (0.42, 0.82), (0.0, 0.92))
            solid.add(_placed(corners[side], wrap, not at_start), Paint(lens, 0.5, 0.35), number)
        solid.add(_placed(up, _light_inside(shape, front), mirrored), Paint(bright, 0.6, 0.6), number)


def _light_outline(shape: int, front: bool) -> Sequence[tuple[float, float]]:
    if not front:
        return (
            ((0.0, 0.30), (0.17, 0.36), (0.17, 0.95), (0.0, 0.95)),
            ((0.0, 0.42), (0.27, 0.48), (0.22, 0.88), (0.0, 0.92)),
            ((0.0, 0.16), (0.12, 0.16), (0.14, 0.97), (0.0, 0.97)),
        )[shape]
    return (
        ((0.01, 0.36), (0.25, 0.36), (0.25, 0.90), (0.01, 0.90)),
        ((0.0, 0.40), (0.20, 0.30), (0.29, 0.44), (0.0, 0.95)),
        (
            (0.02, 0.52),
            (0.08, 0.30),
            (0.20, 0.30),
            (0.25, 0.52),
            (0.25, 0.74),
            (0.20, 0.94),
            (0.08, 0.94),
            (0.02, 0.74),
        ),
    )[shape]


def _light_inside(shape: int, front: bool) -> Sequence[tuple[float, float]]:
    if not front:
        return ((0.02, 0.55), (0.12, 0.57), (0.12, 0.80), (0.02, 0.80))
    x = (0.07, 0.06, 0.09)[shape]
    return ((x, 0.48), (x + 0.09, 0.48), (x + 0.09, 0.78), (x, 0.78))


def _placed(face: Face, points: Sequence[tuple[float, float]], mirrored: bool, grow: float = 0.0) -> tuple[Point, ...]:
    """Return a patch drawn for the left end of a face, there or mirrored to its right end."""
    if grow:
        u = sum(point[0] for point in points) / len(points)
        v = sum(point[1] for point in points) / len(points)
        points = [
            (max(0.0, p + (grow if p > u else -grow)), min(1.0, max(0.0, q + (4 * grow if q > v else -4 * grow))))
            for p, q in points
        ]
    return face.area([(1 - u, v) for u, v in reversed(points)] if mirrored else points)


def fit_plate(solid: Solid, parts: Parts, marks: Marks, face: Face, u: float, v: float) -> None:
    """Lay a plate with its characters on a face; each character is one of four patterns."""
    from protocols.synthetic.marks import CHARACTERS, PLATES

    (ground, ink), number = PLATES[marks.plate[0]], parts.new("plate")
    width, height = 0.56, 0.17
    solid.add(face.block(u, v, width + 0.05, height + 0.05), BLACK, number)
    solid.add(face.block(u, v, width, height), Paint(ground, 0.1, 0.2), number)
    step = width / face.width / (CHARACTERS + 1)
    for place, pattern in enumerate(marks.plate[1]):
        centre = u + (place - (CHARACTERS - 1) / 2) * step
        tall, lift = ((0.11, 0.0), (0.055, 0.22), (0.055, -0.22), (0.0, 0.0))[pattern]
        if tall:
            solid.add(face.block(centre, v + lift * height / face.height, 0.05, tall), Paint(ink, 0.0, 0.2), number)


def fit_logo(solid: Solid, parts: Parts, marks: Marks, face: Face, u: float, v: float, panel: int) -> None:
    """Lay the maker's sign on a face."""
    shape, colour = marks.logo
    number = parts.new("logo", panel)
    paint = Paint(colour, 0.4, 0.3)
    if shape == "disc":
        solid.add(face.disc(u, v, 0.12, 10), paint, number)
        solid.add(face.disc(u, v, 0.06, 8), BLACK, number)
    elif shape == "bar":
        solid.add(face.block(u, v, 0.34, 0.09), paint, number)
    elif shape == "rhomb":
        solid.add(face.disc(u, v, 0.15, 4), paint, number)
    else:
        solid.add(face.block(u, v, 0.30, 0.08), paint, number)
        solid.add(face.block(u, v, 0.08, 0.24), paint, number)


def fit_windscreen(solid: Solid, parts: Parts, vehicle: Vehicle, face: Face) -> None:
    """Lay the windscreen on the cabin's front, with all that is seen through it or sticks to it."""
    marks = vehicle.marks
    glass = parts.new("wind-shield glass", region="window")
    u0, u1 = 0.05, 0.95
    solid.add(face.band(u0, 0.05, u1, 0.94), GLASS, glass)
    solid.add(face.area(((u0, 0.55), (u1, 0.70), (u1, 0.94), (u0, 0.94))), Paint((58, 72, 88), 0.6), glass)
    for seat, width in ((0.29, 0.15), (0.71, 0.17)):
        top = 0.62 if seat < 0.5 else 0.72
        solid.add(
            face.area(
                ((seat - width / 2, 0.16), (seat + width / 2, 0.16), (seat + width / 3, top), (seat - width / 3, top))
            ),
            Paint((20, 22, 26), 0.2),
            glass,
        )
    if marks.belt:
        belt = parts.new("safe belt", glass)
        solid.add(
            face.area(((0.66, 0.20), (0.71, 0.20), (0.785, 0.66), (0.745, 0.66))), Paint(marks.belt, 0.0, 0.25), belt
        )
    solid.add(face.band(u0, 0.05, u1, 0.17), Paint((18, 18, 20), 0.1), glass)
    if marks.strip:
        solid.add(face.band(u0, 0.80, u1, 0.94), Paint(marks.strip, 0.3, 0.1), glass)
    for place, colour in marks.ornaments:
        ornament = parts.new("lay ornament", glass)
        solid.add(face.disc(place, 0.17, 0.09, 6, 0.95), Paint(colour, 0.1, 0.25), ornament)
    if marks.tissue and marks.tissue[0] == "front":
        _tissue_box(solid, parts, face, marks.tissue[1], marks.tissue[2], glass)
    if marks.license:
        card = parts.new("entry license", glass)
        solid.add(face.block(marks.license[0] + 0.02, 0.30, 0.24, 0.16), Paint((240, 240, 236), 0.0, 0.3), card)
        solid.add(face.block(marks.license[0] + 0.02, 0.27, 0.20, 0.08), Paint(marks.license[1], 0.0, 0.3), card)
    _hang(solid, parts, marks, face, glass)
    signs, corner = marks.signs
    for place, colour in enumerate(signs):
        u = 0.05 + (0.055 + 0.19 * (place // 2 if len(signs) > 2 else place) + 0.03) * 1.45 / face.width
        v = 0.82 - (0.20 * (place % 2) if len(signs) > 2 else 0.0)
        sign = parts.new("annual service signs", glass)
        solid.add(face.block(1 - u if corner == "right" else u, v, 0.15, 0.13), Paint(colour, 0.0, 0.35), sign)


def _tissue_box(solid: Solid, parts: Parts, face: Face, u: float, colour: Colour, glass: int) -> None:
    box = parts.new("tissuebox", glass)
    solid.add(face.block(u, 0.20, 0.32, 0.13), Paint(colour, 0.1, 0.2), box)
    solid.add(face.block(u, 0.20 + 0.09 / face.height, 0.12, 0.08), Paint((246, 246, 246), 0.0, 0.3), box)


def _hang(solid: Solid, parts: Parts, marks: Marks, face: Face, glass: int) -> None:
    """Lay the inner mirror on the windscreen, and what hangs from it."""
    solid.add(face.block(0.5, 0.80, 0.26, 0.07), BLACK, glass)
    if not marks.hanging:
        return
    shape, colour = marks.hanging
    number, paint = parts.new("hanging", glass), Paint(colour, 0.1, 0.3)
    solid.add(face.block(0.5, 0.66, 0.03, 0.16), paint, number)
    if shape == "knot":
        solid.add(face.disc(0.5, 0.50, 0.12, 4, 1.1), paint, number)
    elif shape == "beads":
        solid.add(face.disc(0.5, 0.58, 0.06, 6), paint, number)
        solid.add(face.disc(0.5, 0.44, 0.07, 6), paint, number)
    else:
        solid.add(face.block(0.5, 0.48, 0.14, 0.20), paint, number)


def fit_rear_window(solid: Solid, parts: Parts, vehicle: Vehicle, face: Face) -> None:
    """Lay the rear window on the cabin's rear, with the newcomer's sign and the tissue box."""
    marks = vehicle.marks
    glass = parts.new("", region="window")
    solid.add(face.band(0.08, 0.12, 0.92, 0.90), GLASS, glass)
    solid.add(face.area(((0.08, 0.62), (0.92, 0.50), (0.92, 0.90), (0.08, 0.90))), Paint((56, 70, 86), 0.6), glass)
    if marks.tissue and marks.tissue[0] == "rear":
        _tissue_box(solid, parts, face, marks.tissue[1], marks.tissue[2], glass)
    fit_sign(solid, parts, marks, face, glass)


def fit_sign(solid: Solid, parts: Parts, marks: Marks, face: Face, parent: int) -> None:
    """Lay the newcomer's sign on the rear window, or on a door where there is none."""
    if marks.sign:
        place, colour = marks.sign
        number = parts.new("newer sign", parent)
        across = 0.16 + 0.68 * place
        solid.add(face.disc(across, 0.5, 0.17, 8), Paint((246, 246, 240), 0.0, 0.2), number)
        solid.add(face.disc(across, 0.5, 0.13, 8), Paint(colour, 0.0, 0.3), number)


def fit_wheel(solid: Solid, number: int, marks: Marks, centre: Point, radius: float, side: int) -> None:
    """Lay the outside of a wheel: tyre, rim, spokes, hub."""
    spokes, colour = marks.rim
    rim = Paint(colour, 0.35, 0.1)
    inner = 0.70 * radius
    solid.add(_circle(centre, radius, 16, side), RUBBER, number)
    solid.add(_circle(centre, inner, 14, side), rim, number)
    if spokes:
        solid.add(_circle(centre, inner * 0.86, 12, side), SHADE, number)
        for step in range(spokes):
            cosine, sine = direction(90 + 360 * step / spokes)
            wide, tip = 0.13 * radius * (6 / (spokes + 2)), inner * 0.9
            ring = (
                (-wide * sine, wide * cosine),
                (tip * cosine - wide * sine, tip * sine + wide * cosine),
                (tip * cosine + wide * sine, tip * sine - wide * cosine),
                (wide * sine, -wide * cosine),
            )
            solid.add(_on_wheel(centre, tuple(reversed(ring)), side), rim, number)
    else:
        solid.add(_circle(centre, inner * 0.5, 10, side), Paint((90, 92, 96), 0.2), number)
    solid.add(_circle(centre, inner * 0.24, 8, side), CHROME if spokes else BLACK, number)


def fit_tread(solid: Solid, number: int, centre: Point, radius: float, width: float, side: int) -> None:
    """Add the tread and the inside of a wheel, which show below the body."""
    steps = [direction(360.0 * step / 12) for step in range(12)]
    x, y, z = centre
    inside = y - side * width
    low, high = (inside, y) if side == LEFT else (y, inside)
    for (c0, s0), (c1, s1) in zip(steps, steps[1:] + steps[:1], strict=True):
        one, other = (x + radius * c0, z + radius * s0), (x + radius * c1, z + radius * s1)
        quad = ((one[0], low, one[1]), (one[0], high, one[1]), (other[0], high, other[1]), (other[0], low, other[1]))
        solid.add(quad, RUBBER, number)
    solid.add(_circle((x, inside, z), radius, 12, -side), RUBBER, number)


def fit_arch(solid: Solid, frame: Frame, centre: Point, radius: float, side: int) -> None:
    """Lay the dark opening behind a wheel."""
    sill = frame.body.clearance
    ring = [direction(360.0 * step / 20) for step in range(20)]
    points = [(radius * cosine, max(sill - centre[2], radius * sine)) for cosine, sine in ring]
    solid.add(_on_wheel(centre, points, side), SHADE)


def _circle(centre: Point, radius: float, sides: int, side: int) -> tuple[Point, ...]:
    return _on_wheel(
        centre, [(radius * c, radius * s) for c, s in (direction(360.0 * k / sides) for k in range(sides))], side
    )


def _on_wheel(centre: Point, points: Sequence[tuple[float, float]], side: int) -> tuple[Point, ...]:
    """Return points of an upright plane along the vehicle, counter-clockwise seen from that side of it."""
    x, y, z = centre
    found = [(x + along, y, z + up) for along, up in points]
    return tuple(found if side != LEFT else reversed(found))
