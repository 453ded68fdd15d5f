"""The names of images say what the vehicle and the camera are, in the patterns of the field's data sets."""

import pytest

from harness.data.own.names import Pattern, find_pattern, parse_pattern
from harness.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "key", "fields"),
    [
        ("{vehicle}_c{camera}_{rest}", "0001_c001_00016450_0.jpg", {"vehicle": "0001", "camera": "001"}),
        ("{vehicle}_c{camera}s{rest}", "0002_c1s1_000451_03.jpg", {"vehicle": "0002", "camera": "1"}),
        ("{type}_{vehicle}_cam{camera}", "car_0016_cam1.JPG", {"vehicle": "car_0016", "type": "car", "camera": "1"}),
        ("{vehicle}_cam{camera}_{rest}", "A12-3_CAM07_5.png", {"vehicle": "A12-3", "camera": "07"}),
        ("{vehicle}/{rest}", "0001/any thing.v2.jpeg", {"vehicle": "0001"}),
        ("cam{camera}/{vehicle}_{rest}", "cam3/17_2.jpg", {"vehicle": "17", "camera": "3"}),
        ("{camera}-{vehicle}", "north-B1.jpg", {"vehicle": "B1", "camera": "north"}),
        ("{vehicle}_c{camera}_{rest}", "0001_front_0.jpg", None),
        ("{vehicle}_c{camera}_{rest}", "0001_car_0.jpg", None),
        ("{vehicle}/{rest}", "0001/more/1.jpg", None),
    ],
)
def test_a_name_is_read_by_a_pattern(pattern, key, fields):
    assert Pattern(pattern).read(key) == fields


@pytest.mark.parametrize(
    ("pattern", "made"),
    [
        ("{type}_{vehicle}_cam{camera}", lambda v, c: f"{'truck' if v % 2 else 'car'}_{v:04}_cam{c}.jpg"),
        ("{vehicle}_c{camera}_{rest}", lambda v, c: f"{v:04}_c{c:03}_000{v}{c}_0.jpg"),
        ("{vehicle}_c{camera}s{rest}", lambda v, c: f"{v:04}_c{c}s1_0004{c}_03.jpg"),
        ("{vehicle}_cam{camera}_{rest}", lambda v, c: f"ID{v}_cam{c:02}_{v + c}.png"),
        ("{vehicle}-cam{camera}", lambda v, c: f"{v}-cam{c}.png"),
        ("{vehicle}/cam{camera}_{rest}", lambda v, c: f"{v}/cam{c}_1.png"),
        ("{vehicle}/{rest}_c{camera}_{rest}", lambda v, c: f"{v}/{v}_c{c}_1.png"),
        ("cam{camera}/{vehicle}_{rest}", lambda v, c: f"cam{c}/{v}_9.png"),
        ("{vehicle}/{rest}", lambda v, c: f"plate {v}/{c}.png"),
        ("{vehicle}_{rest}", lambda v, c: f"{v:05}_{c}.png"),
    ],
)
def test_the_pattern_of_the_names_is_found(pattern, made):
    assert find_pattern([made(vehicle, camera) for vehicle in range(1, 5) for camera in (1, 2, 3)]).text == pattern


def test_a_pattern_of_nearly_all_names_wins_over_one_that_says_less():
    keys = [f"{vehicle}_c{camera}_1.jpg" for vehicle in range(9) for camera in (1, 2)] + ["odd_one.jpg"]

    assert find_pattern(keys).text == "{vehicle}_c{camera}_{rest}"


def test_names_without_two_images_of_a_vehicle_have_no_pattern():
    for keys in (["IMG_0001.jpg", "IMG_0002.jpg"], ["1.jpg", "2.jpg"], ["a/1.jpg", "a/2.jpg"]):
        with pytest.raises(UsageError, match="follow no usual pattern"):
            find_pattern(keys)


@pytest.mark.parametrize(
    "text", ["", "{rest}", "{car}_{rest}", "{vehicle}_{vehicle}", "{vehicle}_{", "{vehicle", "{}_{vehicle}", "v" * 300]
)
def test_a_pattern_that_names_no_vehicle_or_an_unknown_field_is_refused(text):
    with pytest.raises(UsageError, match="the pattern of the names cannot be used"):
        parse_pattern(text)


def test_what_is_no_field_is_literal():
    assert parse_pattern("(a+)*_{vehicle}.x").read("(a+)*_7.x.jpg") == {"vehicle": "7"}
    assert parse_pattern("(a+)*_{vehicle}.x").read("aaaa_7yx.jpg") is None
