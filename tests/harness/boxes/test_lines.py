"""Text files of lines are read by the paths of their images, or refused with the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.boxes import Boxes, read_boxes
from harness.errors import DataError
from tests.harness.boxes.files import KEYS, SIZE, pictures


def read(tmp_path: Path, **files: str | bytes) -> Boxes:
    """Write one text file an image, named by the image's letter, and read the folder."""
    dataset = pictures(tmp_path / "data")
    folder = tmp_path / "lines"
    places = {key[-5]: key[:-4] for key in KEYS}
    folder.mkdir(parents=True)
    for letter, content in files.items():
        path = folder / f"{places.get(letter, letter)}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_boxes(folder, kind="parts", dataset=dataset)


def test_a_label_is_a_name_or_a_number_and_corners_are_pixels(tmp_path: Path):
    boxes = read(tmp_path, a="annual  service signs 0.5 10 20 40 60\n\n13 0.75 0 0 100 200\n", c="")
    expected = np.array([[13, 0.75, 0, 0, 1, 1], [1, 0.5, 0.1, 0.1, 0.4, 0.3]], np.float32)
    assert boxes.of_image[KEYS[0]].tobytes() == expected.tobytes()
    assert {key: len(rows) for key, rows in boxes.of_image.items()} == {KEYS[0]: 2, KEYS[2]: 0}


def test_a_byte_order_mark_is_skipped(tmp_path: Path):
    line = b"plate 0.5 10 20 40 60\n"
    assert read(tmp_path / "1", a=b"\xef\xbb\xbf" + line).digest == read(tmp_path / "2", a=line).digest


@pytest.mark.parametrize(
    "line",
    [
        "plate 0.5 10 20 40",
        "0.5 10 20 40 60",
        "plates 0.5 10 20 40 60",
        "17 0.5 10 20 40 60",
        "-1 0.5 10 20 40 60",
        "plate half 10 20 40 60",
        "plate nan 10 20 40 60",
        "plate 0.5 nan 20 40 60",
        "plate 0.5 10 20 inf 60",
        "plate 0.5 10 20 10 60",
        "plate 0.5 40 20 10 60",
        "plate 0.5 10 20 140 60",
        "plate 1.5 10 20 40 60",
        "65536 0.5 10 20 40 60",
        "9" * 400 + " 0.5 10 20 40 60",
        "9" * 5000 + " 0.5 10 20 40 60",
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str):
    with pytest.raises(DataError, match=r"image_train/a.txt, line 2 is wrong"):
        read(tmp_path, a=f"plate 0.5 10 20 40 60\n{line}\n")


def test_lines_in_yolos_form_and_shares_are_told(tmp_path: Path):
    with pytest.raises(DataError, match="in YOLO's form the numbers are centre and size, as shares"):
        read(tmp_path / "yolo", a="plate 0.5 0.5 0.25 0.125\n")
    with pytest.raises(DataError, match=r"shares of the image, not pixels(.|\n)*all 2 boxes between 0 and 1"):
        read(tmp_path / "shares", a="plate 0.9 0.1 0.1 0.3 0.2\n", b="plate 0.9 0.1 0.1 0.3 1\n")


def test_a_mark_of_utf16_names_the_encoding(tmp_path: Path):
    line = "plate 0.5 10 20 40 60\n"
    assert read(tmp_path / "1", a=line.encode("utf-16")).digest == read(tmp_path / "2", a=line).digest


@pytest.mark.parametrize("orientation", [2, 6])
def test_boxes_of_turned_or_mirrored_images_are_refused(tmp_path: Path, orientation: int):
    dataset = pictures(tmp_path / "data")
    (tmp_path / "lines" / "image_train").mkdir(parents=True)
    (tmp_path / "lines" / "image_train" / "a.txt").write_text("plate 0.5 10 20 40 60\n")
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.new("RGB", SIZE).save(dataset.root / KEYS[0], exif=exif)
    assert len(read_boxes(tmp_path / "lines", kind="parts", dataset=dataset).of_image) == 1
    exif[0x0112] = orientation
    Image.new("RGB", SIZE).save(dataset.root / KEYS[0], exif=exif)

    with pytest.raises(
        DataError, match=r"turn or mirror can be meant in two ways(.|\n)*image_train/a.jpg with an EXIF"
    ):
        read_boxes(tmp_path / "lines", kind="parts", dataset=dataset)


def test_files_of_no_image_or_of_no_text_and_an_empty_folder_are_refused(tmp_path: Path):
    for number, (files, message) in enumerate(
        [
            ({"a": "", "x": ""}, "1 files of boxes belong to no image"),
            ({"a": b"plate \xff\xfe\x00"}, "the file of boxes is not in UTF-8"),
            ({}, "has no boxes"),
        ]
    ):
        with pytest.raises(DataError, match=message):
            read(tmp_path / str(number), **files)


def test_a_folder_without_a_data_set_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="no data set was given"):
        read_boxes(tmp_path, kind="parts")
