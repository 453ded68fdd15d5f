"""The box of a part in a drawn image: one of PGAN's sixteen classes or PR-ReID's four regions."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """A box in an image.

    Attributes:
        label: number from 1, into ``PARTS`` or ``REGIONS`` of harness.data.part_classes.
        x0, y0, x1, y1: its edges in pixels of the image.
        area: number of its pixels that show the part.
    """

    label: int
    x0: float
    y0: float
    x1: float
    y1: float
    area: float
