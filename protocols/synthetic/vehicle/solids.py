"""Solids: flat faces with patches on them, put together so that a painter's order exists from every viewpoint.

Lengths are metres; x points ahead of the vehicle, y to its left, z up. Corners run counter-clockwise seen from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocols.synthetic.chance import direction, total

Point = tuple[float, float, float]
Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BODY = 1
"""The number of the body, which is not a part; 0 is the backdrop."""


class Paint(NamedTuple):
    """The paint of a polygon.

    Attributes:
        colour: red, green, blue under full white light.
        gloss: how strongly the sun and the sky are mirrored, 0 to 1.
        glow: the share of the colour that does not depend on light, 0 to 1.
    """

    colour: Colour
    gloss: float = 0.0
    glow: float = 0.0


class Part(NamedTuple):
    """One part of one vehicle: its left front wheel, its third service sign.

    Attributes:
        kind: one of the 16 classes, or "" if it belongs to regions only.
        parent: number of the part behind it, whose box includes this part.
        region: its region in PR-ReID: ``window``, ``left light``, ``right light``, ``brand``, or "".
    """

    kind: str
    parent: int = BODY
    region: str = ""


@dataclass(frozen=True)
class Face:
    """A flat quadrilateral with coordinates: u from left to right and v from bottom to top, seen from outside.

    Its corners are bottom left, bottom right, top right and top left.
    """

    corners: tuple[Point, Point, Point, Point]

    def at(self, u: float, v: float) -> Point:
        """Return the point at u and v, each 0 to 1 inside the face."""
        shares = ((1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v)
        x, y, z = (
            total(share * corner[axis] for share, corner in zip(shares, self.corners, strict=True)) for axis in range(3)
        )
        return x, y, z

    @property
    def width(self) -> float:
        """Metres from the middle of the left edge to that of the right edge."""
        return distance(self.at(0, 0.5), self.at(1, 0.5))

    @property
    def height(self) -> float:
        """Metres from the middle of the bottom edge to that of the top edge."""
        return distance(self.at(0.5, 0), self.at(0.5, 1))

    def area(self, points: Iterable[tuple[float, float]]) -> tuple[Point, ...]:
        """Return the polygon of points given by u and v, counter-clockwise."""
        return tuple(self.at(u, v) for u, v in points)

    def band(self, u0: float, v0: float, u1: float, v1: float) -> tuple[Point, ...]:
        """Return the part of the face between two u and two v."""
        return self.area(((u0, v0), (u1, v0), (u1, v1), (u0, v1)))

    def block(self, at: tuple[float, float], width: float, height: float) -> tuple[Point, ...]:
        """Return a rectangle of ``width`` by ``height`` metres around u and v."""
        u, v = at
        du, dv = width / self.width / 2, height / self.height / 2
        return self.band(u - du, v - dv, u + du, v + dv)

    def disc(self, at: tuple[float, float], radius: float, sides: int) -> tuple[Point, ...]:
        """Return a regular polygon around u and v, its corners ``radius`` metres away."""
        across, along = radius / self.width, radius / self.height
        turns = [direction(360.0 * step / sides) for step in range(sides)]
        return self.area([(at[0] + across * cosine, at[1] + along * sine) for cosine, sine in turns])


class Polygon(NamedTuple):
    """A flat polygon of a solid."""

    corners: tuple[Point, ...]
    paint: Paint
    part: int


@dataclass
class Solid:
    """Polygons of which none hides a later one: a convex body's faces, then the patches on them."""

    polygons: list[Polygon] = field(default_factory=list)

    def add(self, shape: Face | Sequence[Point], paint: Paint, part: int = BODY) -> None:
        """Lay a face, or a patch on a face, over the polygons so far."""
        corners = shape.corners if isinstance(shape, Face) else tuple(shape)
        self.polygons.append(Polygon(corners, paint, part))

    def box(self, low: Point, high: Point, paint: Paint, part: int = BODY) -> dict[str, Face]:
        """Add the six faces of an upright box; return them by name."""
        faces = box_faces(low, high)
        for face in faces.values():
            self.add(face, paint, part)
        return faces


