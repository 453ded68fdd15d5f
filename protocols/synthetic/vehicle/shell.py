"""Shells: from a body model's proportions to the faces of its lower body, its cabin and its cargo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from protocols.synthetic.vehicle.bodies import Body
from protocols.synthetic.vehicle.solids import Face, Point, box_faces

LEFT, RIGHT = 1, -1
SIDES = (LEFT, RIGHT)


@dataclass(frozen=True)
class Proportions:
    """A body model under a vehicle's own proportions; positions are metres from the nose as in ``Body``."""

    body: Body
    stretch: tuple[float, float, float]

    @property
    def length(self) -> float:
        """Return the length of the whole vehicle."""
        return self.body.length * self.stretch[0]

    @property
    def half(self) -> float:
        """Return half its width."""
        return self.body.width * self.stretch[1] / 2

    def x(self, position: float) -> float:
        """Return the coordinate of a position along the body."""
        return self.length / 2 - position * self.stretch[0]

    def z(self, height: float) -> float:
        """Return the coordinate of a height; the wheels keep theirs."""
        return height * self.stretch[2] if height > 2 * self.body.wheel else height

    @property
    def shell_end(self) -> float:
        """Return the position of the end of the lower body: the tail, or the rear of a truck's cab."""
        return self.body.cargo_from - 0.12 if self.body.cargo in ("box", "flatbed") else self.body.length

    @property
    def waist(self) -> float:
        """Return the height of the widest line, which separates bumpers from lights."""
        low = min(self.body.nose, self.body.tail)
        return self.body.clearance + 0.5 * (self.z(low) - self.body.clearance)


@dataclass(frozen=True)
class Shell:
    """The lower body.

    Attributes:
        frame: its proportions.
        ends: ``front_low``, ``front_up``, ``rear_low``, ``rear_up``.
        sides: by side, low and up, the faces from the rear to the front.
        tops: the faces from the rear to the front; an open bed has none.
        bed: the faces of an open bed that look inwards, and its rims.
    """

    frame: Proportions
    ends: dict[str, Face]
    sides: dict[tuple[int, str], tuple[Face, ...]]
    tops: tuple[Face, ...]
    bed: tuple[Face, ...]
    rims: tuple[Face, ...]

    def on_side(self, side: int, points: Sequence[tuple[float, float]]) -> tuple[Point, ...]:
        """Return the polygon on a side whose points are given by position and height.

        The points run counter-clockwise as seen from the vehicle's right, with the nose on the right.
        """
        corners = [_side_point(self.frame, position, height, side) for position, height in points]
        return tuple(corners if side == RIGHT else reversed(corners))


def build_shell(frame: Proportions) -> Shell:
    """Return the faces of the lower body."""
    body = frame.body
    corner = 0.14 if body.boxy else 0.45
    end = frame.shell_end
    inner = [corner, body.screen, body.deck, end - corner]
    if body.cargo == "bed":
        inner = [corner, body.screen, body.deck, body.cargo_from + 0.06, end - 0.10]
    places = [end, *sorted((place for place in inner if 0.05 < place < end - 0.05), reverse=True), 0.0]
    stations = [_station(frame, place) for place in places]
    pairs = list(pairwise(stations))
    bed = places.index(end - 0.10) if body.cargo == "bed" else None
    sides = {}
    for side in SIDES:
        for name, low, high in (("low", 0, 1), ("up", 1, 2)):
            sides[side, name] = tuple(_side_face(rear, front, low, high, side) for rear, front in pairs)
    tops = [
        Face((rear[2], _right(rear[2]), _right(front[2]), front[2]))
        for index, (rear, front) in enumerate(pairs)
        if index != bed
    ]
    inside, rims = _bed(frame, pairs[bed]) if bed is not None else ((), ())
    return Shell(frame, _ends(stations[0], stations[-1]), sides, tuple(tops), inside, rims)


def cabin_faces(frame: Proportions) -> dict[str, Face]:
    """Return the cabin above the belt: front, rear, left, right, and the rounded edge and top of its roof."""
    body = frame.body
    belt, roof = frame.z(body.belt), frame.z(body.height)
    eave = roof - (0.16 if body.boxy else 0.09)
    low = _ring(frame, (body.screen, body.deck), belt, 1.0)
    share = (eave - belt) / (roof - belt)
    tilt = 1 - (1 - body.tumble) * share
    high = _ring(frame, (body.roof, body.roof_end), eave, tilt)
    top = _ring(frame, (body.roof + 0.14, body.roof_end - 0.14), roof, body.tumble * 0.92)
    names = ("front", "rear", "left", "right")
    faces = {name: _wall(low, high, name) for name in names}
    faces |= {f"{name} edge": _wall(high, top, name) for name in names}
    return {**faces, "roof": Face((top[1], top[2], top[3], top[0]))}


