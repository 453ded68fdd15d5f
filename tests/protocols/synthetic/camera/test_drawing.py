"""Drawing: an image holds its vehicle, in its colour."""

from collections import defaultdict

import numpy as np
from hypothesis import given, settings, strategies as st
from PIL import Image

from protocols.synthetic.camera.cameras import cameras
from protocols.synthetic.camera.drawing import draw
from protocols.synthetic.camera.frames import stances, tracks_of
from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.assembly import assemble
from tests.protocols.synthetic.drawn_sets import SEEDS, vehicle


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


@given(SEEDS, st.integers(0, 15), st.integers(0, 11), st.sampled_from([32, 57, 96]))
@settings(max_examples=25, deadline=None)
def test_a_picture_holds_its_vehicle(seed, model, number, size):
    camera = cameras(12)[number]
    track = tracks_of(seed, 5, 12)[0]
    stance = stances(seed, track, camera)[0]
    mesh = assemble(vehicle(model, seed))
    picture = draw(mesh, camera, stance, size, Chance(seed, "picture"))
    width, height = picture.image.size

    assert max(width, height) in (size, size + 1)
    assert 0.5 * size <= min(width, height)
    assert picture.image.mode == "RGB"
    for box in picture.parts + picture.regions:
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
    assert picture.parts
