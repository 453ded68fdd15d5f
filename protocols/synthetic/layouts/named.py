"""The layouts of data sets without lists, whose images are named by their labels: RoundaboutHD and CARLA-ReID."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from protocols.carla_reid import FOLDERS
from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, Redrawn

START = datetime(2022, 7, 11, 6, tzinfo=UTC)


def write_roundabouthd(drawn: DrawnSet, root: Path) -> dict[str, str]:  # noqa: ARG001 - there is no list
    """Return RoundaboutHD's names, in folders of training and test."""
    return {
        picture.key: f"{side}/{picture.vehicle}_cam{picture.camera:02}_{picture.time:06}.jpg"
        for side, pictures in (("train", drawn.train), ("test", drawn.test))
        for picture in pictures
    }


def write_carla_reid(drawn: DrawnSet, root: Path) -> dict[str, str]:  # noqa: ARG001 - there is no list
    """Return CARLA-ReID's names: of each test vehicle, the first image in random order is the query."""
    key_of = {picture.key: f"{FOLDERS['train']}/{_name(picture)}" for picture in drawn.train}
    for pictures in drawn.by_vehicle().values():
        for place, picture in enumerate(pictures):
            key_of[picture.key] = f"{FOLDERS['gallery' if place else 'query']}/{_name(picture)}"
    return key_of


def _name(picture: LabelledImage) -> str:
    moment = START + timedelta(seconds=picture.time)
    return f"{moment:%Y%m%d%H%M%S}_{picture.camera}_{picture.vehicle}.jpg"


class RoundaboutHdLayout(Redrawn):
    """The two folders of RoundaboutHD's subset for re-identification."""

    name: ClassVar[str] = "roundabouthd"
    write = staticmethod(write_roundabouthd)


class CarlaReidLayout(Redrawn):
    """CARLA-ReID's three folders."""

    name: ClassVar[str] = "carla-reid"
    write = staticmethod(write_carla_reid)
