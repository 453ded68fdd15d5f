"""Masks of NumPy files become boxes that give back the same cells, or are refused with the mask that is wrong."""

from __future__ import annotations

import io
import logging
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from harness.boxes import Boxes, find_boxes, read_boxes
from harness.boxes.masks import read_masks
from harness.boxes.store import read_store, write_boxes
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.part_classes import PARTS
from harness.detection.train import labelled_images
from harness.errors import DataError
from plugins.layers.cells import overlapped_cells
from plugins.pgan.parts import part_masks
from tests.harness.boxes.files import KEYS, pictures, same


def rectangle(y0: int, y1: int, x0: int, x1: int) -> np.ndarray:
    mask = np.zeros((14, 14), np.uint8)
    mask[y0:y1, x0:x1] = 1
    return mask


ONE = rectangle(2, 5, 1, 4)[None]


def save(folder: Path, name: str, masks: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, masks)
    return folder


def test_the_last_mask_is_the_surest_and_no_mask_has_a_class(tmp_path: Path):
    masks = np.stack(
        [rectangle(0, 14, 0, 14), rectangle(13, 14, 13, 14), rectangle(0, 7, 0, 2), rectangle(3, 4, 5, 14)]
    )
    save(tmp_path / "masks", "image_train/a.npy", masks)

    boxes = read_boxes(tmp_path / "masks", kind="parts", dataset=pictures(tmp_path / "data"))

    expected = [
        [0, 1, 70, 42, 196, 56],
        [0, 0.75, 0, 0, 28, 98],
        [0, 0.5, 182, 182, 196, 196],
        [0, 0.25, 0, 0, 196, 196],
    ]
    np.testing.assert_allclose(boxes.of(KEYS[0], (196, 196)), expected, rtol=1e-6)
    assert boxes.of(KEYS[1], (196, 196)).shape == (0, 6)
    assert boxes.names == {0: "part", **dict(enumerate(PARTS, 1))}
    again = read_store(write_boxes(tmp_path / "boxes.h5", boxes)).numbered("parts")
    assert same(again, boxes)


@st.composite
def rectangles(draw: st.DrawFn) -> np.ndarray:
    found = []
    for _ in range(draw(st.integers(0, 12))):
        y0, x0 = draw(st.integers(0, 13)), draw(st.integers(0, 13))
        found.append(rectangle(y0, draw(st.integers(y0 + 1, 14)), x0, draw(st.integers(x0 + 1, 14))))
    return np.array(found, np.uint8).reshape(-1, 14, 14)


TYPES = ["?", "|u1", "|i1", "<i4", ">i8", "<f2", "<f4", ">f8"]


@settings(max_examples=150)
@given(rectangles(), st.sampled_from(TYPES), st.booleans(), st.integers(14, 448), st.integers(14, 448))
def test_the_same_cells_come_back_at_14_by_14_whatever_the_images_size(
    tmp_path_factory: pytest.TempPathFactory,
    masks: np.ndarray,
    dtype: str,
    columns_first: bool,
    height: int,
    width: int,
):
    stored = masks.astype(dtype)
    folder = save(tmp_path_factory.mktemp("masks"), "a.npy", np.asfortranarray(stored) if columns_first else stored)

    rows = torch.from_numpy(read_masks(folder, [["a.jpg"]]).of("a.jpg", (height, width)))

    expected = torch.from_numpy(masks[::-1].astype(bool))  # the surest first
    assert torch.equal(overlapped_cells(rows[:, 2:], (height, width), (14, 14)), expected)
    assert rows[:, 1].tolist() == pytest.approx([(place + 1) / len(masks) for place in range(len(masks))][::-1])


@given(rectangles(), st.booleans())
def test_pgan_sees_the_last_eight_masks_of_the_release_and_their_mirror_images_after_a_flip(
    tmp_path_factory: pytest.TempPathFactory, masks: np.ndarray, flipped: bool
):
    folder = save(tmp_path_factory.mktemp("masks"), "a.npy", masks)
    rows = torch.from_numpy(read_masks(folder, [["a.jpg"]]).of("a.jpg", (224, 224)))
    if flipped:
        rows[:, [2, 4]] = 224 - rows[:, [4, 2]]

    seen = part_masks([rows], 8, (224, 224), (14, 14), "overlap")[0]

    expected = np.zeros((8, 14, 14), np.float32)
    expected[: min(8, len(masks))] = masks[-8:][::-1]
    assert np.array_equal(seen, expected[:, :, ::-1] if flipped else expected)


def test_a_mask_without_a_cell_is_no_part_and_the_next_takes_its_place(tmp_path: Path, caplog: Any):
    masks = np.stack([rectangle(0, 1, 0, 1), rectangle(0, 0, 0, 0), rectangle(1, 2, 0, 1)])
    with caplog.at_level(logging.INFO, "bench"):
        boxes = read_masks(save(tmp_path, "a.npy", masks), [["a.jpg"]])

    assert boxes.of_image["a.jpg"][:, 1].tolist() == pytest.approx([1, 1 / 3])
    assert caplog.messages == ["masks: masks without a cell left out: 1"]


