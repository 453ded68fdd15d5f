"""The layout of CityFlowV2-ReID: numbered images, XML labels that withhold the test's vehicles, tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from protocols.cityflow.reading import FOLDERS, LABELS, TRACKS
from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, Redrawn, write_lines


def write_cityflow(drawn: DrawnSet, root: Path) -> dict[str, str]:
    """Write CityFlow's labels and tracks; of each test vehicle one image a camera is a query."""
    test = [picture for pictures in drawn.by_vehicle().values() for picture in pictures]
    first = {(picture.vehicle, picture.camera): picture for picture in reversed(test)}
    queries = {picture.key for picture in first.values()}
    sides = {
        "train": sorted(drawn.train, key=lambda picture: picture.order),
        "test-query": [picture for picture in test if picture.key in queries],
        "test-gallery": [picture for picture in test if picture.key not in queries],
    }
    key_of: dict[str, str] = {}
    for split, pictures in sides.items():
        name_of = {picture.key: f"{number:06}.jpg" for number, picture in enumerate(pictures, 1)}
        _write_labels(root / LABELS[split], pictures, name_of, labelled=split == "train")
        if split in TRACKS:
            _write_tracks(root / TRACKS[split], pictures, name_of)
        key_of |= {key: f"{FOLDERS[split]}/{name}" for key, name in name_of.items()}
    return key_of


def _write_labels(path: Path, pictures: Sequence[LabelledImage], name_of: dict[str, str], *, labelled: bool) -> None:
    items = [
        f'    <Item imageName="{name_of[picture.key]}"'
        + (f' vehicleID="{picture.vehicle:04}"' if labelled else "")
        + f' cameraID="c{picture.camera:03}" />'
        for picture in pictures
    ]
    kind = "TrainingImages" if labelled else "TestImages"
    head = ['<?xml version="1.0" encoding="gb2312"?>', f'<{kind} Version="1.0">', f'  <Items number="{len(items)}">']
    write_lines(path, [*head, *items, "  </Items>", f"</{kind}>"])


def _write_tracks(path: Path, pictures: Sequence[LabelledImage], name_of: dict[str, str]) -> None:
    tracks: dict[tuple[int, int], list[str]] = {}
    for picture in sorted(pictures, key=lambda picture: picture.time):
        tracks.setdefault((picture.vehicle, picture.camera), []).append(name_of[picture.key])
    write_lines(path, [" ".join(files) for files in tracks.values()])


class CityFlowLayout(Redrawn):
    """CityFlowV2-ReID's folders, labels and tracks."""

    name: ClassVar[str] = "cityflow"
    write = staticmethod(write_cityflow)
