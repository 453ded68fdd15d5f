"""Pictures come to a size as torchvision, timm and transformers bring them there, pixel by pixel."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from torchvision.transforms import v2

from harness.data.resizing import STRETCHED, Resizing
from harness.errors import PluginError


def picture(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_the_default_is_the_bilinear_stretch_of_all_filed_results():
    image = picture(37, 21)
    assert np.array_equal(STRETCHED(image, (16, 24)), image.resize((24, 16), Image.Resampling.BILINEAR))
    assert str(STRETCHED) == ""


@settings(max_examples=40)
@given(st.integers(4, 90), st.integers(4, 90), st.sampled_from([1.0, 0.875, 0.9, 0.95]))
def test_a_kept_shape_is_that_of_torchvision(width, height, share):
    image = picture(width, height)
    theirs = v2.Compose([v2.Resize(int(24 / share), v2.InterpolationMode.BICUBIC), v2.CenterCrop(24)])
    assert np.array_equal(Resizing("bicubic", keep_ratio=True, share=share)(image, (24, 24)), theirs(image))


@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 60), st.integers(1, 60), st.floats(0.2, 1))
def test_any_picture_gets_the_size_asked_for(width, height, high, wide, share):
    for keep in (False, True):
        resized = Resizing("nearest", keep_ratio=keep, share=share)(Image.new("RGB", (width, height)), (high, wide))
        assert resized.size == (wide, high)


def test_a_corner_between_two_pixels_is_rounded_as_asked():
    image = picture(24, 27)  # three rows too many: the corner lies at 1.5
    up, down = (Resizing(keep_ratio=True, round_down=word)(image, (24, 24)) for word in (False, True))
    assert np.array_equal(up, np.asarray(image)[2:26])
    assert np.array_equal(down, np.asarray(image)[1:25])


def test_it_is_told_in_words():
    assert str(Resizing("bicubic")) == "bicubic"
    assert str(Resizing(keep_ratio=True, share=0.875)) == "bilinear, shape kept, the middle 0.875"


@pytest.mark.parametrize("wrong", [{"interpolation": "cubic"}, {"share": 0.0}, {"share": 1.5}])
def test_what_is_no_resizing_is_refused(wrong):
    with pytest.raises(PluginError, match="cannot be resized like this"):
        Resizing(**wrong)


def test_a_method_with_boxes_must_not_crop():
    from harness.methods.method import Method, Options, create

    class Boxed(Method):
        test_needs = frozenset({"boxes.parts"})
        resizing = Resizing(keep_ratio=True)

        def embed(self, images: torch.Tensor, **needed: object) -> torch.Tensor:
            return images

    with pytest.raises(PluginError, match="cuts off parts of the pictures"):
        create(Boxed, Options())
