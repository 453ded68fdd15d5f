"""Two features of one image are the same, or it is said how far they are apart."""

import numpy as np
import pytest

from harness.extraction.alone import EXACT, ROUNDED, limits_of, unlike

SOME = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)


def test_last_digits_may_differ():
    assert unlike(SOME, SOME * np.float32(1 + 1e-5), EXACT, "them") is None
    assert unlike(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32), EXACT, "them") is None


def test_the_image_whose_length_differs_most_is_named():
    scale = np.float32([[1], [1.002], [1.1], [1]])

    found = unlike(SOME, SOME * scale, EXACT, "the two")

    assert found is not None
    assert found.row == 2
    assert found.found.startswith("lengths of ")
    assert found.found.endswith(" of the two")
    assert found.expected == "the same length up to 0.1 %"


def test_direction_comes_before_length():
    others = SOME * np.float32(2)
    others[3] = -others[3]

    found = unlike(SOME, others, EXACT, "the two")

    assert found == (3, "a cosine of -1.0000 between the two", "at least 0.9999")


def test_numbers_that_are_none_are_never_the_same():
    assert unlike(SOME, np.full_like(SOME, np.nan), ROUNDED, "them") is not None


@pytest.mark.parametrize(
    ("precision", "limits"),
    [
        (None, EXACT),
        ("32-true", EXACT),
        ("32-true, batches of 5", EXACT),
        ("bf16-mixed", ROUNDED),
        ("16-true", ROUNDED),
    ],
)
def test_a_lower_precision_may_differ_more(precision, limits):
    assert limits_of(precision) == limits
