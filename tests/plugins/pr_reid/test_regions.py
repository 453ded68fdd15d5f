import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.boxes import Boxes
from harness.data.images import UNKNOWN
from harness.data.part_classes import REGIONS
from harness.errors import DataError
from plugins.pr_reid.regions import MIRRORED, WHOLE, as_boxes, fill_places, require_regions, seen_places

NAMES = dict(enumerate(REGIONS, 1))
WINDOW = [1, 0.9, 0.25, 0.125, 0.75, 0.375]
LEFT = [2, 0.8, 0.0, 0.5, 0.25, 0.75]
RIGHT = [3, 0.7, 0.75, 0.5, 1.0, 0.875]


def boxes(**rows):
    return Boxes({key: np.array(found, np.float32).reshape(-1, 6) for key, found in rows.items()}, NAMES)


def test_of_several_boxes_of_a_region_the_surest_counts():
    places = seen_places(boxes(a=[WINDOW, [1, 0.5, 0, 0, 1, 1]]), ["a", "b"], to_bottom=False)

    assert places[0, 0].tolist() == WINDOW[2:]
    assert np.isnan(places[0, 1:]).all()
    assert np.isnan(places[1]).all()


@pytest.mark.parametrize(("to_bottom", "bottoms"), [(True, [0.375, 1, 1]), (False, [0.375, 0.75, 0.875])])
def test_a_light_reaches_down_to_the_images_bottom_where_that_is_asked(to_bottom, bottoms):
    places = seen_places(boxes(a=[WINDOW, LEFT, RIGHT]), ["a"], to_bottom=to_bottom)

    assert places[0, :3, 3].tolist() == bottoms
    assert places[0, 1, :3].tolist() == LEFT[2:5]


@st.composite
def tables_of_places(draw):
    images = draw(st.integers(1, 8))
    vehicles = np.array(draw(st.lists(st.sampled_from([UNKNOWN, 3, 8]), min_size=images, max_size=images)))
    places = np.random.default_rng(draw(st.integers(0, 99))).random((images, 4, 4))
    seen = draw(st.lists(st.booleans(), min_size=4 * images, max_size=4 * images))
    places[~np.array(seen).reshape(images, 4)] = np.nan
    return places, vehicles


@given(tables_of_places())
def test_a_missing_region_takes_its_mean_place_over_the_vehicles_images_then_over_all(case):
    places, vehicles = case

    filled, means = fill_places(places, vehicles)

    for region in range(4):
        anywhere = [place[region] for place in places if not np.isnan(place[region, 0])]
        mean = np.mean(anywhere, axis=0) if anywhere else WHOLE
        np.testing.assert_allclose(means[region], mean)
        for image, vehicle in enumerate(vehicles):
            others = [
                places[other, region]
                for other in range(len(places))
                if vehicles[other] == vehicle != UNKNOWN and not np.isnan(places[other, region, 0])
            ]
            missing = np.isnan(places[image, region, 0])
            expected = (np.mean(others, axis=0) if others else mean) if missing else places[image, region]
            np.testing.assert_allclose(filled[image, region], expected)


def test_places_become_one_row_a_region_in_their_order():
    places = seen_places(boxes(a=[RIGHT, WINDOW], b=[]), ["a", "b"], to_bottom=False)

    found = as_boxes(["a", "b"], places)

    np.testing.assert_allclose(found.of("a", (8, 16)), [[1, 1, 4, 1, 12, 3], [3, 1, 12, 4, 16, 7]])
    assert found.of_image["b"].shape == (0, 6)
    assert found.names == NAMES


def test_a_needed_region_that_no_image_shows_is_named_with_those_that_are_found():
    places = seen_places(boxes(a=[WINDOW, LEFT]), ["a"], to_bottom=False)

    require_regions(places, ["window", "left light"], "boxes.json")
    with pytest.raises(DataError, match="region 'brand'") as caught:
        require_regions(places, ["window", "brand"], "boxes.json")
    assert "left light, window" in str(caught.value)
    assert "boxes.json" in str(caught.value)


def test_in_the_mirror_the_lights_change_places():
    assert [REGIONS[number] for number in MIRRORED] == ["window", "right light", "left light", "brand"]
