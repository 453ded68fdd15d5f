"""Classes of vehicle parts by kind of boxes: PGAN's sixteen parts and PR-ReID's four regions."""

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
"""Classes numbered from 1, in the order of Zhang et al., PGAN, A.1, Table 4."""

REGIONS = ("window", "left light", "right light", "brand")
"""PR-ReID's parts, numbered from 1."""

NO_CLASS = "part"
"""The name of label 0 among boxes of kind ``parts``: a part of unknown class, for PGAN, which ignores classes."""

CLASSES: Mapping[str, tuple[str, ...]] = {"parts": PARTS, "regions": REGIONS}
"""Classes by kind of boxes; a kind that is not listed accepts any class."""
