"""The layouts of VERI-Wild: a folder for each vehicle, the lists of 2019 or of 2020, one query of each test vehicle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from protocols.layouts.redraw import Drawn, Picture, write_lines

FOLDER = "train_test_split"
START = datetime(2018, 3, 11, 6, tzinfo=UTC)


def write_veriwild(drawn: Drawn, root: Path, sizes: Mapping[str, int], release: str) -> dict[str, str]:
    """Write VERI-Wild's lists.

    Args:
        drawn: the images.
        root: the folder to write into.
        sizes: for each task the number in its lists' names, the smallest first.
        release: ``2019`` or ``2020``.
    """
    test = drawn.by_vehicle()
    every = [*drawn.train, *(picture for pictures in test.values() for picture in pictures)]
    name_of = {p.key: f"{p.vehicle:05}/{number:06}" for number, p in enumerate(every, 1)}
    old = release == "2019"
    vehicles = sorted({picture.vehicle for picture in drawn.train})
    train = [
        name_of[p.key] if old else f"{name_of[p.key]}.jpg {vehicles.index(p.vehicle)} {p.camera}" for p in drawn.train
    ]
    write_lines(root / FOLDER / ("train_list.txt" if old else "train_list_start0.txt"), train)
    for task, chosen in drawn.test_sizes(list(sizes)).items():
        file = f"test_{sizes[task]}" + ("" if old else "_id")
        query = [test[vehicle][0] for vehicle in chosen]
        gallery = [picture for vehicle in chosen for picture in test[vehicle][1:]]
        for path, pictures in ((f"{file}_query.txt", query), (f"{file}.txt", gallery)):
            write_lines(root / FOLDER / path, [_line(p, name_of, old=old) for p in pictures])
    if old:
        _write_info(drawn, root, every, name_of)
    return {key: f"images/{name}.jpg" for key, name in name_of.items()}


def _line(picture: Picture, name_of: Mapping[str, str], *, old: bool) -> str:
    name = name_of[picture.key]
    return name if old else f"{name}.jpg {picture.vehicle} {picture.camera}"


def _write_info(drawn: Drawn, root: Path, pictures: Sequence[Picture], name_of: Mapping[str, str]) -> None:
    lines = ["id/image;Camera ID;Time;Model;Type;Color"]
    for picture in pictures:
        words = [drawn.names[label][getattr(picture, label)] for label in ("model", "type", "colour")]
        moment = START + timedelta(seconds=picture.time)
        time = moment.strftime("%Y-%m-%d %H:%M:%S")
        lines.append(";".join([name_of[picture.key], str(picture.camera), time, *words]))
    write_lines(root / FOLDER / "vehicle_info.txt", lines)
