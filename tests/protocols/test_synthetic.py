"""The synthetic data set on disk: VeRi-776's layout, labels, tracks, near-duplicates and boxes."""

import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.boxes import read_boxes
from harness.boxes.classes import PARTS, REGIONS
from harness.errors import DataError
from harness.tasks.counts import counts
from protocols.synthetic import Synthetic, make
from protocols.synthetic.bodies import BODIES, TYPES
from protocols.synthetic.making import CAMERAS, SEED, VEHICLES
from protocols.synthetic.plan import Plan, plan_of
from protocols.synthetic.vehicles import COLOUR_NAMES, fleet
from protocols.veri776.labels import COLOURS
from protocols.veri776.labels import TYPES as VERI_TYPES

FOLDERS = ("image_train", "image_query", "image_test")
LISTS = dict(zip(("name_train.txt", "name_query.txt", "name_test.txt"), FOLDERS, strict=True))
VEHICLES_HERE, SEED_HERE = 24, 3


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    out = tmp_path_factory.mktemp("drawn") / "set"
    make(out, vehicles=VEHICLES_HERE, cameras=8, image_size=48, seed=SEED_HERE)
    return out


@pytest.fixture(scope="module")
def dataset(root):
    return Synthetic().load(root)


def names_of(root: Path, name: str) -> list[str]:
    return (root / name).read_text().splitlines()


def boxes_of(root: Path, kind: str) -> dict:
    return json.loads((root / "boxes" / f"{kind}.json").read_text())


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


def test_the_labels_agree_with_the_file_names_and_the_vehicles(root, dataset):
    vehicles = {vehicle.number: vehicle for vehicle in fleet(SEED_HERE, VEHICLES_HERE)}
    for split in ("train", "query", "gallery"):
        table = dataset.splits[split]
        for row, path in enumerate(table.paths):
            vehicle, camera, counter, _ = Path(path).name.split("_")
            drawn = vehicles[int(vehicle)]
            assert table.vehicle[row] == drawn.number
            assert table.camera[row] == int(camera[1:])
            assert table.time[row] == int(counter)
            assert table.names["colour"][int(table.colour[row])] == COLOUR_NAMES[drawn.design.colour]
            assert table.names["type"][int(table.type[row])] == drawn.design.body.type
            assert table.names["model"][int(table.model[row])] == drawn.design.body.name


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


def test_the_released_readers_find_nothing_to_remark(dataset):
    assert dataset.notes == ()
    assert dataset.unavailable == {}
    assert dataset.release == ""


def test_every_query_has_a_positive_under_another_camera(root):
    names = names_of(root, "name_test.txt")
    for query, positives in zip(names_of(root, "name_query.txt"), names_of(root, "gt_index.txt"), strict=True):
        found = [names[int(row) - 1] for row in positives.split()]
        assert found
        assert {name.split("_")[0] for name in found} == {query.split("_")[0]}
        assert query.split("_")[1] not in {name.split("_")[1] for name in found}


def test_training_and_test_share_no_vehicle(dataset):
    assert not set(dataset.splits["train"].vehicle) & set(dataset.splits["gallery"].vehicle)


def test_the_counts_of_the_default_set_are_those_that_make_a_result_official():
    plan = plan_of(SEED, VEHICLES, CAMERAS)
    for task in Synthetic.tasks:
        assert dict(task.released) == planned_counts(plan, task.rule.unit), task.name
    frames = {"train": plan.frames(train=True), "query": plan.queries(), "gallery": plan.frames(train=False)}
    for split, of in frames.items():
        found = {"images": len(of), "vehicles": len({f.vehicle for f in of}), "cameras": len({f.camera for f in of})}
        assert found.items() <= Synthetic.released[split].items()


