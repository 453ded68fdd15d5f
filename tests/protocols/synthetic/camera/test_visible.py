"""Boxes: only what is seen on an image has one."""

from collections import Counter, defaultdict

import pytest
from PIL import Image

from harness.data.part_classes import PARTS
from protocols.synthetic.camera.cameras import cameras
from protocols.synthetic.camera.paint import light_of, paint
from protocols.synthetic.camera.view import Stance, look
from protocols.synthetic.camera.visible import visible_boxes
from protocols.synthetic.vehicle.assembly import assemble
from tests.protocols.synthetic.drawn_sets import boxes_of, vehicle


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


def test_every_part_class_is_seen_somewhere(root):
    found = Counter(item["category_id"] for item in boxes_of(root, "parts")["annotations"])

    assert set(found) == set(range(1, 17))


def test_an_image_has_each_region_at_most_once(root):
    found = Counter((item["image_id"], item["category_id"]) for item in boxes_of(root, "regions")["annotations"])

    assert set(found.values()) == {1}
    assert {region for _, region in found} == {1, 2, 3, 4}


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


def test_a_part_behind_the_vehicle_has_no_box_and_a_light_reaches_down_to_the_bottom():
    mesh = assemble(vehicle(0))
    camera = cameras(8)[0]
    boxes = {}
    for azimuth in (0.0, 180.0):
        view = look(mesh, Stance(azimuth, 3, 10, (0.05,) * 4), 400)
        canvas = Image.new("RGB", view.size)
        paint(canvas, mesh, view, light_of(camera, azimuth))
        boxes[azimuth] = visible_boxes(canvas, mesh)
        parts = [PARTS[box.label - 1] for box in boxes[azimuth][0]]
        assert parts.count("plate") == 1
        assert parts.count("car light") == 2
        assert ("wind-shield glass" in parts) == (azimuth == 0)
        _, left, right, _ = sorted(boxes[azimuth][1])
        assert left.x1 < right.x0
        assert left.y1 == right.y1 > max(box.y1 for box in boxes[azimuth][0] if PARTS[box.label - 1] == "plate")


def test_what_sticks_to_the_windscreen_lies_in_its_box():
    mesh = assemble(vehicle(0, 3))
    view = look(mesh, Stance(10.0, 3, 10, (0.05,) * 4), 400)
    canvas = Image.new("RGB", view.size)
    paint(canvas, mesh, view, light_of(cameras(1)[0], 10.0))
    parts, _ = visible_boxes(canvas, mesh)
    (glass,) = (box for box in parts if PARTS[box.label - 1] == "wind-shield glass")
    inside = ("annual service signs", "entry license", "hanging", "lay ornament", "tissuebox", "safe belt")
    found = [box for box in parts if PARTS[box.label - 1] in inside]

    assert found
    for box in found:
        assert glass.x0 <= box.x0
        assert box.x1 <= glass.x1
        assert glass.y0 <= box.y0
        assert box.y1 <= glass.y1
