"""Box files are read whole or refused with the annotation that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.boxes import needed_boxes, read_boxes
from harness.errors import DataError
from harness.protocol import Dataset


def coco(**annotation: Any) -> dict[str, Any]:
    first = {"id": 1, "image_id": 7, "category_id": 2, "bbox": [10, 20, 30, 40]}
    return {
        "images": [{"id": 7, "file_name": "image_train/a.jpg", "width": 100, "height": 200}],
        "categories": [{"id": 2, "name": "plate"}, {"id": 5, "name": "logo"}],
        "annotations": [first, {**first, "id": 2, "category_id": 5, "score": 0.25, **annotation}],
    }


def write(folder: Path, content: object) -> Path:
    path = folder / "boxes.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_boxes_come_in_pixels_of_the_resized_image_the_surest_first(tmp_path: Path):
    content = coco()
    content["annotations"].reverse()
    boxes = read_boxes(write(tmp_path, content))
    expected = [[2, 1, 5, 5, 20, 15], [5, 0.25, 5, 5, 20, 15]]
    np.testing.assert_allclose(boxes.of("image_train/a.jpg", (50, 50)), expected, rtol=1e-6)
    assert boxes.names == {2: "plate", 5: "logo"}


def test_an_image_without_boxes_has_none(tmp_path: Path):
    assert read_boxes(write(tmp_path, coco())).of("image_train/b.jpg", (8, 8)).shape == (0, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": [10, 20, 0, 40]},
        {"bbox": [10, 20, 30, -1]},
        {"bbox": [90, 20, 30, 40]},
        {"bbox": [-30, 20, 30, 40]},
        {"bbox": [float("nan"), 20, 30, 40]},
        {"image_id": 8},
        {"category_id": 9},
    ],
)
def test_a_wrong_annotation_is_named(tmp_path: Path, wrong: dict[str, Any]):
    with pytest.raises(DataError, match="annotation 1 is wrong"):
        read_boxes(write(tmp_path, coco(**wrong)))


@pytest.mark.parametrize("content", [[], {}, {"images": [], "annotations": []}, "text", coco(bbox=[1, 2])])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: object):
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(write(tmp_path, content))


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path):
    with pytest.raises(DataError):
        read_boxes(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError):
        read_boxes(tmp_path / "bytes.json")


def test_needed_boxes_come_by_keyword_and_labels_are_passed_over(tmp_path: Path):
    dataset = Dataset(tmp_path, {}, boxes={"parts": write(tmp_path, coco())})
    assert list(needed_boxes(dataset, {"vehicle", "boxes.parts"})) == ["boxes_parts"]
    with pytest.raises(DataError, match="boxes of kind 'regions'"):
        needed_boxes(dataset, {"boxes.regions"})
