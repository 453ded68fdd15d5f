"""The lists, labels and boxes of the synthetic data set on disk, as VeRi-776's release has them."""

from collections import Counter
from itertools import groupby

import numpy as np
import pytest
from PIL import Image

from harness.boxes import read_boxes
from harness.data.part_classes import PARTS, REGIONS
from protocols.synthetic.vehicle.bodies import TYPES
from protocols.synthetic.vehicle.vehicles import COLOUR_NAMES, fleet
from protocols.veri776.labels import COLOURS, TYPES as VERI_TYPES
from tests.protocols.synthetic.drawn_sets import FOLDERS, LISTS, SEED_HERE, VEHICLES_HERE, boxes_of, names_of


def test_the_folder_holds_the_files_of_the_release_and_those_that_only_drawn_vehicles_have(root):
    released = {
        *FOLDERS, *LISTS, "test_track.txt", "gt_index.txt", "jk_index.txt", "train_label.xml", "test_label.xml",
        "list_color.txt", "list_type.txt", "camera_ID.txt",
    }  # fmt: skip
    added = {"list_model.txt", "vehicle_model.txt", "near_duplicates.txt", "boxes", "synthetic.json"}

    assert {path.name for path in root.iterdir()} == released | added


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_exactly_the_images_of_its_folder(root, name):
    names = names_of(root, name)

    assert sorted(names) == sorted(path.name for path in (root / LISTS[name]).iterdir())
    assert len(names) == len(set(names))


def test_every_query_is_a_test_image_with_the_same_bytes(root):
    for name in names_of(root, "name_query.txt"):
        assert (root / "image_query" / name).read_bytes() == (root / "image_test" / name).read_bytes()


def test_there_is_one_query_for_each_test_vehicle_and_camera(root):
    asked = [name.split("_")[:2] for name in names_of(root, "name_query.txt")]
    seen = {tuple(name.split("_")[:2]) for name in names_of(root, "name_test.txt")}

    assert sorted(map(tuple, asked)) == sorted(seen)


def test_colours_and_types_have_the_numbers_of_the_release():
    assert dict(enumerate(COLOUR_NAMES, 1)) == COLOURS
    assert dict(enumerate(TYPES, 1)) == VERI_TYPES


def test_the_training_labels_declare_gb2312_as_the_release_does(root):
    assert (root / "train_label.xml").read_bytes().startswith(b'<?xml version="1.0" encoding="gb2312"?>')


def test_the_tracks_partition_the_test_images_in_three_to_six_frames_of_one_vehicle_and_camera(root):
    lines = [line.split() for line in names_of(root, "test_track.txt")]
    frames = [name for _, *images in lines for name in images]

    assert sorted(frames) == sorted(names_of(root, "name_test.txt"))
    assert len(frames) == len(set(frames))
    for track, *images in lines:
        assert 3 <= len(images) <= 6
        assert {tuple(name.split("_")[:2]) for name in images} == {tuple(track.split("_")[:2])}
        assert images == sorted(images)


def test_some_vehicle_passes_a_camera_twice(root):
    passages = Counter(tuple(line.split("_")[:2]) for line in names_of(root, "test_track.txt"))

    assert max(passages.values()) == 2


def test_every_query_has_a_positive_under_another_camera(root):
    names = names_of(root, "name_test.txt")
    for query, positives in zip(names_of(root, "name_query.txt"), names_of(root, "gt_index.txt"), strict=True):
        found = [names[int(row) - 1] for row in positives.split()]
        assert found
        assert {name.split("_")[0] for name in found} == {query.split("_")[0]}
        assert query.split("_")[1] not in {name.split("_")[1] for name in found}


def test_the_near_duplicates_are_listed(root):
    pairs = [tuple(map(int, line.split())) for line in names_of(root, "near_duplicates.txt")]
    drawn = fleet(SEED_HERE, VEHICLES_HERE)

    assert pairs == [(v.number, v.twin) for v in drawn if v.twin and v.number < v.twin]


@pytest.mark.parametrize(("kind", "names"), [("parts", PARTS), ("regions", REGIONS)])
def test_boxes_are_coco_with_a_category_for_each_class(root, kind, names):
    content = boxes_of(root, kind)

    assert [category["name"] for category in content["categories"]] == list(names)
    assert len({item["id"] for item in content["images"]}) == len(content["images"])
    assert len({item["id"] for item in content["annotations"]}) == len(content["annotations"])
    listed = [f"{folder}/{name}" for file, folder in LISTS.items() for name in names_of(root, file)]
    assert [item["file_name"] for item in content["images"]] == listed


def test_the_sizes_in_the_boxes_are_those_of_the_files(root):
    for item in boxes_of(root, "parts")["images"][::9]:
        with Image.open(root / item["file_name"]) as image:
            assert image.format == "JPEG"
            assert image.size == (item["width"], item["height"])
            assert max(image.size) == 48


def test_a_query_and_its_copy_in_the_test_folder_have_the_same_boxes(root):
    boxes = read_boxes(root / "boxes" / "parts.json")
    for name in names_of(root, "name_query.txt"):
        np.testing.assert_array_equal(boxes.of_image[f"image_query/{name}"], boxes.of_image[f"image_test/{name}"])


def test_queries_of_a_vehicle_come_from_different_cameras(root):
    names = names_of(root, "name_query.txt")
    for _, group in groupby(names, lambda name: name.split("_")[0]):
        cameras = [name.split("_")[1] for name in group]
        assert len(cameras) == len(set(cameras)) >= 2
