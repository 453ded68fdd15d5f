"""Every built-in corruption: the same bytes everywhere, more spoilt with every severity, and what its class says."""

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from benchmarks.studies.corruptions import corruptions, digests
from harness.boxes import Boxes
from harness.corruptions.applied import Applied, probe
from harness.corruptions.corruption import SEVERITIES, parameters
from plugins.corruptions.hidden import PlatesHidden
from plugins.corruptions.jpeg import Jpeg
from tests.plugins.corruptions.pictures import PICTURES, distance, smooth

STATED = json.loads((Path(__file__).parent / "digests.json").read_text())
BUILT_IN = corruptions()
each = pytest.mark.parametrize("name", BUILT_IN)


def test_the_suite_has_every_kind_that_the_issue_names():
    assert set(BUILT_IN) == {
        "rain", "snow", "fog", "night", "motion-blur", "defocus-blur", "sensor-noise", "jpeg", "occlusion",
        "low-resolution", "plates-hidden",
    }  # fmt: skip


def test_the_fixed_picture_is_spoilt_to_the_stated_bytes():
    """NumPy 1.26.4, 2.0.0 and 2.4.6 with Pillow 10.4, 11.3 and 13.0 gave these; a change of one moves results."""
    assert digests() == STATED


@each
@settings(max_examples=12)
@given(seed=st.integers(0, 2**31 - 1), severity=st.sampled_from(SEVERITIES), key=st.text(max_size=20))
def test_the_same_seed_gives_the_same_bytes_whatever_came_before(name, seed, severity, key):
    first, second = (Applied(name, BUILT_IN[name], severity, seed) for _ in range(2))
    picture = PICTURES[1]
    alone = first(key, picture)
    second("another image", PICTURES[2])

    assert np.array_equal(alone, second(key, picture))
    assert np.array_equal(alone, first(key, picture))


@each
@settings(max_examples=12)
@given(height=st.integers(1, 50), width=st.integers(1, 50), severity=st.sampled_from(SEVERITIES))
def test_shape_and_type_are_kept_and_the_given_picture_too(name, height, width, severity):
    picture = smooth(height, width)
    before = picture.copy()

    found = Applied(name, BUILT_IN[name], severity)("key", picture)

    assert (found.shape, found.dtype) == (picture.shape, np.uint8)
    assert np.array_equal(picture, before)
    assert picture.flags.writeable


@each
def test_every_severity_spoils_more_than_the_one_before(name):
    means = [
        np.mean(
            [
                distance(Applied(name, BUILT_IN[name], severity)(f"{key}", picture), picture)
                for picture in PICTURES
                for key in range(24 if name == "occlusion" else 3)
            ]
        )
        for severity in SEVERITIES
    ]

    assert means[0] > 0
    assert all(less < more for less, more in itertools.pairwise(means)), means


RANDOM = sorted(set(BUILT_IN) - {"defocus-blur", "jpeg", "low-resolution", "plates-hidden"})


@pytest.mark.parametrize("name", RANDOM)
def test_another_seed_image_or_severity_draws_other_numbers(name):
    corruption = BUILT_IN[name]
    found = [
        Applied(name, corruption, 3, seed)(key, PICTURES[0]).tobytes() for seed, key in ((0, "a"), (1, "a"), (0, "b"))
    ]

    assert len(set(found)) == 3


@each
def test_each_has_a_docstring_a_source_and_parameters(name):
    corruption = BUILT_IN[name]

    assert type(corruption).__doc__
    assert corruption.source
    assert len({parameters(level) for level in corruption.levels}) == 5


@pytest.mark.parametrize("quality", [25, 10])
def test_jpeg_is_what_a_jpeg_encoder_leaves(quality):
    level = next(number for number, level in enumerate(Jpeg.levels, 1) if level["quality"] == quality)
    for picture in PICTURES:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        encoded = np.asarray(Image.open(file))

        found = Applied("jpeg", Jpeg(), level)("key", picture)

        assert distance(found, encoded) < 0.3 * distance(encoded, picture)


def test_plates_are_hidden_by_their_boxes_or_in_the_lower_middle():
    picture = probe()
    boxes = np.array([[13, 1, 54 / 128, 66 / 96, 74 / 128, 72 / 96], [15, 1, 0, 0, 1, 1]], np.float32)
    known = Boxes({"key": boxes, "none": boxes[1:]}, {13: "plate", 15: "wheel"})

    by_boxes = Applied("plates-hidden", PlatesHidden(), 1, parts=known)("key", picture)
    rows, columns = np.nonzero((by_boxes != picture).any(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (66, 71, 54, 73)
    assert len(np.unique(by_boxes[66:72, 54:74].reshape(-1, 3), axis=0)) == 1

    assert np.array_equal(Applied("plates-hidden", PlatesHidden(), 5, parts=known)("none", picture), picture)

    without = Applied("plates-hidden", PlatesHidden(), 1)("key", picture)
    rows, columns = np.nonzero((without != picture).any(axis=2))
    assert rows.min() > 96 // 2
    assert 128 // 4 < columns.min() < columns.max() < 3 * 128 // 4
