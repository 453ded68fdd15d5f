"""The sixteen body models of VeRi's nine types: their proportions in metres."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TYPES = ("sedan", "suv", "van", "hatchback", "mpv", "pickup", "bus", "truck", "estate")
"""VeRi's types in its order, from number 1."""

Cargo = Literal["none", "bed", "box", "flatbed"]


@dataclass(frozen=True)
class Body:
    """One body model. Positions along it are metres from the nose; heights are metres from the ground.

    Attributes:
        name: for people.
        type: one of ``TYPES``.
        length, width, height: of the whole; with a cargo box, ``height`` is the cab's.
        belt: height at which the glass begins; ``nose`` and ``tail`` are the heights of the ends of the shell.
        screen: position at which the windscreen meets the shell; the roof extends from ``roof`` to ``roof_end``, and
            the rear window meets the shell at ``deck``.
        axles: positions of the wheels.
        wheel: radius of the wheels.
        clearance: height of the sill.
        glass: the side windows, as shares of the side from its front to its rear.
        tumble: half width of the roof over half width at the belt.
        cargo: the kind of cargo behind the cab, from ``cargo_from`` to the tail, up to ``cargo_height``.
        rounding: how much narrower the ends are than the middle, as a share of the width.
        spare: a spare wheel hangs on the rear.
    """

    name: str
    type: str
    length: float
    width: float
    height: float
    belt: float
    nose: float
    tail: float
    screen: float
    roof: float
    roof_end: float
    deck: float
    axles: tuple[float, ...]
    glass: tuple[tuple[float, float], ...]
    wheel: float = 0.33
    clearance: float = 0.2
    tumble: float = 0.78
    cargo: Cargo = "none"
    cargo_from: float = 0.0
    cargo_height: float = 0.0
    rounding: float = 0.16
    spare: bool = False

    @property
    def boxy(self) -> bool:
        """Return whether the front is one flat wall, as for buses and trucks with the cab above the engine."""
        return self.screen < 0.5


def _read(path: Path) -> tuple[Body, ...]:
    bodies = tomllib.loads(path.read_text(encoding="utf-8"))["body"]
    return tuple(Body(**{**b, "axles": tuple(b["axles"]), "glass": tuple(map(tuple, b["glass"]))}) for b in bodies)


BODIES = _read(Path(__file__).with_name("bodies.toml"))
"""The body models by number, from 0."""
