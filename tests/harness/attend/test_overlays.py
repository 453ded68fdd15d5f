import io

import numpy as np
from PIL import Image

from harness.attend.overlays import draw_map, draw_parts

GREY = np.full((3, 60, 90), 128, np.uint8)


def opened(content):
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        assert not image.info
        return np.asarray(image).astype(int)


def test_a_picture_has_its_images_size_and_is_hottest_where_the_attention_is():
    cells = np.zeros((4, 6), np.float32)
    cells[2, 1] = 5

    pixels = opened(draw_map(GREY, cells))

    red_over_blue = pixels[..., 0] - pixels[..., 2]
    row, column = np.unravel_index(red_over_blue.argmax(), red_over_blue.shape)
    assert pixels.shape == (60, 90, 3)
    assert (row // 15, column // 15) == (2, 1)
    assert red_over_blue[5, 80] < 20


def test_what_speaks_against_the_feature_is_drawn_as_nothing():
    cells = np.array([[1, -1], [0, 0.5]], np.float32)

    assert draw_map(GREY, cells) == draw_map(GREY, cells.clip(0))
    assert len(np.unique(opened(draw_map(GREY, -np.ones((2, 2), np.float32))))) <= 3


def test_the_same_input_gives_the_same_bytes():
    cells = np.random.default_rng(0).random((5, 5)).astype(np.float32)
    parts = np.array([[1, 0.7, 0.1, 0.1, 0.5, 0.5], [2, 0.3, 0, 0, 1, 1]], np.float32)

    assert draw_map(GREY, cells) == draw_map(GREY, cells)
    assert draw_parts(GREY, parts) == draw_parts(GREY, parts)


def test_parts_are_outlined_where_they_lie_the_heaviest_in_the_hottest_colour():
    parts = np.array([[3, 0.75, 1 / 3, 0.5, 2 / 3, 1], [5, 0.25, 0, 0.5, 1 / 6, 1]], np.float32)

    pixels = opened(draw_parts(GREY, parts))

    heavy, light = pixels[59, 45], pixels[59, 5]
    assert pixels.shape == (60, 90, 3)
    assert heavy[0] > 100 > heavy[2]
    assert light[2] > 150 > light[0]
    assert (pixels[45, 45] == 128).all()


def test_an_image_without_parts_stays_as_it_is():
    assert (opened(draw_parts(GREY, np.zeros((0, 6), np.float32))) == 128).all()
