import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from harness.methods.method import create, resolve_options, trains
from plugins.controls import ColourHistogram, Oracle, Random, hsv

IMAGES = torch.rand(3, 3, 16, 20, generator=torch.Generator().manual_seed(0))


def control(method, **changes):
    return create(method, resolve_options("control", method, changes=changes))


@pytest.mark.parametrize("method", [Random, Oracle, ColourHistogram])
def test_controls_say_that_they_are_controls_and_train_nothing(method):
    assert method.control
    assert not trains(method)


def test_a_random_feature_follows_from_the_key_alone():
    method = control(Random)

    first = method.embed(IMAGES, path=("a.jpg", "b.jpg", "a.jpg"))
    alone = method.embed(IMAGES[1:2] * 0, path=("b.jpg",))

    assert first.dtype == torch.float32
    assert first.shape == (3, 64)
    assert torch.equal(first[0], first[2])
    assert torch.equal(first[1], alone[0])
    assert not torch.equal(first[0], first[1])


def test_random_features_are_the_same_on_every_machine():
    features = control(Random).embed(IMAGES, path=("", "a.jpg", "b.jpg"))

    # SHAKE-256 of nothing begins with 46 b9 dd 2b (FIPS 202): 0xb946 / 2**15 - 1 and 0x2bdd / 2**15 - 1.
    assert features[0, :2].tolist() == [0xB946 / 2**15 - 1, 0x2BDD / 2**15 - 1]
    assert features.abs().max() <= 1
    assert abs(features.mean().item()) < 0.15


def test_the_oracle_gives_one_feature_a_vehicle_and_another_to_every_other():
    vehicles = torch.arange(2000) // 2

    features = control(Oracle).embed(torch.zeros(2000, 3, 1, 1), vehicle=vehicles)

    assert torch.equal(features[0::2], features[1::2])
    directions = torch.nn.functional.normalize(features[0::2])
    assert (directions @ directions.T).fill_diagonal_(-1).max() < 0.8


@pytest.mark.parametrize("space", ["rgb", "hsv"])
def test_a_histogram_counts_every_pixel_once(space):
    features = control(ColourHistogram, space=space, bins="4").embed(IMAGES)

    assert features.shape == (3, 64)
    torch.testing.assert_close(features.square().sum(1), torch.ones(3))


def test_a_histogram_does_not_know_where_a_colour_was():
    method = control(ColourHistogram)
    places = torch.randperm(320, generator=torch.Generator().manual_seed(1))
    shuffled = IMAGES.flatten(2)[:, :, places].reshape(IMAGES.shape)

    assert torch.equal(method.embed(IMAGES), method.embed(shuffled))


def test_each_rgb_cell_holds_the_share_of_its_colours():
    image = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.1, 0.4], [0.2, 0.6, 0.0], [0.4, 0.9, 0.2]]).T.reshape(1, 3, 2, 2)

    shares = control(ColourHistogram, space="rgb", bins="2").embed(image).square()

    # Cells are numbered 4 red + 2 green + blue: two pixels are red, two are green.
    torch.testing.assert_close(shares, torch.tensor([[0, 0, 0.5, 0, 0.5, 0, 0, 0]]))


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.uint8, (5, 3)))
def test_hsv_is_colorsys(pixels):
    found = hsv(torch.from_numpy(pixels).float().div(255).T.reshape(1, 3, 1, 5))[0, :, 0].T

    expected = [colorsys.rgb_to_hsv(*(pixel / 255)) for pixel in pixels.astype(float)]
    turned = np.abs(found.numpy() - np.array(expected))
    turned[:, 0] = np.minimum(turned[:, 0], 1 - turned[:, 0])
    assert turned.max() < 1e-5


@given(st.integers(1, 16))
@settings(max_examples=10, deadline=None)
def test_black_and_white_are_cells_like_any_other(bins):
    ends = torch.stack((torch.zeros(3, 2, 2), torch.ones(3, 2, 2)))

    features = control(ColourHistogram, bins=str(bins)).embed(ends)

    assert torch.isfinite(features).all()
    assert (features.max(1).values == 1).all()
