"""COCO files are read whole or refused with the annotation that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.boxes import CLASSES, read_boxes
from harness.boxes.coco import read_coco, write_coco
from harness.errors import DataError
from tests.harness.boxes.files import KEYS, coco, parts_of, pictures, same, write


def test_boxes_come_in_pixels_of_the_resized_image_the_surest_first(tmp_path: Path):
    content = coco()
    content["annotations"].reverse()
    boxes = read_boxes(write(tmp_path, content))
    expected = [[2, 1, 5, 5, 20, 15], [5, 0.25, 5, 5, 20, 15]]
    np.testing.assert_allclose(boxes.of("image_train/a.jpg", (50, 50)), expected, rtol=1e-6)
    assert boxes.names == {2: "plate", 5: "logo"}


def test_a_byte_order_mark_is_skipped(tmp_path: Path):
    path = write(tmp_path, coco())
    digest = read_boxes(path).digest
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_boxes(path).digest == digest


def test_an_image_without_boxes_has_none(tmp_path: Path):
    assert read_boxes(write(tmp_path, coco())).of("image_train/b.jpg", (8, 8)).shape == (0, 6)


def test_the_boxes_of_some_images_are_theirs_alone_and_none_for_one_that_is_not_named():
    boxes = parts_of({"a.jpg": [[1, 0.5, 0, 0, 1, 1]], "b.jpg": [[2, 0.5, 0, 0, 1, 1]]})
    taken = boxes.take(["c.jpg", "a.jpg"])
    assert {key: rows.shape for key, rows in taken.of_image.items()} == {"c.jpg": (0, 6), "a.jpg": (1, 6)}
    assert (taken.names, taken.path) == (boxes.names, boxes.path)


def test_the_classes_of_a_kind_are_found_by_name_and_get_its_numbers(tmp_path: Path):
    boxes = read_boxes(write(tmp_path, coco()), kind="parts")
    labels = boxes.of("image_train/a.jpg", (8, 8))[:, 0].tolist()
    assert [CLASSES["parts"][int(label) - 1] for label in labels] == ["plate", "logo"]
    assert boxes.names == dict(enumerate(CLASSES["parts"], 1))


def test_a_class_that_the_kind_does_not_have_is_named_with_the_nearest(tmp_path: Path):
    content = coco()
    content["categories"][1]["name"] = "plates"
    with pytest.raises(DataError, match="unknown class of the boxes 'parts' 'plates'; did you mean 'plate'") as caught:
        read_boxes(write(tmp_path, content), kind="parts")
    assert "boxes.json" in str(caught.value)
    with pytest.raises(DataError, match="unknown class of the boxes 'regions' 'plate'"):
        read_boxes(write(tmp_path, coco()), kind="regions")


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": [10, 20, 0, 40]},
        {"bbox": [10, 20, 30, -1]},
        {"bbox": [90, 20, 30, 40]},
        {"bbox": [-30, 20, 30, 40]},
        {"bbox": [100.5, 20, 0.4, 40]},
        {"bbox": [10, 20, 1e-9, 40]},
        {"bbox": [1e308, 20, 1e308, 40]},
        {"bbox": [float("nan"), 20, 30, 40]},
        {"bbox": [10, 20, float("inf"), 40]},
        {"bbox": [1, 2]},
        {"bbox": "10 20 30 40"},
        {"bbox": None},
        {"score": float("nan")},
        {"score": -0.1},
        {"score": 1.5},
        {"image_id": 8},
        {"category_id": 9},
        {"category_id": -1},
        {"category_id": 10**400},
    ],
)
def test_a_wrong_annotation_is_named(tmp_path: Path, wrong: dict[str, Any]):
    with pytest.raises(DataError, match="annotation 1 is wrong") as caught:
        read_boxes(write(tmp_path, coco(**wrong)))
    assert caught.value.expected


@pytest.mark.parametrize(
    "image",
    [
        {"width": 0},
        {"height": -200},
        {"width": float("nan")},
        {"file_name": ""},
        {"file_name": "a\0b"},
        {"file_name": 3 * [1]},
        {"file_name": "x" * 2000},
    ],
)
def test_a_wrong_image_is_refused(tmp_path: Path, image: dict[str, Any]):
    content = coco()
    content["images"][0].update(image)
    with pytest.raises(DataError, match=r"image 0 is wrong|no image can have this name"):
        read_boxes(write(tmp_path, content))


def test_an_image_or_a_number_that_stands_twice_is_refused(tmp_path: Path):
    for key, change in (("images", {"id": 8}), ("images", {"file_name": "b.jpg"}), ("categories", {})):
        content = coco()
        content[key].append({**content[key][0], **change})
        with pytest.raises(DataError, match=r"listed twice|is repeated|cannot be read"):
            read_boxes(write(tmp_path, content))


@pytest.mark.parametrize("content", [{}, {"images": [], "annotations": []}, "text", 7, None])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: object):
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(write(tmp_path, content))


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path):
    with pytest.raises(DataError):
        read_boxes(tmp_path / "none.json")
    for content in (b"\xff\xfe\x00", b"", b'{"images": ["\\ud800"]}', b"[" * 100_000, b'{"a":' * 100_000):
        (tmp_path / "bytes.json").write_bytes(content)
        with pytest.raises(DataError):
            read_boxes(tmp_path / "bytes.json")


def sized(width: float, height: float) -> dict[str, Any]:
    """Return a COCO file of one image of 100 x 200 pixels that says another size."""
    content = coco(bbox=[0, 0, width / 10, height / 10])
    content["annotations"] = content["annotations"][1:]
    content["images"][0].update(width=width, height=height)
    return content


@pytest.mark.parametrize("size", [(200, 100), (200, 200), (103, 200), (1e300, 1e-300)])
def test_a_file_that_gives_an_image_another_shape_than_its_picture_has_is_refused(tmp_path: Path, size: Any):
    path = write(tmp_path, sized(*size))
    with pytest.raises(DataError, match="belong to an image of another shape") as caught:
        read_boxes(path, kind="parts", dataset=pictures(tmp_path))
    assert caught.value.where == f"{path}, {KEYS[0]}"
    assert caught.value.found == f"{size[0]:g} x {size[1]:g} pixels in the file"
    assert str(caught.value.expected).startswith("100 x 200 pixels")


@pytest.mark.parametrize("size", [(100, 200), (50, 100), (1000, 2000), (101, 200)])
def test_a_file_of_pictures_at_another_scale_is_read(tmp_path: Path, size: Any):
    boxes = read_boxes(write(tmp_path, sized(*size)), kind="parts", dataset=pictures(tmp_path))
    np.testing.assert_allclose(
        boxes.of_image[KEYS[0]], [[CLASSES["parts"].index("logo") + 1, 0.25, 0, 0, 0.1, 0.1]], rtol=1e-6
    )


def test_shapes_are_compared_where_there_is_a_picture(tmp_path: Path):
    assert read_boxes(write(tmp_path, sized(200, 100))).of_image.keys() == {KEYS[0]}
    content = sized(200, 100)
    content["images"][0]["file_name"] = "image_train/gone.jpg"
    read = read_boxes(write(tmp_path, content), kind="parts", dataset=pictures(tmp_path))
    assert read.of_image.keys() == {"image_train/gone.jpg"}


@pytest.mark.parametrize(("images", "asked"), [(1, 1), (200, 200), (201, 101), (1000, 200)])
def test_the_shapes_of_two_hundred_images_at_most_are_compared_from_all_over_the_file(
    tmp_path: Path, images: int, asked: int
):
    content = coco()
    content["images"] = [{**content["images"][0], "id": row, "file_name": f"{row}.jpg"} for row in range(images)]
    content["annotations"] = [{**content["annotations"][0], "id": row, "image_id": row} for row in range(images)]
    seen: list[int] = []

    def size_of(key: str) -> tuple[int, int]:
        seen.append(int(key.removesuffix(".jpg")))
        return (100, 200)

    read_coco(write(tmp_path, content), {}, size_of)
    assert len(seen) == asked
    assert max(np.diff([-1, *seen, images])) <= -(-images // 200) + 1


def result(key: object = KEYS[0], **changed: Any) -> dict[str, Any]:
    return {"image_id": key, "category_id": 13, "bbox": [10, 20, 30, 40], "score": 0.5, **changed}


def test_results_are_read_by_the_images_path_with_its_size_on_disk(tmp_path: Path):
    dataset = pictures(tmp_path)
    path = write(tmp_path, [result(), result(KEYS[2], score=0.75), result(score=0.875)])
    boxes = read_boxes(path, kind="parts", dataset=dataset)
    expected = parts_of({KEYS[0]: [[13, 0.875, 0.1, 0.1, 0.4, 0.3], [13, 0.5, 0.1, 0.1, 0.4, 0.3]]})
    assert boxes.of_image[KEYS[0]].tobytes() == expected.of_image[KEYS[0]].tobytes()
    assert sorted(boxes.of_image) == sorted([KEYS[0], KEYS[2]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (result(17), "result 1 is wrong"),
        (result("image_train/z.jpg"), "no such image"),
        (result("../a.jpg"), "leads out"),
        (result(category_id=17), "result 1 is wrong"),
        (result(category_id=0), "result 1 is wrong"),
        (result(bbox=[90, 20, 30, 40]), "result 1 is wrong"),
        (result(score=float("nan")), "result 1 is wrong"),
        ({"image_id": KEYS[0]}, "result 1 is wrong"),
        (17, "result 1 is wrong"),
    ],
)
def test_a_wrong_result_is_named(tmp_path: Path, wrong: object, message: str):
    dataset = pictures(tmp_path)
    with pytest.raises(DataError, match=message):
        read_boxes(write(tmp_path, [result(), wrong]), kind="parts", dataset=dataset)


def test_results_without_a_data_set_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="no data set was given"):
        read_boxes(write(tmp_path, [result()]))


def test_shares_of_the_image_are_not_taken_for_pixels(tmp_path: Path):
    content = coco(bbox=[0.5, 0.25, 0.5, 0.75])
    content["annotations"][0]["bbox"] = [0.1, 0.1, 0.3, 0.2]
    with pytest.raises(DataError, match=r"shares of the image, not pixels(.|\n)*multiply x and width"):
        read_boxes(write(tmp_path, content))
    with pytest.raises(DataError, match="shares of the image, not pixels"):
        read_boxes(write(tmp_path, [result(bbox=[0.1, 0.1, 0.3, 0.2])]), kind="parts", dataset=pictures(tmp_path))

    content["images"][0].update(width=1, height=1)  # then they are its pixels
    assert read_boxes(write(tmp_path, content)).of_image[KEYS[0]][:, 2:].max() == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str):
    plain, marked = write(tmp_path, coco()), tmp_path / "marked.json"
    marked.write_text(plain.read_text(), encoding=encoding)

    assert read_boxes(marked).digest == read_boxes(plain).digest


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path):
    (tmp_path / "boxes.json").write_bytes(b'{\n"images": [{"file_name": "\xbe\xa9"}]}')
    with pytest.raises(DataError, match=r"file of boxes is not in UTF-8\n  where: .*boxes.json:2"):
        read_boxes(tmp_path / "boxes.json")


def test_boxes_written_as_coco_are_read_back_to_the_bit(tmp_path: Path):
    random = np.random.default_rng(3)
    corners = np.sort(random.random((40, 2, 2)), axis=1).reshape(40, 4)
    rows = np.column_stack([random.integers(1, 17, 40), np.sort(random.random(40))[::-1], corners]).tolist()
    boxes = parts_of({"a.jpg": rows, "b.jpg": []})
    write_coco(tmp_path / "out.json", boxes, lambda key: (1237, 771))
    read = read_boxes(tmp_path / "out.json", kind="parts")
    assert same(read, boxes)
    assert read.digest == boxes.digest
