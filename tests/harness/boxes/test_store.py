"""Boxes survive HDF5 to the bit, and no file of another make is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.boxes import Boxes, read_boxes
from harness.boxes.coco import write_coco
from harness.boxes.store import write_boxes
from harness.errors import DataError
from tests.harness.boxes.files import parts_of, same

SHARES = st.floats(0, 1, width=32)
SPANS = st.tuples(SHARES, SHARES).map(sorted).filter(lambda span: span[1] - span[0] > 1e-6)
ROWS = st.tuples(st.integers(1, 16), SHARES, SPANS, SPANS).map(
    lambda row: [row[0], row[1], row[2][0], row[3][0], row[2][1], row[3][1]]
)
KEYS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20)
BOXES = st.dictionaries(KEYS, st.lists(ROWS, max_size=5), max_size=5).map(
    lambda found: parts_of({key: sorted(rows, key=lambda row: -row[1]) for key, rows in found.items()})
)


@settings(max_examples=60)
@given(BOXES, st.integers(1, 5000), st.integers(1, 5000))
def test_boxes_go_through_coco_and_hdf5_to_the_bit(tmp_path_factory: pytest.TempPathFactory, boxes, width, height):
    folder = tmp_path_factory.mktemp("boxes")
    write_coco(folder / "boxes.json", boxes, lambda key: (width, height))
    read = read_boxes(folder / "boxes.json", kind="parts")
    write_boxes(folder / "boxes.h5", read)
    again = read_boxes(folder / "boxes.h5", kind="parts")
    assert same(read, boxes)
    assert same(again, boxes)
    assert again.digest == boxes.digest


def test_the_same_boxes_in_another_order_give_the_same_bytes(tmp_path: Path):
    rows = {"a.jpg": [[1, 0.5, 0, 0, 0.5, 1]], "b.jpg": [], "c.jpg": [[16, 0.25, 0.5, 0, 0.75, 1]]}
    one = write_boxes(tmp_path / "one.h5", parts_of(rows))
    other = write_boxes(tmp_path / "other.h5", parts_of(dict(reversed(rows.items()))))
    assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.h5", "other.h5"]


def test_the_digest_tells_an_image_without_parts_from_one_that_was_not_looked_at():
    assert parts_of({"a": []}).digest != parts_of({}).digest != Boxes({}, {1: "plate"}).digest


def small(tmp_path: Path) -> Path:
    rows = [[1, 0.5, 0, 0, 0.5, 1], [2, 0.25, 0, 0, 0.5, 1]]
    return write_boxes(tmp_path / "boxes.h5", parts_of({"a.jpg": rows, "b.jpg": []}))


def replaced(name: str, data: Any, **options: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, data=data, **options)

    return change


def linked(link: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["boxes"]
        file["boxes"] = link

    return change


def about(**changed: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        content = {**json.loads(file["about"][:].tobytes()), **changed}
        replaced("about", np.frombuffer(json.dumps(content).encode(), np.uint8))(file)

    return change


def valued(**cells: float) -> Callable[[h5py.File], None]:
    """Change cells of the first box, and the digest with them, as somebody would who knows how it is made."""

    def change(file: h5py.File) -> None:
        for column, value in cells.items():
            file["boxes"][0, int(column[1:])] = value
        rows = file["boxes"][:]
        names = {int(number): name for number, name in json.loads(file["about"][:].tobytes())["names"].items()}
        about(digest=Boxes({"a.jpg": rows, "b.jpg": rows[:0]}, names).digest)(file)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.__delitem__("keys"),
        lambda file: file.create_dataset("more", data=[1]),
        linked(h5py.ExternalLink("elsewhere.h5", "/boxes")),
        linked(h5py.SoftLink("/keys")),
        replaced("boxes", np.zeros((2, 6), "<f8")),
        replaced("boxes", np.zeros((2, 5), "<f4")),
        replaced("boxes", np.zeros((2, 6), "<f4"), compression="gzip"),
        replaced("boxes", np.zeros((1, 6), "<f4")),
        replaced("counts", np.array([3, -1])),
        replaced("counts", np.array([2])),
        replaced("keys", np.array([b"a.jpg", b"a.jpg"])),
        replaced("keys", np.array([b"\xff", b"b"])),
        replaced("keys", ["a.jpg", "b.jpg"]),
        replaced("about", np.frombuffer(b"{", np.uint8)),
        about(digest="0" * 64),
        about(schema_number=2),
        about(names={"one": "plate"}),
        about(more=1),
        lambda file: file["boxes"].__setitem__((0, 2), 0.25),
        valued(c0=17),
        valued(c1=float("nan")),
        valued(c1=2.0),
        valued(c2=0.75),
        valued(c4=1.5),
        valued(c2=-0.5),
    ],
)
def test_what_was_not_written_so_is_refused(tmp_path: Path, change: Callable[[h5py.File], None]):
    path = small(tmp_path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(DataError, match=r"damaged|another schema"):
        read_boxes(path, kind="parts")


def test_a_torn_a_foreign_and_a_missing_file_are_refused(tmp_path: Path):
    path = small(tmp_path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-1], b"", b"\x80\x04K\x01.", b'{"images": []}'):
        path.write_bytes(content)
        with pytest.raises(DataError):
            read_boxes(path)
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        read_boxes(path)


@settings(max_examples=60)
@given(st.data())
def test_a_flipped_byte_is_noticed_or_changes_nothing(tmp_path_factory: pytest.TempPathFactory, data):
    path = small(tmp_path_factory.mktemp("flipped"))
    boxes, content = read_boxes(path), bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    try:
        found = read_boxes(path)
    except DataError:
        return
    assert same(found, boxes)
