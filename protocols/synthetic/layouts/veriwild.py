"""The layouts of VERI-Wild: a folder a vehicle, the lists of 2019 or of 2020, one query for each test vehicle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Unpack

from harness.basics.progress import Advance
from harness.data.layout import Choices, Layout
from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, redraw, write_lines
from protocols.veriwild.reading import FOLDER, SIZES

START = datetime(2018, 3, 11, 6, tzinfo=UTC)


class VeriWildLayout(Layout):
    """VERI-Wild's folders and the lists of one of its two releases."""

    name: ClassVar[str] = "veriwild"
    releases: ClassVar[tuple[str, ...]] = ("2019", "2020")

    def make(
        self, out: Path, *, release: str = "2019", progress: Advance | None = None, **choices: Unpack[Choices]
    ) -> str:
        """Draw a data set into the folder ``out`` and return one line about it."""
        return redraw(out, partial(write_veriwild, release=release), progress=progress, **choices)


def write_veriwild(drawn: DrawnSet, root: Path, release: str) -> dict[str, str]:
    """Write VERI-Wild's lists of the release ``2019`` or ``2020``."""
    test = drawn.by_vehicle()
    every = [*drawn.train, *(picture for pictures in test.values() for picture in pictures)]
    name_of = {p.key: f"{p.vehicle:05}/{number:06}" for number, p in enumerate(every, 1)}
    old = release == "2019"
    vehicles = sorted({picture.vehicle for picture in drawn.train})
    train = [
        name_of[p.key] if old else f"{name_of[p.key]}.jpg {vehicles.index(p.vehicle)} {p.camera}" for p in drawn.train
    ]
    write_lines(root / FOLDER / ("train_list.txt" if old else "train_list_start0.txt"), train)
    for task, chosen in drawn.test_sizes(list(SIZES)).items():
        file = f"test_{SIZES[task]}" + ("" if old else "_id")
        query = [test[vehicle][0] for vehicle in chosen]
        gallery = [picture for vehicle in chosen for picture in test[vehicle][1:]]
        for path, pictures in ((f"{file}_query.txt", query), (f"{file}.txt", gallery)):
            write_lines(root / FOLDER / path, [_line(p, name_of, old=old) for p in pictures])
    if old:
        _write_info(drawn, root, every, name_of)
    return {key: f"images/{name}.jpg" for key, name in name_of.items()}


def _line(picture: LabelledImage, name_of: Mapping[str, str], *, old: bool) -> str:
    name = name_of[picture.key]
    return name if old else f"{name}.jpg {picture.vehicle} {picture.camera}"


def _write_info(drawn: DrawnSet, root: Path, pictures: Sequence[LabelledImage], name_of: Mapping[str, str]) -> None:
    lines = ["id/image;Camera ID;Time;Model;Type;Color"]
    for picture in pictures:
        words = [drawn.names[label][getattr(picture, label)] for label in ("model", "type", "colour")]
        moment = START + timedelta(seconds=picture.time)
        time = moment.strftime("%Y-%m-%d %H:%M:%S")
        lines.append(";".join([name_of[picture.key], str(picture.camera), time, *words]))
    write_lines(root / FOLDER / "vehicle_info.txt", lines)
