"""The parts that have boxes: PGAN's sixteen classes and PR-ReID's four regions."""

from __future__ import annotations

from typing import NamedTuple

PARTS = (
    "annual service signs",
    "back mirror",
    "car light",
    "carrier",
    "car topwindow",
    "entry license",
    "hanging",
    "lay ornament",
    "light cover",
    "logo",
    "newer sign",
    "tissuebox",
    "plate",
    "safe belt",
    "wheel",
    "wind-shield glass",
)
"""The classes in the order of the table (Zhang et al., PGAN, A.1, Table 4); number 1 comes first."""

REGIONS = ("window", "left light", "right light", "brand")
"""PR-ReID's parts; number 1 comes first."""


class Box(NamedTuple):
    """A box in an image.

    Attributes:
        label: number from 1, into ``PARTS`` or ``REGIONS``.
        x0, y0, x1, y1: its edges in pixels of the image.
        area: how many of its pixels show the part.
    """

    label: int
    x0: float
    y0: float
    x1: float
    y1: float
    area: float
