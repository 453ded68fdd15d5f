"""A tree in VeRi-776's released layout, written by the tests; without images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from protocols.veri776.names import parse_name

TRAIN = ["0001_c001_00016450_0.jpg", "0001_c002_00016460_0.jpg", "0003_c001_00000005_1.jpg"]
TEST = [
    "0002_c002_00030600_0.jpg",
    "0002_c002_00030605_1.jpg",
    "0002_c003_00084280_0.jpg",
    "0005_c003_00001000_0.jpg",
    "0005_c016_00001010_0.jpg",
]
QUERY = ["0002_c002_00030600_0.jpg", "0005_c016_00001010_0.jpg"]
TRACKS = [
    "0002_c002_t0175 0002_c002_00030600_0.jpg 0002_c002_00030605_1.jpg ",
    "0002_c003_t0176 0002_c003_00084280_0.jpg ",
    "0005_c016_t0178 0005_c016_00001010_0.jpg ",
    "0005_c003_t0177 0005_c003_00001000_0.jpg ",
]


def write_lines(path: Path, lines: Iterable[str], end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def xml(names: Sequence[str], colour: int = 1, kind: int = 4) -> bytes:
    """Return the labels of the images, in the encoding that the release declares."""
    items = [
        f'<Item imageName="{name}" vehicleID="{name[:4]}" cameraID="{name[5:9]}" colorID="{colour}" typeID="{kind}" />'
        for name in names
        if parse_name(name)
    ]
    head = ['<?xml version="1.0" encoding="gb2312"?>', "<TrainingImages>", "<!-- 车 -->", "<Items>"]
    return "\n".join([*head, *items, "</Items>", "</TrainingImages>", ""]).encode("gb2312")


def write_tree(
    root: Path,
    *,
    train: Sequence[str] = TRAIN,
    query: Sequence[str] = QUERY,
    test: Sequence[str] = TEST,
    tracks: Sequence[str] | None = TRACKS,
    end: str = "\n",
) -> Path:
    write_lines(root / "name_train.txt", train, end)
    write_lines(root / "name_query.txt", query, end)
    write_lines(root / "name_test.txt", test, end)
    if tracks is not None:
        write_lines(root / "test_track.txt", tracks, end)
    (root / "train_label.xml").write_bytes(xml(train))
    (root / "test_label.xml").write_bytes(xml(test, colour=10, kind=9))
    return root