def cargo_faces(frame: Proportions) -> dict[str, dict[str, Face]]:
    """Return the chassis, the tail bar and the box or the flat bed of a truck, by name and side."""
    body = frame.body
    start, end, half = frame.x(body.cargo_from), -frame.length / 2, frame.half
    deck, top = 0.95, body.cargo_height * frame.stretch[2]
    found = {
        "chassis": box_faces((end + 0.1, -half * 0.55, 0.5), (start + 0.2, half * 0.55, deck)),
        "tail": box_faces((end, -half * 0.98, 0.52), (end + 0.1, half * 0.98, 0.86)),
        "box": box_faces((end, -half * 1.02, deck), (start, half * 1.02, top)),
    }
    if body.cargo == "flatbed":
        found["box"] = box_faces((end, -half * 1.02, deck), (start, half * 1.02, top - 0.05))
        found["inside"] = _inward((end + 0.07, -half * 0.95, deck + 0.08), (start - 0.07, half * 0.95, top - 0.05))
    return found


def _station(frame: Proportions, place: float) -> tuple[Point, Point, Point]:
    """Return the cross-section at a position: sill, waist and top, on the left side."""
    body, end = frame.body, frame.shell_end
    taper = _taper(frame, place)
    lean = 0.03 if body.boxy else 0.12
    ahead = -1.0 if place == 0.0 else 1.0 if place == end else 0.0
    sill, waist, top = (
        (frame.x(place) + ahead * back, frame.half * share * taper, height)
        for back, share, height in (
            (0.07, 0.96, body.clearance),
            (0.0, 1.0, frame.waist),
            (lean, 0.94 if not body.boxy else 0.99, _top(frame, place)),
        )
    )
    return sill, waist, top


def _taper(frame: Proportions, place: float) -> float:
    corner = 0.14 if frame.body.boxy else 0.45
    near = min(place, frame.body.length - place)
    return 1.0 if near >= corner else 1.0 - frame.body.rounding * (1 - near / corner)


def _top(frame: Proportions, place: float) -> float:
    """Return the height of the shell's upper edge."""
    body = frame.body
    belt = body.cargo_height if body.cargo == "bed" and place > body.cargo_from else body.belt
    if place < body.screen:
        share = place / body.screen
        # The bonnet is a little higher than a straight line.
        height = body.nose + (belt - body.nose) * share + 0.16 * share * (1 - share)
    elif place > body.deck and body.cargo != "bed":
        height = belt + (body.tail - belt) * (place - body.deck) / max(1e-6, frame.shell_end - body.deck)
    else:
        height = belt
    return frame.z(height)


def _side_point(frame: Proportions, place: float, height: float, side: int) -> Point:
    """Return the point of a side at a position and height, a hair outside the faces."""
    sill, waist, top = _station(frame, place)
    low, high = (sill, waist) if height < waist[2] else (waist, top)
    share = (height - low[2]) / (high[2] - low[2])
    return frame.x(place), side * (low[1] + (high[1] - low[1]) * share + 0.004), height


def _side_face(rear: Sequence[Point], front: Sequence[Point], low: int, high: int, side: int) -> Face:
    if side == LEFT:
        return Face((front[low], rear[low], rear[high], front[high]))
    return Face((_right(rear[low]), _right(front[low]), _right(front[high]), _right(rear[high])))


def _ends(rear: Sequence[Point], front: Sequence[Point]) -> dict[str, Face]:
    found = {}
    for name, low, high in (("low", 0, 1), ("up", 1, 2)):
        found[f"front_{name}"] = Face((_right(front[low]), front[low], front[high], _right(front[high])))
        found[f"rear_{name}"] = Face((rear[low], _right(rear[low]), _right(rear[high]), rear[high]))
    return found


def _bed(
    frame: Proportions, pair: tuple[Sequence[Point], Sequence[Point]]
) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Return the inside of an open bed and the rims along its sides."""
    (rear, front), rim = pair, 0.07
    top = rear[2][2]
    half = min(rear[2][1], front[2][1]) - rim
    inside = _inward((rear[2][0], -half, frame.body.clearance + 0.35), (front[2][0], half, top))
    (x0, y0, _), (x1, y1, _) = rear[2], front[2]
    left = Face(((x0, y0, top), (x0, half, top), (x1, half, top), (x1, y1, top)))
    right = Face(((x0, -half, top), (x0, -y0, top), (x1, -y1, top), (x1, -half, top)))
    return tuple(inside.values()), (left, right)


def _inward(low: Point, high: Point) -> dict[str, Face]:
    """Return the faces of an upright box that look into it: all but the top."""
    faces = box_faces(low, high)
    corners = {name: faces[name].corners for name in ("bottom", "front", "rear", "left", "right")}
    return {name: Face((right, left, up_left, up_right)) for name, (left, right, up_right, up_left) in corners.items()}


def _ring(frame: Proportions, ends: tuple[float, float], z: float, share: float) -> tuple[Point, ...]:
    """Return a level of the cabin: front left, rear left, rear right, front right."""
    (ahead, at_front), (behind, at_rear) = (
        (frame.x(place), frame.half * 0.94 * share * _taper(frame, place) - 0.01) for place in ends
    )
    return (ahead, at_front, z), (behind, at_rear, z), (behind, -at_rear, z), (ahead, -at_front, z)


def _wall(low: Sequence[Point], high: Sequence[Point], name: str) -> Face:
    left, right = {"front": (3, 0), "rear": (1, 2), "left": (0, 1), "right": (2, 3)}[name]
    return Face((low[left], low[right], high[right], high[left]))


def _right(point: Point) -> Point:
    return point[0], -point[1], point[2]
