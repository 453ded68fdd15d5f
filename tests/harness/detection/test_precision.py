"""Average precision is the area under the monotone curve, by hand and by its definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.boxes import Boxes
from harness.detection.precision import area, average_precision, overlaps

NAMES = {1: "plate", 2: "logo"}


def boxes(**images: list[list[float]]) -> Boxes:
    return Boxes({key: np.array(rows, np.float32).reshape(-1, 6) for key, rows in images.items()}, NAMES)


LEFT, RIGHT = [0, 0, 0.5, 1], [0.5, 0, 1, 1]
THIRD = [0, 0, 0.25, 1]
"""Overlaps the left half by a half exactly."""


def test_boxes_found_exactly_have_precision_one_and_a_class_without_a_box_has_none():
    truth = boxes(a=[[1, 1, *LEFT], [1, 1, *RIGHT]], b=[])
    found = average_precision(truth, truth, ["a", "b"])
    assert (found.ap50, found.ap, found.boxes) == ({"plate": 1.0}, {"plate": 1.0}, {"plate": 2, "logo": 0})
    assert found.means == {"AP50": 1.0, "AP50:95": 1.0}


def test_nothing_found_has_precision_zero_and_nothing_labelled_no_mean():
    truth = boxes(a=[[1, 1, *LEFT]])
    assert average_precision(boxes(), truth, ["a"]).ap50 == {"plate": 0.0}
    assert average_precision(truth, boxes(), ["a"]).means == {}


def test_a_surer_wrong_box_halves_the_precision_and_a_less_sure_one_costs_nothing():
    truth = boxes(a=[[1, 1, *LEFT]])
    for score, expected in ((0.9, 0.5), (0.1, 1.0)):
        found = boxes(a=[[1, 0.5, *LEFT]], b=[[1, score, *LEFT]])
        assert average_precision(found, truth, ["a", "b"]).ap50["plate"] == expected


def test_a_box_found_twice_is_right_once():
    truth = boxes(a=[[1, 1, *LEFT], [1, 1, *RIGHT]])
    found = boxes(a=[[1, 0.9, *LEFT], [1, 0.8, *LEFT], [1, 0.7, *RIGHT]])
    assert average_precision(found, truth, ["a"]).ap50["plate"] == pytest.approx((1 + 2 / 3) / 2)


def test_another_class_or_image_is_not_right_and_other_images_do_not_count():
    truth = boxes(a=[[1, 1, *LEFT]], b=[[2, 1, *LEFT]])
    found = boxes(a=[[2, 0.9, *LEFT]], b=[[1, 0.9, *LEFT]], c=[[1, 0.99, *LEFT]])
    assert average_precision(found, truth, ["a", "b"]).ap50 == {"plate": 0.0, "logo": 0.0}
    assert average_precision(truth, truth, ["a"]).boxes == {"plate": 1, "logo": 0}


def test_an_overlap_of_the_threshold_is_right_and_one_below_is_not():
    found = average_precision(boxes(a=[[1, 0.9, *THIRD]]), boxes(a=[[1, 1, *LEFT]]), ["a"])
    assert found.ap50["plate"] == 1.0
    assert found.ap["plate"] == pytest.approx(0.1)


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 5))
def test_the_area_is_the_sum_over_recalls_of_the_best_precision_from_there_on(right: list[bool], missed: int):
    labelled = sum(right) + missed
    if not labelled:
        return
    total = Fraction(0)
    for recall in range(1, sum(right) + 1):
        best = Fraction(0)
        for length in range(1, len(right) + 1):
            if sum(right[:length]) >= recall:
                best = max(best, Fraction(sum(right[:length]), length))
        total += best / labelled
    assert area(np.array(right), labelled) == pytest.approx(float(total), abs=1e-12)


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 4), min_size=2, max_size=6))
def test_overlaps_count_the_shared_squares(corners: list[tuple[int, int, int, int]]):
    rows = [(x, y, x + width + 1, y + height + 1) for x, y, width, height in corners]

    def squares(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
        return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}

    found = overlaps(np.array(rows[:1], float), np.array(rows[1:], float))
    expected = [len(squares(rows[0]) & squares(row)) / len(squares(rows[0]) | squares(row)) for row in rows[1:]]
    assert found[0].tolist() == pytest.approx(expected)
