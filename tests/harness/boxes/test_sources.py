"""A run uses the boxes that it is given, else the data set's own, else it says what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.boxes import find_boxes, keep, needed_boxes, read_boxes, with_kept
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.errors import DataError, UsageError
from harness.training.joining import join
from tests.harness.boxes.files import coco, pictures, same, write

PARTS = {"vehicle", "boxes.parts"}


def test_needed_boxes_come_by_keyword_and_labels_are_passed_over(tmp_path: Path):
    dataset = Dataset(tmp_path, {}, boxes={"parts": write(tmp_path, coco())})
    assert list(needed_boxes(dataset, PARTS)) == ["boxes_parts"]
    with pytest.raises(DataError, match="boxes of kind 'regions'"):
        needed_boxes(dataset, {"boxes.regions"})


def test_given_boxes_go_before_the_data_sets_own(tmp_path: Path):
    dataset = pictures(tmp_path)
    own, other = write(tmp_path, coco(), "own.json"), write(tmp_path, coco(score=0.5), "other.json")
    dataset = replace(dataset, boxes={"parts": own})
    assert same(find_boxes(dataset, PARTS, None)["parts"], read_boxes(own, kind="parts"))
    assert same(find_boxes(dataset, PARTS, other)["parts"], read_boxes(other, kind="parts"))
    assert find_boxes(dataset, {"vehicle"}, None) == {}


def test_joined_data_sets_bring_their_own_boxes_and_keep_them(tmp_path: Path):
    parts = {}
    for name in ("one", "other"):
        dataset = pictures(tmp_path / name)
        table = ImageTable(("a.png",), np.array([1]))
        own = write(tmp_path / name, coco())
        parts[name] = replace(dataset, splits={"train": table}, boxes={"parts": own})
    both = join(parts)

    found = find_boxes(both, PARTS, None)
    keep(found, tmp_path)
    kept = needed_boxes(with_kept(both, found, tmp_path), PARTS)["boxes_parts"]

    single = read_boxes(parts["one"].boxes["parts"], kind="parts", dataset=parts["one"])
    assert same(found["parts"], kept)
    assert set(kept.of_image) == {f"{name}/{key}" for name in parts for key in single.of_image}
    for key, rows in single.of_image.items():
        assert kept.of_image[f"other/{key}"].tolist() == rows.tolist()

    with pytest.raises(DataError, match="boxes of kind 'parts'"):
        find_boxes(join({**parts, "other": replace(parts["other"], boxes={})}), PARTS, None)


def test_missing_boxes_are_named_with_the_commands_that_make_them(tmp_path: Path):
    with pytest.raises(DataError) as caught:
        find_boxes(pictures(tmp_path), PARTS, None)
    for words in ("boxes of kind 'parts'", "--boxes", "bench parts train", "--detector"):
        assert words in str(caught.value)


def test_boxes_of_another_data_sets_images_are_refused(tmp_path: Path):
    content = coco()
    content["images"].append({"id": 8, "file_name": "a.jpg", "width": 10, "height": 10})
    with pytest.raises(DataError, match="1 of 2 images of the boxes are not in the data set") as caught:
        find_boxes(pictures(tmp_path), PARTS, write(tmp_path, content))
    assert "a.jpg" in str(caught.value.found)


def test_a_file_of_boxes_that_names_no_image_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="the file of boxes names no image"):
        find_boxes(pictures(tmp_path), PARTS, write(tmp_path, {"images": [], "annotations": [], "categories": []}))


def test_images_that_lie_in_the_folder_and_in_no_list_may_have_boxes(tmp_path: Path):
    dataset = pictures(tmp_path)
    dataset = replace(dataset, splits={"query": dataset.splits["query"]})
    assert list(find_boxes(dataset, PARTS, write(tmp_path, coco()))["parts"].of_image) == ["image_train/a.jpg"]


def test_one_file_cannot_be_of_several_kinds(tmp_path: Path):
    with pytest.raises(UsageError, match="several kinds"):
        find_boxes(pictures(tmp_path), {"boxes.parts", "boxes.regions"}, write(tmp_path, coco()))


def test_kept_boxes_are_read_in_place_of_the_file(tmp_path: Path):
    dataset = replace(pictures(tmp_path), boxes={"parts": write(tmp_path, coco())})
    found = find_boxes(dataset, PARTS, None)
    keep(found, tmp_path / "run")
    (tmp_path / "boxes.json").unlink()
    kept = needed_boxes(with_kept(dataset, found, tmp_path / "run"), PARTS)["boxes_parts"]
    assert same(kept, found["parts"])
