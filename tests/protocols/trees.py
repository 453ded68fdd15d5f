"""Trees in the released layouts of most data sets, written by the tests; without images."""

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


def write_khoa(root: Path, *, end: str = "\n", **lists: list[str]) -> Path:
    """Write a tree with the lists ``train``, ``val`` and ``test``."""
    default = {
        "train": ["car_0001_cam1.jpg", "car_0001_cam2.jpg", "bus_0001_cam1.jpg", "bus_0001_cam2.jpg"],
        "val": ["truck_0003_cam2.jpg", "truck_0003_cam1.jpg"],
        "test": ["car_0002_cam2.jpg", "motorcycle_0002_cam1.jpg", "motorcycle_0002_cam2.jpg", "car_0002_cam1.jpg"],
    }
    for name, lines in {**default, **lists}.items():
        write_lines(root / f"{name}.txt", lines, end)
    return root


def write_named(root: Path, *names: str) -> Path:
    """Write empty files, as of data sets whose names are the labels."""
    for name in names:
        write_lines(root / name, [])
    return root


ROUNDABOUT = [
    *[f"test/7_cam01_{frame:06}.jpg" for frame in (5, 9, 30)],
    *[f"test/7_cam02_{frame:06}.jpg" for frame in (50, 60)],
    "test/8_cam03_000001.jpg",
    "train/1_cam01_000001.jpg",
    "train/1_cam02_000001.jpg",
]
CARLA = [
    "image_train/20220711212617_24_9.jpg",
    "image_query/20220711212620_1_5.jpg",
    "image_gallery/20220711212621_1_5.jpg",
    "image_gallery/20220711212622_3_5.jpg",
    "image_gallery/1_4_6.jpg",
]


def write_veriwild2(root: Path, *, end: str = "\n", **lists: list[str]) -> Path:
    """Write a tree with the lists ``A_query`` and so on."""
    default = {"query": ["00001/000001.jpg 1 5"], "gallery": ["00001/000002.jpg 1 5", "00001/000003.jpg 1 6"]}
    for word in ("A", "B", "All"):
        for side, lines in default.items():
            write_lines(root / "test_split" / f"{word}_{side}.txt", lists.get(f"{word}_{side}", lines), end)
    return root


def write_cityflow(root: Path, *, test: bool = True) -> Path:
    """Write labels of ten training vehicles under two cameras, two images each, and of a withheld test."""
    train = [(f"{number:06}.jpg", number // 4 + 1, number % 2 + 1) for number in range(40)]
    items = [f'<Item imageName="{name}" vehicleID="{v:04}" cameraID="c{c:03}" />' for name, v, c in train]
    head = '<?xml version="1.0" encoding="gb2312"?>'
    write_lines(root / "train_label.xml", [head, "<TrainingImages><Items>", *items, "</Items></TrainingImages>"])
    tracks = [" ".join(name for name, *at in train if at == [v, c]) for v in range(1, 11) for c in (1, 2)]
    write_lines(root / "train_track.txt", tracks)
    if test:
        for file, count in (("query_label.xml", 3), ("test_label.xml", 7)):
            items = [f'<Item imageName="{n:06}.jpg" cameraID="c{n % 2 + 1:03}" />' for n in range(1, count + 1)]
            write_lines(root / file, [head, "<TestImages><Items>", *items, "</Items></TestImages>"])
        write_lines(root / "test_track.txt", ["000001.jpg 000002.jpg", "000003.jpg 000004.jpg 000005.jpg 000006.jpg"])
    return root
