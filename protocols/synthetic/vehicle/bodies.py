"""The sixteen body models of VeRi's nine types: their proportions in metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

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


Three = tuple[float, float, float]
Panes = tuple[tuple[float, float], ...]

TWO: Panes = ((0.07, 0.50), (0.54, 0.93))
THREE: Panes = ((0.06, 0.37), (0.40, 0.68), (0.71, 0.95))
ROW: Panes = tuple((0.03 + 0.136 * step, 0.145 + 0.136 * step) for step in range(7))


def _body(name: str, kind: str, size: Three, levels: Three, plan: tuple[float, ...], **rest: Any) -> Body:
    """Return a body model.

    Args:
        name: for people.
        kind: one of ``TYPES``.
        size: length, width, height.
        levels: belt, nose, tail.
        plan: screen, roof, roof_end, deck.
        rest: the other attributes.
    """
    (length, width, height), (belt, nose, tail), (screen, roof, roof_end, deck) = size, levels, plan
    return Body(name, kind, length, width, height, belt, nose, tail, screen, roof, roof_end, deck, **rest)


_SEDANS = (
    _body("compact saloon", "sedan", (4.35, 1.72, 1.46), (0.93, 0.74, 0.90), (1.15, 1.85, 3.10, 3.75),
          axles=(0.80, 3.40), glass=TWO, wheel=0.31),
    _body("executive saloon", "sedan", (4.95, 1.86, 1.45), (0.93, 0.78, 0.92), (1.60, 2.45, 3.65, 4.40),
          axles=(0.88, 3.85), glass=TWO, wheel=0.34),
)  # fmt: skip
_TALL = (
    _body("city suv", "suv", (4.45, 1.82, 1.70), (1.06, 0.92, 1.04), (1.15, 1.75, 3.95, 4.38),
          axles=(0.85, 3.50), glass=THREE, wheel=0.37, clearance=0.25),
    _body("off-roader", "suv", (4.60, 1.90, 1.92), (1.20, 1.14, 1.18), (1.45, 1.72, 4.45, 4.56),
          axles=(0.80, 3.55), glass=THREE, wheel=0.42, clearance=0.34, tumble=0.88, rounding=0.07, spare=True),
    _body("panel van", "van", (5.20, 1.95, 2.35), (1.28, 1.00, 1.28), (0.80, 1.65, 5.08, 5.18),
          axles=(0.85, 4.15), glass=((0.10, 0.30),), tumble=0.86, rounding=0.10),
    _body("minibus", "van", (4.90, 1.85, 2.02), (1.08, 0.92, 1.08), (0.55, 1.30, 4.70, 4.86),
          axles=(0.90, 3.75), glass=THREE, tumble=0.84),
)  # fmt: skip
_SHORT = (
    _body("supermini", "hatchback", (3.65, 1.64, 1.52), (0.93, 0.80, 0.92), (0.90, 1.55, 3.10, 3.60),
          axles=(0.68, 3.05), glass=TWO, wheel=0.30),
    _body("sports hatch", "hatchback", (4.25, 1.82, 1.38), (0.90, 0.68, 0.88), (1.35, 2.10, 3.05, 4.08),
          axles=(0.82, 3.45), glass=((0.08, 0.62),), wheel=0.35, clearance=0.16, tumble=0.72),
    _body("people carrier", "mpv", (4.75, 1.84, 1.76), (1.02, 0.84, 1.00), (0.85, 1.95, 4.20, 4.65),
          axles=(0.88, 3.80), glass=THREE),
)  # fmt: skip
_PICKUPS = (
    _body("double-cab pickup", "pickup", (5.30, 1.88, 1.80), (1.10, 1.02, 1.08), (1.35, 1.90, 3.30, 3.55),
          axles=(0.90, 4.15), glass=TWO, wheel=0.39, clearance=0.32,
          cargo="bed", cargo_from=3.70, cargo_height=1.08, tumble=0.82, rounding=0.10),
    _body("single-cab pickup", "pickup", (4.95, 1.76, 1.68), (1.02, 0.92, 0.98), (1.20, 1.75, 2.25, 2.45),
          axles=(0.80, 3.90), glass=((0.12, 0.86),), wheel=0.35, clearance=0.28,
          cargo="bed", cargo_from=2.60, cargo_height=0.98, tumble=0.82, rounding=0.10),
)  # fmt: skip
_LARGE = (
    _body("city bus", "bus", (9.20, 2.50, 3.05), (1.25, 1.25, 1.25), (0.02, 0.22, 9.10, 9.18),
          axles=(2.30, 6.90), glass=ROW, wheel=0.50, clearance=0.30, tumble=0.95, rounding=0.05),
    _body("coach", "bus", (8.40, 2.45, 3.45), (1.75, 1.70, 1.75), (0.05, 0.75, 8.20, 8.38),
          axles=(1.90, 6.00), glass=ROW, wheel=0.50, clearance=0.34, tumble=0.92, rounding=0.08),
    _body("box truck", "truck", (6.60, 2.10, 2.25), (1.30, 1.28, 1.30), (0.05, 0.35, 1.62, 1.70),
          axles=(0.95, 5.20), glass=((0.14, 0.80),), wheel=0.42, clearance=0.38,
          cargo="box", cargo_from=1.85, cargo_height=3.10, tumble=0.90, rounding=0.05),
    _body("flatbed truck", "truck", (6.20, 2.05, 2.30), (1.32, 1.22, 1.32), (0.20, 0.62, 1.72, 1.80),
          axles=(1.05, 4.85), glass=((0.16, 0.82),), wheel=0.43, clearance=0.38,
          cargo="flatbed", cargo_from=1.95, cargo_height=1.50, tumble=0.88, rounding=0.06),
)  # fmt: skip
_ESTATES = (
    _body("estate", "estate", (4.80, 1.82, 1.48), (0.94, 0.76, 0.93), (1.45, 2.20, 4.10, 4.70),
          axles=(0.85, 3.70), glass=THREE),
)  # fmt: skip

BODIES = (*_SEDANS, *_TALL, *_SHORT, *_PICKUPS, *_LARGE, *_ESTATES)
"""Invented after common shapes of each type; none is a real model."""