def planned_counts(plan: Plan, unit: str) -> dict[str, int]:
    """Return a task's counts from the plan of a set that nobody has drawn."""
    tracks = [track for track in plan.tracks if track.vehicle > plan.train]
    frames = [frame for track in tracks for frame in track.frames]
    positives = ignored = 0
    for query in plan.queries():
        for other in tracks if unit == "track" else frames:
            if other.vehicle == query.vehicle:
                positives += other.camera != query.camera
                ignored += other.camera == query.camera
    return {
        "queries": len(plan.queries()),
        "gallery images": len(frames),
        "gallery units": len(tracks if unit == "track" else frames),
        "vehicles": len({track.vehicle for track in tracks}),
        "positives": positives,
        "ignored": ignored,
    }


def test_planned_counts_are_those_of_the_set_once_drawn(dataset):
    plan = plan_of(SEED_HERE, VEHICLES_HERE, 8)
    for task in Synthetic.tasks:
        assert dict(counts(task, dataset)) == planned_counts(plan, task.rule.unit)


@pytest.mark.parametrize("vehicles", [24, 120, 600])
def test_half_of_the_test_vehicles_are_near_duplicates_that_differ_in_their_marks_only(vehicles):
    plan = plan_of(0, vehicles, 2)
    test = {vehicle.number: vehicle for vehicle in plan.vehicles[plan.train :]}
    twins = [vehicle for vehicle in test.values() if vehicle.twin]

    assert len(twins) == len(test) // 2
    for vehicle in twins:
        other = test[vehicle.twin]
        assert other.twin == vehicle.number
        assert other.design == vehicle.design
        assert len(vehicle.marks.differences(other.marks)) >= 11


def test_test_vehicles_that_are_no_near_duplicates_have_a_model_and_colour_of_their_own():
    plan = plan_of(0, 120, 2)
    kinds = Counter((v.design.model, v.design.colour) for v in plan.vehicles[plan.train :])

    assert all(kinds[v.design.model, v.design.colour] == (2 if v.twin else 1) for v in plan.vehicles[plan.train :])


def test_the_near_duplicates_are_listed(root):
    pairs = [tuple(map(int, line.split())) for line in names_of(root, "near_duplicates.txt")]
    drawn = fleet(SEED_HERE, VEHICLES_HERE)

    assert pairs == [(v.number, v.twin) for v in drawn if v.twin and v.number < v.twin]


def test_there_are_at_least_twelve_body_models_over_all_nine_types():
    assert len(BODIES) >= 12
    assert {body.type for body in BODIES} == set(TYPES)
    assert len({body.name for body in BODIES}) == len(BODIES)


@pytest.mark.parametrize(("kind", "names"), [("parts", PARTS), ("regions", REGIONS)])
def test_boxes_are_coco_with_a_category_for_each_class(root, kind, names):
    content = boxes_of(root, kind)

    assert [category["name"] for category in content["categories"]] == list(names)
    assert len({item["id"] for item in content["images"]}) == len(content["images"])
    assert len({item["id"] for item in content["annotations"]}) == len(content["annotations"])
    listed = [f"{folder}/{name}" for file, folder in LISTS.items() for name in names_of(root, file)]
    assert [item["file_name"] for item in content["images"]] == listed


@pytest.mark.parametrize("kind", ["parts", "regions"])
def test_boxes_lie_inside_their_images_and_are_not_empty(root, kind):
    content = boxes_of(root, kind)
    images = {item["id"]: item for item in content["images"]}
    for item in content["annotations"]:
        x, y, width, height = item["bbox"]
        image = images[item["image_id"]]
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert x + width <= image["width"]
        assert y + height <= image["height"]
        assert 0 < item["area"] <= width * height


def test_the_sizes_in_the_boxes_are_those_of_the_files(root):
    for item in boxes_of(root, "parts")["images"][::9]:
        with Image.open(root / item["file_name"]) as image:
            assert image.format == "JPEG"
            assert image.size == (item["width"], item["height"])
            assert max(image.size) == 48


def test_every_part_class_is_seen_somewhere(root):
    found = Counter(item["category_id"] for item in boxes_of(root, "parts")["annotations"])

    assert set(found) == set(range(1, 17))


