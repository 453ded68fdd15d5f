"""Trees in the released layouts of VehicleID, VRU, VRIC and VERI-Wild, written by the tests; without images."""

from __future__ import annotations

from pathlib import Path

from tests.protocols.veri_tree import write_lines

SPLIT = "train_test_split"


def write_vehicleid(root: Path, *, end: str = "\n", **lists: list[str]) -> Path:
    """Write a tree with the lists given by their size (``of_800``), and ``train``."""
    default = {
        "train": ["0000001 1", "0000002 1", "0000003 2"],
        "of_800": ["0000011 11", "0000012 11", "0000013 11", "0000021 12", "0000022 12"],
        "of_1600": ["0000011 11", "0000012 11", "0000031 13", "0000032 13"],
    }
    for name, lines in {**default, **lists}.items():
        file = "train_list.txt" if name == "train" else f"test_list_{name.removeprefix('of_')}.txt"
        write_lines(root / SPLIT / file, lines, end)
    write_lines(root / "attribute" / "model_attr.txt", ["1 237", "11 5"], end)
    write_lines(root / "attribute" / "color_attr.txt", ["2 3"], end)
    write_lines(root / "attribute" / "color_names.txt", [f"{number} colour {number}" for number in range(7)], end)
    return root


def write_vru(root: Path, *, end: str = "\n") -> Path:
    write_lines(root / SPLIT / "train_list.txt", ["7 2", "8 1", "9 2"], end)
    for size in (1200, 2400, 8000):
        write_lines(root / SPLIT / f"test_list_{size}.txt", ["10 5", "11 5", "1200 6", "13 6"], end)
    return root


def write_vric(
    root: Path,
    *,
    train: tuple[str, ...] = ("MVI_1_001_img1.jpg 1 1", "MVI_1_001_img2.jpg 1 2", "MVI_2_001_img1.jpg 2 1"),
    probe: tuple[str, ...] = ("MVI_3_001_img1.jpg 3 1", "MVI_4_001_img1.jpg 4 2"),
    gallery: tuple[str, ...] = ("MVI_3_002_img1.jpg 3 2", "MVI_4_002_img1.jpg 4 1"),
    end: str = "\n",
) -> Path:
    write_lines(root / "vric_train.txt", train, end)
    write_lines(root / "vric_probe.txt", probe, end)
    write_lines(root / "vric_gallery.txt", gallery, end)
    return root


WILD = {
    "train": [("00001/000001", 7), ("00001/000002", 8), ("00002/000003", 7)],
    "query": [("31388/321972", 61), ("31389/321980", 5)],
    "gallery": [("31388/321973", 61), ("31388/321974", 62), ("31389/321981", 6), ("31389/321982", 5)],
}


def write_wild_2019(root: Path, *, info: bool = True, header: bool = True, end: str = "\n") -> Path:
    write_lines(root / SPLIT / "train_list.txt", [image for image, _ in WILD["train"]], end)
    for size in (3000, 5000, 10000):
        write_lines(root / SPLIT / f"test_{size}_query.txt", [image for image, _ in WILD["query"]], end)
        write_lines(root / SPLIT / f"test_{size}.txt", [image for image, _ in WILD["gallery"]], end)
    if info:
        lines = [
            f"{image};{camera};2018-03-11 17:00:{camera % 60:02};{'Kia' if camera < 61 else 'Audi-A6'};sedan;white"
            for images in WILD.values()
            for image, camera in images
        ]
        titles = ["id/image;Camera ID;Time;Model;Type;Color"] if header else []
        write_lines(root / SPLIT / "vehicle_info.txt", titles + lines, end)
    return root


def write_wild_2020(root: Path, *, end: str = "\n") -> Path:
    relabelled = {"00001": 0, "00002": 1}
    train = [f"{image}.jpg {relabelled[image[:5]]} {camera}" for image, camera in WILD["train"]]
    write_lines(root / SPLIT / "train_list_start0.txt", train, end)
    for size in (3000, 5000, 10000):
        for side, file in (("query", f"test_{size}_id_query.txt"), ("gallery", f"test_{size}_id.txt")):
            lines = [f"{image}.jpg {image[:5]} {camera}" for image, camera in WILD[side]]
            write_lines(root / SPLIT / file, lines, end)
    return root
