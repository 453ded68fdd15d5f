"""The layout of VRIC: files named by sequence, and one probe and one gallery image of each test vehicle."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, Redrawn, write_lines


def write_vric(drawn: DrawnSet, root: Path) -> dict[str, str]:
    """Write VRIC's lists; a vehicle's probe is from another camera than its gallery image."""
    probes, gallery = [], []
    for pictures in drawn.by_vehicle().values():
        match = next(picture for picture in pictures if picture.camera != pictures[0].camera)
        probes.append(pictures[0])
        gallery.append(match)
    sides = {"train": list(drawn.train), "probe": probes, "gallery": gallery}
    every = [picture for pictures in sides.values() for picture in pictures]
    # As in the release, a name contains the camera's sequence and the place in it, never the vehicle.
    place = {picture.key: number for number, picture in enumerate(sorted(every, key=lambda picture: picture.order), 1)}
    key_of = {}
    for side, pictures in sides.items():
        lines = []
        for picture in pictures:
            name = _name(picture, place[picture.key])
            key_of[picture.key] = f"{side}_images/{name}"
            lines.append(f"{name} {picture.vehicle} {picture.camera}")
        write_lines(root / f"vric_{side}.txt", lines)
    return key_of


def _name(picture: LabelledImage, place: int) -> str:
    return f"MVI_{20_000 + picture.camera}_{place:05}_img{picture.time % 100_000:05}.jpg"


class VricLayout(Redrawn):
    """VRIC's folders and lists."""

    name: ClassVar[str] = "vric"
    write = staticmethod(write_vric)
