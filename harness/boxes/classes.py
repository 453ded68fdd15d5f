"""The parts that have boxes, by kind: PGAN's sixteen classes and PR-ReID's four regions."""

from __future__ import annotations

from collections.abc import Mapping

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

CLASSES: Mapping[str, tuple[str, ...]] = {"parts": PARTS, "regions": REGIONS}
"""For a kind of boxes its classes; kinds that are not listed take any."""
