"""The layout of Khoa's pairs: one image of each vehicle from each of two cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from protocols.khoa import LISTS, TYPES
from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, Redrawn, write_lines

VALIDATION = 5
"""One of so many training vehicles is for validation, as in the release."""


def write_khoa(drawn: DrawnSet, root: Path) -> dict[str, str]:
    """Write Khoa's lists; a drawn type that the release does not have is a car."""
    kind_of = drawn.names["type"]
    pairs = {side: _pairs(pictures) for side, pictures in (("train", drawn.train), ("test", drawn.test))}
    sides = {
        "train": [pair for place, pair in enumerate(pairs["train"]) if place % VALIDATION],
        "validation": pairs["train"][::VALIDATION],
        "test": pairs["test"],
    }
    key_of = {}
    for side, found in sides.items():
        file, folder = LISTS[side]
        names = []
        for pair in found:
            for camera, picture in enumerate(pair, 1):
                name = f"{_kind(kind_of, picture)}_{picture.vehicle:04}_cam{camera}.jpg"
                key_of[picture.key] = f"images/{folder}/{name}"
                names.append(name)
        write_lines(root / file, names)
    return key_of


def _pairs(pictures: Sequence[LabelledImage]) -> list[tuple[LabelledImage, LabelledImage]]:
    """Return for each vehicle under several cameras one image of each of two."""
    of_vehicle: dict[int, dict[int, LabelledImage]] = {}
    for picture in sorted(pictures, key=lambda picture: picture.order):
        of_vehicle.setdefault(picture.vehicle, {}).setdefault(picture.camera, picture)
    pairs = []
    for _, cameras in sorted(of_vehicle.items()):
        if len(cameras) > 1:
            first, second = (cameras[camera] for camera in sorted(cameras)[:2])
            pairs.append((first, second))
    return pairs


def _kind(kind_of: Mapping[int, str], picture: LabelledImage) -> str:
    kind = kind_of[picture.type]
    return kind if kind in TYPES.values() else TYPES[1]


class KhoaLayout(Redrawn):
    """Khoa's folders and lists."""

    name: ClassVar[str] = "khoa"
    write = staticmethod(write_khoa)
