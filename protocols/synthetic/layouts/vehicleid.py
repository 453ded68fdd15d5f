"""The layouts of VehicleID and VRU: images by number, lists of image and vehicle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from protocols import vehicleid, vru
from protocols.random_draws import FOLDER, TRAIN
from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, Redrawn, write_lines


def write_vehicleid(drawn: DrawnSet, root: Path) -> dict[str, str]:
    """Write VehicleID's lists and attributes; only training vehicles have a model and a colour there."""
    number_of = _write_lists(drawn, root, vehicleid.LISTS, digits=7)
    pictures = [*drawn.train, *drawn.test]
    attributes = root / "attribute"
    write_lines(attributes / "img2vid.txt", sorted(f"{number_of[p.key]} {p.vehicle}" for p in pictures))
    for label, file in (("model", "model"), ("colour", "color")):
        of_vehicle = {picture.vehicle: getattr(picture, label) for picture in drawn.train}
        write_lines(attributes / f"{file}_attr.txt", [f"{v} {value}" for v, value in sorted(of_vehicle.items())])
        names = sorted(drawn.names[label].items())
        write_lines(attributes / f"{file}_names.txt", [f"{number} {name}" for number, name in names])
    return {key: f"image/{number}.jpg" for key, number in number_of.items()}


def write_vru(drawn: DrawnSet, root: Path) -> dict[str, str]:
    """Write VRU's lists, which are not grouped by vehicle."""
    return {key: f"Pic/{number}.jpg" for key, number in _write_lists(drawn, root, vru.LISTS, digits=1).items()}


def _write_lists(drawn: DrawnSet, root: Path, lists: Mapping[str, str], *, digits: int) -> dict[str, str]:
    """Write the training list and the test lists, and return each image's number by its key."""
    train, test = (sorted(side, key=lambda picture: picture.order) for side in (drawn.train, drawn.test))
    number_of = {picture.key: f"{number:0{digits}d}" for number, picture in enumerate([*train, *test], 1)}
    _write(root / FOLDER / TRAIN, train, number_of)
    for task, vehicles in drawn.test_sizes(list(lists)).items():
        _write(root / FOLDER / lists[task], [p for p in test if p.vehicle in vehicles], number_of)
    return number_of


def _write(path: Path, pictures: Sequence[LabelledImage], number_of: Mapping[str, str]) -> None:
    write_lines(path, [f"{number_of[picture.key]} {picture.vehicle}" for picture in pictures])


class VehicleIdLayout(Redrawn):
    """VehicleID's folder of images, lists and attributes."""

    name: ClassVar[str] = "vehicleid"
    write = staticmethod(write_vehicleid)


class VruLayout(Redrawn):
    """VRU's folder of images and lists."""

    name: ClassVar[str] = "vru"
    write = staticmethod(write_vru)
