"""Marks that distinguish vehicles of one model and colour, among the 16 part classes of PGAN's Table 4."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.bodies import Body
from protocols.synthetic.vehicle.solids import Colour

STICKERS: tuple[Colour, ...] = (
    (226, 48, 40), (250, 205, 40), (60, 170, 75), (45, 110, 215), (245, 245, 240), (235, 120, 190), (245, 140, 35),
)  # fmt: skip
TRIM: tuple[Colour, ...] = ((24, 24, 26), (205, 208, 212), (150, 30, 28), (235, 190, 30), (235, 238, 240))
PLATES: tuple[tuple[Colour, Colour], ...] = (
    ((28, 72, 170), (240, 244, 250)),
    ((240, 196, 30), (20, 20, 22)),
    ((120, 205, 150), (16, 30, 20)),
    ((238, 240, 242), (24, 24, 28)),
)
"""Plate and characters: blue and white, yellow and black, green and black, white and black."""

RIMS: tuple[Colour, ...] = ((214, 217, 222), (120, 124, 130), (40, 41, 44), (190, 150, 70), (240, 240, 240))
CHARACTERS = 6


@dataclass(frozen=True)
class Marks:
    """The marks of one vehicle; None if it lacks the mark. Places are shares of the face from its left.

    Attributes:
        signs: colours of the annual service signs, and the corner of the windscreen that they are in.
        mirror: colour of the back mirrors; None for that of the vehicle.
        lens: look of the front lights; ``tail`` of the rear ones.
        carrier: kind and colour of the carrier on the roof.
        topwindow: size of the window in the roof.
        license: place and colour of the entry license behind the windscreen.
        hanging: shape and colour of the pendant at the inner mirror.
        ornaments: places and colours of the ornaments on the dashboard.
        cover: colour of the frames around the front lights.
        logo: shape and colour.
        sign: place and colour of the newcomer's sign at the rear.
        tissue: window, place and colour of the tissue box.
        plate: style, and a pattern of one number a character.
        belt: colour of the safety belt.
        rim: number of spokes (0 for a closed disc) and colour.
        strip: colour of the sun strip along the top of the windscreen.
    """

    signs: tuple[tuple[Colour, ...], Literal["left", "right"]]
    mirror: Colour | None
    lens: Literal["clear", "smoked", "amber", "ringed"]
    tail: Literal["red", "clear", "split", "dark"]
    carrier: tuple[Literal["rails", "rack", "coffer"], Colour] | None
    topwindow: Literal["small", "long"] | None
    license: tuple[float, Colour] | None
    hanging: tuple[Literal["knot", "beads", "card"], Colour] | None
    ornaments: tuple[tuple[float, Colour], ...]
    cover: Colour | None
    logo: tuple[Literal["disc", "bar", "rhomb", "cross"], Colour]
    sign: tuple[float, Colour] | None
    tissue: tuple[Literal["front", "rear"], float, Colour] | None
    plate: tuple[int, tuple[int, ...]]
    belt: Colour | None
    rim: tuple[int, Colour]
    strip: Colour | None

    def differences(self, other: Marks) -> set[str]:
        """Return the names of the marks that differ."""
        return {mark.name for mark in fields(self) if getattr(self, mark.name) != getattr(other, mark.name)}


ALL_ROUND = frozenset({"mirror", "carrier", "topwindow", "rim", "tail", "lens", "cover"})
"""Marks that are visible from afar or from many sides."""


def draw_marks(chance: Chance, body: Body) -> Marks:
    """Return a vehicle's marks; a mark for which the body has no room is left out."""
    high = body.type in ("bus", "truck")
    roof = not high and body.cargo == "none"
    signs = tuple(chance.some(STICKERS, chance.within(0, 4)))
    carriers: tuple[Literal["rails", "rack", "coffer"], ...] = ("rails", "rack", "coffer")
    carrier = (chance.one(carriers), chance.one(TRIM)) if chance.happens(0.5) and roof else None
    topwindow: Literal["small", "long"] = chance.one(("small", "long"))
    place, sticker = chance.between(0.08, 0.30), chance.one(STICKERS)
    return Marks(
        signs=(signs, chance.one(("left", "right"))),
        mirror=chance.one(TRIM) if chance.happens(0.6) else None,
        lens=chance.one(("clear", "smoked", "amber", "ringed")),
        tail=chance.one(("red", "clear", "split", "dark")),
        carrier=carrier,
        topwindow=topwindow if chance.happens(0.5) and roof and (carrier is None or carrier[0] == "rails") else None,
        license=(place, sticker) if chance.happens(0.5) else None,
        hanging=(chance.one(("knot", "beads", "card")), chance.one(STICKERS)) if chance.happens(0.5) else None,
        ornaments=tuple(
            (spot + chance.between(-0.04, 0.04), chance.one(STICKERS))
            for spot in sorted(chance.some((0.14, 0.30, 0.62, 0.86), chance.within(0, 3)))
        ),
        cover=chance.one(TRIM) if chance.happens(0.5) else None,
        logo=(chance.one(("disc", "bar", "rhomb", "cross")), chance.one((TRIM[1], TRIM[2], TRIM[3], STICKERS[3]))),
        sign=(chance.between(0.15, 0.85), chance.one(STICKERS)) if chance.happens(0.5) else None,
        tissue=_tissue(chance),
        plate=(1 if high else chance.below(len(PLATES)), tuple(chance.below(4) for _ in range(CHARACTERS))),
        belt=chance.one((TRIM[0], TRIM[4], STICKERS[0], STICKERS[6])) if chance.happens(0.7) else None,
        rim=(chance.one((0, 4, 5, 8)), chance.one(RIMS)),
        strip=chance.one((TRIM[0], STICKERS[2], STICKERS[3])) if chance.happens(0.4) else None,
    )


def draw_other_marks(chance: Chance, body: Body, marks: Marks) -> Marks:
    """Return marks for a near-duplicate: most of them differ, enough of them visible from many sides."""
    while True:
        other = draw_marks(chance, body)
        different = marks.differences(other)
        needed = 3 if body.type in ("bus", "truck") else 4
        if len(different) >= 11 and len(different & ALL_ROUND) >= needed and "rim" in different:
            return other


def _tissue(chance: Chance) -> tuple[Literal["front", "rear"], float, Colour] | None:
    window: Literal["front", "rear"] = chance.one(("front", "rear"))
    found = window, chance.between(0.2, 0.8), chance.one(STICKERS)
    return found if chance.happens(0.5) else None
