"""Vehicles: a design (body model, colour, proportions, trim) and marks; half of them share their design."""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.bodies import BODIES, TYPES, Body
from protocols.synthetic.vehicle.marks import Marks, draw_marks, draw_other_marks
from protocols.synthetic.vehicle.solids import Colour

COLOURS: dict[str, Colour] = {
    "yellow": (236, 198, 40),
    "orange": (232, 116, 30),
    "green": (40, 128, 66),
    "gray": (124, 128, 132),
    "red": (186, 30, 34),
    "blue": (36, 72, 168),
    "white": (236, 238, 238),
    "golden": (196, 164, 96),
    "brown": (108, 66, 42),
    "black": (30, 31, 35),
}
"""VeRi's colours in its order, from number 1."""

COLOUR_NAMES = tuple(COLOURS)
TEST_SHARE = 3
"""One vehicle in three is a test vehicle; VeRi-776 has one in 3.9, too few for a small set."""

LIVERY: tuple[Colour, ...] = (
    (214, 44, 38), (34, 84, 176), (32, 140, 82), (240, 190, 40), (240, 240, 240), (60, 62, 66), (110, 50, 120),
)  # fmt: skip


@dataclass(frozen=True)
class Design:
    """The design that near-duplicates share.

    Attributes:
        model: index into ``BODIES``.
        colour: index into ``COLOUR_NAMES``.
        paint: the exact shade.
        stretch: length, width and height over those of the body model.
        bare: bumpers and sills are black plastic, not painted.
        dark_roof: the roof is black.
        livery: a stripe along the sides, for vans, buses and trucks.
        tint: how dark the side windows are, 0 to 1.
        grille: bars of the grille, and whether they are bright.
        lights: shape of the lights.
    """

    model: int
    colour: int
    paint: Colour
    stretch: tuple[float, float, float]
    bare: bool
    dark_roof: bool
    livery: Colour | None
    tint: float
    grille: tuple[int, bool]
    lights: int

    @property
    def body(self) -> Body:
        """Return the body model."""
        return BODIES[self.model]


@dataclass(frozen=True)
class Vehicle:
    """One vehicle, numbered from 1: training vehicles first; near-duplicates share a design and are twins."""

    number: int
    design: Design
    marks: Marks
    twin: int | None = None

    @property
    def type_number(self) -> int:
        """Return VeRi's number of its type."""
        return TYPES.index(self.design.body.type) + 1

    @property
    def colour_number(self) -> int:
        """Return VeRi's number of its colour."""
        return self.design.colour + 1

    @property
    def model_number(self) -> int:
        """Return the number of its body model, from 1."""
        return self.design.model + 1


def held_out(vehicles: int) -> int:
    """Return the number of test vehicles."""
    return max(2, vehicles // TEST_SHARE)


def fleet(seed: int, vehicles: int) -> tuple[Vehicle, ...]:
    """Return all vehicles: first those for training, then those for the test.

    Half of each group are pairs of near-duplicates; every other vehicle has a design of its own.
    """
    test = held_out(vehicles)
    return (*_group(seed, 1, vehicles - test), *_group(seed, vehicles - test + 1, test))


def _group(seed: int, first: int, count: int) -> list[Vehicle]:
    """Return vehicles ``first`` to ``first + count - 1``."""
    pairs = max(1, count // 4) if count > 1 else 0
    kinds = _kinds(Chance(seed, "kinds", first), count - pairs)
    found: list[Vehicle] = []
    for place, (model, colour) in enumerate(kinds):
        number = first + len(found)
        design = draw_design(Chance(seed, "design", number), model, colour)
        marks = draw_marks(Chance(seed, "marks", number), design.body)
        vehicle = Vehicle(number, design, marks)
        if place < pairs:
            other = draw_other_marks(Chance(seed, "marks", number + 1), design.body, marks)
            found += [replace(vehicle, twin=number + 1), Vehicle(number + 1, design, other, number)]
        else:
            found.append(vehicle)
    return found


def _kinds(chance: Chance, count: int) -> list[tuple[int, int]]:
    """Return pairs of model and colour, all different as long as there are that many."""
    every = [(model, colour) for model in range(len(BODIES)) for colour in range(len(COLOURS))]
    found: list[tuple[int, int]] = []
    while len(found) < count:
        found += chance.some(every, min(len(every), count - len(found)))
    return found


def draw_design(chance: Chance, model: int, colour: int) -> Design:
    """Return a design of that body model and colour."""
    shade = chance.between(0.88, 1.06)
    body = BODIES[model]
    work = body.type in ("van", "bus", "truck")
    return Design(
        model=model,
        colour=colour,
        paint=shaded(COLOURS[COLOUR_NAMES[colour]], shade),
        stretch=(chance.between(0.94, 1.06), chance.between(0.97, 1.03), chance.between(0.94, 1.05)),
        bare=chance.happens(0.35),
        dark_roof=chance.happens(0.25) and body.cargo == "none",
        livery=chance.one(LIVERY) if chance.happens(0.7) and work else None,
        tint=chance.between(0.0, 1.0),
        grille=(chance.within(0, 4), chance.happens(0.5)),
        lights=chance.below(3),
    )


def shaded(colour: Colour, factor: float) -> Colour:
    """Return a colour with its light multiplied."""
    red, green, blue = (min(255, int(part * factor + 0.5)) for part in colour)
    return red, green, blue
