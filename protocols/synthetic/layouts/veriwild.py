"""The layouts of VERI-Wild and VERI-Wild 2.0: a folder a vehicle, one query for each test vehicle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Unpack

from harness.basics.progress import Advance
from harness.data.layout import Choices, Layout
from protocols import veriwild2
from protocols.synthetic.layouts.redraw import DrawnSet, LabelledImage, Redrawn, redraw, write_lines
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
        for path, pictures in ((f"{file}_query", query), (file, gallery)):
            write_lines(root / FOLDER / f"{path}.txt", [_line(p, name_of, old=old) for p in pictures])
            if old:
                short = [_labels(p, name_of, drawn) for p in pictures]
                write_lines(root / FOLDER / f"{path}_info.txt", [";".join(words) for words in short])
    if old:
        _write_info(drawn, root, every, name_of)
    return {key: f"images/{name}.jpg" for key, name in name_of.items()}


def _line(picture: LabelledImage, name_of: Mapping[str, str], *, old: bool) -> str:
    name = name_of[picture.key]
    return name if old else f"{name}.jpg {picture.vehicle} {picture.camera}"


def _labels(picture: LabelledImage, name_of: Mapping[str, str], drawn: DrawnSet) -> list[str]:
    """Return name, camera, model, type and colour."""
    words = [drawn.names[label][getattr(picture, label)] for label in ("model", "type", "colour")]
    return [name_of[picture.key], str(picture.camera), *words]


def _write_info(drawn: DrawnSet, root: Path, pictures: Sequence[LabelledImage], name_of: Mapping[str, str]) -> None:
    lines = ["id/image;Camera ID;Time;Model;Type;Color"]
    for picture in pictures:
        name, camera, *words = _labels(picture, name_of, drawn)
        time = (START + timedelta(seconds=picture.time)).strftime("%Y-%m-%d %H:%M:%S")
        lines.append(";".join([name, camera, time, *words]))
    write_lines(root / FOLDER / "vehicle_info.txt", lines)


def write_veriwild2(drawn: DrawnSet, root: Path) -> dict[str, str]:
    """Write VERI-Wild 2.0's lists of test images: A of every second vehicle, B of the others, All of all."""
    test = drawn.by_vehicle()
    every = [picture for pictures in test.values() for picture in pictures]
    name_of = {picture.key: f"{picture.vehicle:05}/{number:06}" for number, picture in enumerate(every, 1)}
    vehicles = list(test)
    for task, chosen in (("all", vehicles), ("a", vehicles[::2]), ("b", vehicles[1::2])):
        query = [test[vehicle][0] for vehicle in chosen]
        gallery = [picture for vehicle in chosen for picture in test[vehicle][1:]]
        for side, pictures in (("query", query), ("gallery", gallery)):
            file = f"{veriwild2.LISTS[task]}_{side}.txt"
            write_lines(root / veriwild2.FOLDER / file, [_line(p, name_of, old=False) for p in pictures])
    return {key: f"images/{name}.jpg" for key, name in name_of.items()}


class VeriWild2Layout(Redrawn):
    """VERI-Wild 2.0's folders and lists, without training images."""

    name: ClassVar[str] = "veriwild2"
    write = staticmethod(write_veriwild2)