def test_an_image_may_have_no_mask(tmp_path: Path):
    boxes = read_masks(save(tmp_path, "a.npy", np.zeros((0, 14, 14))), [["a.jpg", "b.jpg"]])

    assert {key: rows.shape for key, rows in boxes.of_image.items()} == {"a.jpg": (0, 6)}


VERI = [["image_train/1.jpg"], ["image_query/2.jpg"], ["image_test/2.jpg", "image_test/3.jpg"]]


@pytest.mark.parametrize(
    ("names", "splits", "keys"),
    [
        (["image_train/1", "image_test/2"], VERI, {"image_train/1.jpg", "image_test/2.jpg"}),
        (["1", "2"], VERI, {"image_train/1.jpg", "image_query/2.jpg", "image_test/2.jpg"}),
        (["a/1", "b/1"], [["x/a/1.jpg", "x/b/1.jpg"]], {"x/a/1.jpg", "x/b/1.jpg"}),
        (["1", "a/1"], [["1.jpg", "a/1.jpg"]], {"1.jpg", "a/1.jpg"}),
        (["1.5"], [["1.5.jpg", "1.6.jpg"]], {"1.5.jpg"}),
        (["1"], [["1.jpg"], ["1.jpg", "2.jpg"]], {"1.jpg"}),
    ],
)
def test_a_file_belongs_to_the_images_whose_path_is_its_own_or_ends_with_it(
    tmp_path: Path, names: list[str], splits: list[list[str]], keys: set[str]
):
    for name in names:
        save(tmp_path, f"{name}.npy", ONE)

    assert set(read_masks(tmp_path, splits).of_image) == keys


def test_a_name_that_several_images_of_a_split_have_is_refused(tmp_path: Path):
    save(tmp_path, "1.npy", ONE)

    with pytest.raises(DataError, match="could be those of several images") as caught:
        read_masks(tmp_path, [["a/1.jpg", "b/1.jpg"]])
    assert (caught.value.found, caught.value.expected) == ("a/1.jpg, b/1.jpg", "the path of one image, such as a/1.npy")


def test_two_files_of_one_image_are_refused(tmp_path: Path):
    save(save(tmp_path, "1.npy", ONE), "a/1.npy", ONE)

    with pytest.raises(DataError, match="an image is listed twice"):
        read_masks(tmp_path, [["x/a/1.jpg"]])


def test_files_of_images_in_no_split_are_left_out_and_counted(tmp_path: Path, caplog: Any):
    save(save(tmp_path, "1.npy", ONE), "9.npy", ONE)

    assert set(read_masks(tmp_path, [["1.jpg"]]).of_image) == {"1.jpg"}
    assert caplog.messages == ["masks: files of no image left out: 1: 9.npy"]
    with pytest.raises(DataError, match="none of the 2 files of masks belongs to an image") as caught:
        read_masks(tmp_path, [["a/2.jpg"]])
    assert (caught.value.found, caught.value.expected) == ("1.npy, 9.npy", "files named like the images: a/2.jpg")


def test_the_only_file_may_not_be_of_no_image(tmp_path: Path):
    save(tmp_path, "9.npy", ONE)

    with pytest.raises(DataError, match="the only file of masks belongs to no image"):
        read_masks(tmp_path, [["1.jpg"]])


def header(text: str, version: int = 1) -> bytes:
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode("latin1")


def npz() -> bytes:
    content = io.BytesIO()
    np.savez(content, ONE)
    return content.getvalue()