def test_an_image_has_each_region_at_most_once(root):
    found = Counter((item["image_id"], item["category_id"]) for item in boxes_of(root, "regions")["annotations"])

    assert set(found.values()) == {1}
    assert {region for _, region in found} == {1, 2, 3, 4}


def test_a_query_and_its_copy_in_the_test_folder_have_the_same_boxes(root):
    boxes = read_boxes(root / "boxes" / "parts.json")
    for name in names_of(root, "name_query.txt"):
        np.testing.assert_array_equal(boxes.of_image[f"image_query/{name}"], boxes.of_image[f"image_test/{name}"])


def test_the_front_shows_what_the_rear_does_not(root):
    """Service signs stick to the windscreen: cameras 3, 4 and 8 see rears, cameras 1, 2 and 6 fronts."""
    content = boxes_of(root, "parts")
    cameras = {item["id"]: int(item["file_name"].split("_c")[1][:3]) for item in content["images"]}
    seen = defaultdict(set)
    for item in content["annotations"]:
        seen[PARTS[item["category_id"] - 1]].add(cameras[item["image_id"]])

    for part in ("annual service signs", "wind-shield glass", "safe belt", "light cover"):
        assert {1, 2, 6} <= seen[part]
        assert not {3, 4, 8} & seen[part]
    assert not {1, 2, 6} & seen["newer sign"]
    assert {3, 4, 8} <= seen["newer sign"]


def test_a_set_without_its_boxes_and_models_still_serves_both_tasks(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    shutil.rmtree(copy / "boxes")
    (copy / "vehicle_model.txt").unlink()

    dataset = Synthetic().load(copy)

    assert dataset.boxes == {}
    assert dataset.splits["train"].model is None
    assert any("vehicle_model.txt is missing" in note for note in dataset.notes)


def test_a_model_list_with_a_line_that_fits_nothing_is_named_by_file_and_line(root, tmp_path):
    for name in [*LISTS, "list_model.txt"]:
        (tmp_path / name).write_bytes((root / name).read_bytes())
    lines = names_of(root, "vehicle_model.txt")
    (tmp_path / "vehicle_model.txt").write_text("\n".join([lines[0], "0002 99", "three"]) + "\n")

    with pytest.raises(DataError, match=r"(?s)vehicle_model.txt:3: 'three' .*vehicle_model.txt:2: model 99"):
        Synthetic().load(tmp_path)


def test_images_of_one_vehicle_look_more_like_each_other_than_like_those_of_another_colour(root, dataset):
    """Black is darker than white under every camera: light moves colours, it does not swap them."""
    table = dataset.splits["train"]
    light = defaultdict(list)
    for path, colour in zip(table.paths, table.colour, strict=True):
        with Image.open(root / path) as image:
            width, height = image.size
            middle = image.convert("L").crop((width // 4, height // 4, 3 * width // 4, 3 * height // 4))
            light[table.names["colour"][int(colour)]].append(np.asarray(middle).mean())

    assert np.mean(light["white"]) > 1.3 * np.mean(light["black"])


def test_queries_of_a_vehicle_come_from_different_cameras(root):
    names = names_of(root, "name_query.txt")
    for _, group in groupby(names, lambda name: name.split("_")[0]):
        cameras = [name.split("_")[1] for name in group]
        assert len(cameras) == len(set(cameras)) >= 2


@pytest.mark.parametrize("words", [[], ["--boxes", "parts"]])
def test_the_example_draws_a_sheet_of_near_duplicates(root, tmp_path, words):
    example = Path(__file__).parents[2] / "examples" / "contact_sheet.py"
    command = [sys.executable, example, root, tmp_path / "sheet.png", "--pairs", "1", "--cell", "40", *words]
    subprocess.run(command, check=True)  # noqa: S603 - our own example

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] <= 8 * 40
        assert sheet.size[1] == 2 * 40
        assert len(sheet.getcolors(1 << 20)) > 200