class Split(NamedTuple):
    """A plane across an axis that no solid crosses; the viewer's side of it is drawn last."""

    axis: int
    at: float
    below: Tree
    above: Tree


Tree = Solid | Split
Ranges = range | tuple[int, float, "Ranges", "Ranges"]
"""A tree whose solids are the numbers of their polygons."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A vehicle as arrays, for projection in a few calls.

    Attributes:
        corners: (n, 3) float64, polygon after polygon.
        starts: (p + 1,) index of each polygon's first corner.
        normals: (p, 3) unit vectors pointing out.
        colours: (p, 3) 0 to 255.
        gloss: (p,).
        glow: (p,).
        part: (p,) numbers into ``parts``.
        parts: by number; 0 and ``BODY`` are not parts.
        tree: as given, each solid as the range of its polygons.
    """

    corners: Floats
    starts: Integers
    normals: Floats
    colours: Floats
    gloss: Floats
    glow: Floats
    part: Integers
    parts: tuple[Part, ...]
    tree: Ranges

    def order(self, viewer: Point) -> list[int]:
        """Return all polygons, the farthest from the viewer first."""
        found: list[int] = []
        _walk(self.tree, viewer, found)
        return found


def mesh(tree: Tree, parts: Sequence[Part]) -> Mesh:
    """Return a tree of solids as arrays."""
    polygons: list[Polygon] = []
    ranges = _number(tree, polygons)
    corners = np.array([corner for polygon in polygons for corner in polygon.corners])
    starts = np.cumsum([0, *(len(polygon.corners) for polygon in polygons)])
    return Mesh(
        corners,
        starts,
        _normals(corners, starts),
        np.array([polygon.paint.colour for polygon in polygons], np.float64),
        np.array([polygon.paint.gloss for polygon in polygons]),
        np.array([polygon.paint.glow for polygon in polygons]),
        np.array([polygon.part for polygon in polygons]),
        tuple(parts),
        ranges,
    )


def box_faces(low: Point, high: Point) -> dict[str, Face]:
    """Return the faces of an upright box: front, rear, left, right, top, bottom."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    return {
        "front": Face(((x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1))),
        "rear": Face(((x0, y1, z0), (x0, y0, z0), (x0, y0, z1), (x0, y1, z1))),
        "left": Face(((x1, y1, z0), (x0, y1, z0), (x0, y1, z1), (x1, y1, z1))),
        "right": Face(((x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1))),
        "top": Face(((x0, y1, z1), (x0, y0, z1), (x1, y0, z1), (x1, y1, z1))),
        "bottom": Face(((x1, y1, z0), (x1, y0, z0), (x0, y0, z0), (x0, y1, z0))),
    }


def distance(one: Point, other: Point) -> float:
    """Return the metres between two points."""
    square = total((a - b) * (a - b) for a, b in zip(one, other, strict=True))
    return float(np.sqrt(square))


def _number(tree: Tree, polygons: list[Polygon]) -> Ranges:
    if isinstance(tree, Solid):
        first = len(polygons)
        polygons.extend(tree.polygons)
        return range(first, len(polygons))
    return tree.axis, tree.at, _number(tree.below, polygons), _number(tree.above, polygons)


def _walk(tree: Ranges, viewer: Point, found: list[int]) -> None:
    if isinstance(tree, range):
        found.extend(tree)
        return
    axis, at, below, above = tree
    far, near = (below, above) if viewer[axis] > at else (above, below)
    _walk(far, viewer, found)
    _walk(near, viewer, found)


def _normals(corners: Floats, starts: Integers) -> Floats:
    """Return unit normals by Newell's sums, which need no three good corners."""
    normals = np.zeros((len(starts) - 1, 3))
    for number, (start, stop) in enumerate(pairwise(starts.tolist())):
        here = corners[start:stop]
        after = np.concatenate([here[1:], here[:1]])
        for axis in range(3):
            one, other = (axis + 1) % 3, (axis + 2) % 3
            terms = (here[:, one] - after[:, one]) * (here[:, other] + after[:, other])
            normals[number, axis] = total(terms.tolist())
    x, y, z = normals.T
    return normals / np.sqrt(x * x + y * y + z * z)[:, None]