class Trap:
    """Leaves a file if it is ever unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("unpickled"),)


def pickled() -> bytes:
    content = io.BytesIO()
    np.save(content, np.array([Trap()], object), allow_pickle=True)
    return content.getvalue()


UNREADABLE = {
    "Python objects": pickled(),
    "a pickle": pickle.dumps(Trap()),
    "several arrays": npz(),
    "nothing": b"",
    "text": b"plate 0.5 10 20 40 60\n",
    "an array cut short": b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (9, 14, 14), }",
    "a header longer than the file": header("{")[:8] + b"\xff\xff",
    "a header of a gigabyte": b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 30),
    "a header of 60,000 characters": header("{" + " " * 60_000 + "}"),
    "more masks than any memory holds": header(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000000, 14, 14)}"
    ),
    "more masks than a number holds": header(
        f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**30}, 14, 14)}}"
    ),
    "fewer masks than none": header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 14, 14)}"),
    "a nested header": header("(" * 4000 + ")" * 4000),
    "a header that is code": header("__import__('os').mkdir('made')"),
    "a header without an end": header("{'descr': '|u1', 'shape': ('''"),
    "another type": header("{'descr': 'no type', 'fortran_order': False, 'shape': (1, 14, 14)}"),
    "a future version": header("{}").replace(b"\x01\x00", b"\x09\x00", 1),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_array_is_refused_and_nothing_in_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(content)

    with pytest.raises(DataError, match="the masks cannot be read") as caught:
        read_masks(tmp_path, [["a.jpg"]])

    assert caught.value.where == tmp_path / "a.npy"
    assert str(caught.value.expected).startswith("(K, 14, 14) numbers of 0 and 1")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize(
    ("masks", "found"),
    [
        (np.zeros((14, 14), np.uint8), "(14, 14) of uint8"),
        (np.zeros((14, 14, 8), np.uint8), "(14, 14, 8) of uint8"),
        (np.zeros((1, 8, 14, 14), np.uint8), "(1, 8, 14, 14) of uint8"),
        (np.zeros((8, 16, 16), np.uint8), "(8, 16, 16) of uint8"),
        (np.zeros((), np.uint8), "() of uint8"),
        (np.zeros((10_001, 14, 14), np.uint8), "(10001, 14, 14) of uint8"),
        (np.zeros((1, 14, 14), complex), "(1, 14, 14) of complex128"),
        (np.zeros((1, 14, 14), "U1"), "(1, 14, 14) of <U1"),
        (np.zeros((1, 14, 14), "M8[s]"), "(1, 14, 14) of datetime64[s]"),
        (np.zeros((1, 14, 14), [("a", "u1")]), "(1, 14, 14) of [('a', 'u1')]"),
    ],
)
def test_another_array_is_refused_with_its_shape_and_type(tmp_path: Path, masks: np.ndarray, found: str):
    with pytest.raises(DataError, match="these are no masks") as caught:
        read_masks(save(tmp_path, "a.npy", masks), [["a.jpg"]])
    assert caught.value.found == found


@pytest.mark.parametrize("value", [2, -1, 0.5, float("nan"), float("inf")])
def test_a_number_beside_0_and_1_is_named_with_its_place(tmp_path: Path, value: float):
    masks = np.zeros((3, 14, 14))
    masks[1, 4, 9] = value

    with pytest.raises(DataError, match="mask 1 is wrong") as caught:
        read_masks(save(tmp_path, "a.npy", masks), [["a.jpg"]])
    assert caught.value.found == f"{float(value)} in row 4 and column 9, counted from 0"
    assert caught.value.where == tmp_path / "a.npy"


@given(st.data())
def test_cells_that_are_no_rectangle_are_refused_with_their_mask(tmp_path_factory: pytest.TempPathFactory, data: Any):
    cells = np.zeros((14, 14), np.uint8)
    places = data.draw(st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), min_size=1, max_size=5))
    for place in places:
        cells[place] = 1
    rows, columns = np.nonzero(cells)
    whole = (np.ptp(rows) + 1) * (np.ptp(columns) + 1) == cells.sum()
    folder = save(tmp_path_factory.mktemp("masks"), "a.npy", np.stack([ONE[0], cells]))

    if whole:
        assert len(read_masks(folder, [["a.jpg"]]).of_image["a.jpg"]) == 2
        return
    with pytest.raises(DataError, match="mask 1 is wrong") as caught:
        read_masks(folder, [["a.jpg"]])
    expected = (
        f"{cells.sum()} cells in rows {rows.min()} to {rows.max()} and columns {columns.min()} to {columns.max()}"
    )
    assert (caught.value.found, caught.value.expected) == (expected, "a full rectangle of cells, or none")


@settings(max_examples=200)
@given(st.data())
def test_a_flipped_byte_is_refused_or_gives_masks(tmp_path_factory: pytest.TempPathFactory, data: Any):
    folder = save(tmp_path_factory.mktemp("flipped"), "a.npy", ONE)
    content = bytearray((folder / "a.npy").read_bytes())
    place = data.draw(st.integers(0, 127) | st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (folder / "a.npy").write_bytes(bytes(content))
    try:
        found = read_masks(folder, [["a.jpg"]]).of_image["a.jpg"]
    except DataError:
        return
    assert ((found[:, 1:] >= 0) & (found[:, 1:] <= 1)).all()
    assert (found[:, 4:] > found[:, 2:4]).all()


def test_only_parts_may_be_without_a_class(tmp_path: Path):
    dataset, folder = pictures(tmp_path / "data"), save(tmp_path / "masks", "a.npy", ONE)

    assert list(find_boxes(dataset, {"boxes.parts"}, folder)["parts"].of_image) == [KEYS[0]]
    with pytest.raises(DataError, match="masks have no classes, and boxes of kind 'regions' need them"):
        find_boxes(dataset, {"boxes.regions"}, folder)
    with pytest.raises(DataError, match="a folder of boxes belongs to the images of a data set"):
        read_boxes(folder, kind="parts")
    kept = write_boxes(tmp_path / "boxes.h5", read_masks(folder, [["a.jpg"]]))
    with pytest.raises(DataError, match="unknown class of the boxes 'regions' 'part'"):
        read_boxes(kept, kind="regions")


def test_no_detector_is_trained_on_parts_without_a_class(tmp_path: Path):
    dataset = Dataset(tmp_path, {"train": ImageTable(("a.jpg",), np.array([1]))})
    boxes: Boxes = read_masks(save(tmp_path, "a.npy", ONE), [["a.jpg"]]).numbered("parts")

    with pytest.raises(DataError, match="a detector learns classes, and these boxes have none"):
        labelled_images(dataset, boxes)
    assert labelled_images(dataset, replace(boxes, names={1: "plate"})).paths == ("a.jpg",)
