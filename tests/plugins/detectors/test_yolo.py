"""The loss of YOLO v1 is its equation 3, written out as loops."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from plugins.detectors import yolo

SIZE = (56, 112)
NAMES = ["centre", "extent", "object", "no object", "class"]


def overlap(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def literal(cells: list, boxes: list[list[float]], classes: int) -> list[float]:
    """Return the five terms of one image, cell by cell and predictor by predictor, in float64."""
    terms = dict.fromkeys(NAMES, 0.0)
    for row in range(7):
        for column in range(7):
            held = None
            for label, _, *pixels in boxes:
                box = [pixels[0] / SIZE[1], pixels[1] / SIZE[0], pixels[2] / SIZE[1], pixels[3] / SIZE[0]]
                x, y = 7 * (pixels[0] + pixels[2]) / (2 * SIZE[1]), 7 * (pixels[1] + pixels[3]) / (2 * SIZE[0])
                inside = (min(int(y), 6), min(int(x), 6)) == (row, column)
                area = (pixels[2] - pixels[0]) * (pixels[3] - pixels[1])
                if inside and (held is None or area > held[2]):
                    held = (box, label, area, x - column, y - row)
            found = cells[row][column]
            predicted = [found[5 * b : 5 * b + 5] for b in range(2)]
            if held is None:
                terms["no object"] += 0.5 * sum(one[4] ** 2 for one in predicted)
                continue
            overlaps = []
            for x, y, root_width, root_height, _ in predicted:
                cx, cy, width, height = (column + x) / 7, (row + y) / 7, root_width**2, root_height**2
                overlaps.append(overlap([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2], held[0]))
            best = 0 if overlaps[0] >= overlaps[1] else 1
            x, y, root_width, root_height, confidence = predicted[best]
            terms["centre"] += 5 * ((x - held[3]) ** 2 + (y - held[4]) ** 2)
            terms["extent"] += 5 * (root_width - math.sqrt(held[0][2] - held[0][0])) ** 2
            terms["extent"] += 5 * (root_height - math.sqrt(held[0][3] - held[0][1])) ** 2
            terms["object"] += (confidence - overlaps[best]) ** 2
            terms["no object"] += 0.5 * predicted[1 - best][4] ** 2
            terms["class"] += sum((found[10 + c] - (c + 1 == held[1])) ** 2 for c in range(classes))
    return [terms[name] for name in NAMES]


def boxes_of(rows: list[tuple[int, int, int, int, int]]) -> Tensor:
    """Return boxes from label, place and sides, in pixels."""
    found = [[label, 1, x, y, x + width, y + height] for label, x, y, width, height in rows]
    return torch.tensor(found, dtype=torch.float32).reshape(-1, 6)


ROW = st.tuples(st.integers(1, 3), st.integers(0, 90), st.integers(0, 40), st.integers(1, 21), st.integers(1, 15))


@settings(max_examples=40)
@given(st.integers(0, 2**31 - 1), st.lists(st.lists(ROW, max_size=6), min_size=1, max_size=3))
def test_the_loss_is_equation_3_term_by_term(seed: int, images: list):
    cells = torch.randn((len(images), 7, 7, 13), generator=torch.Generator().manual_seed(seed))
    boxes = [boxes_of(rows) for rows in images]
    found = yolo.losses(cells, boxes, SIZE)
    for image, rows in enumerate(boxes):
        expected = literal(cells[image].double().tolist(), rows.double().tolist(), 3)
        assert [float(found[name][image]) for name in NAMES] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_of_two_objects_of_one_size_in_a_cell_the_first_is_learnt_wherever_they_lie():
    cells = torch.zeros(1, 7, 7, 13)
    for first, second in [(0, 3), (3, 0), (1, 9)]:
        boxes = boxes_of([(1, first, 0, 1, 1), (2, second, 0, 1, 1)])
        cells[0, 0, 0, 10:] = torch.tensor([1.0, 0.0, 0.0])
        assert float(yolo.losses(cells, [boxes], SIZE)["class"]) == 0


def test_an_object_centred_on_a_line_between_cells_belongs_to_the_later_one():
    for cell in range(1, 7):
        cells = torch.zeros(1, 7, 7, 13)
        cells[0, 0, cell, 10] = 1
        boxes = boxes_of([(1, 16 * cell - 5, 0, 10, 4)])
        assert float(yolo.losses(cells, [boxes], SIZE)["class"]) == 0


def test_a_perfect_answer_costs_nothing_and_the_overlap_carries_no_gradient():
    boxes = boxes_of([(2, 16, 8, 32, 16)])
    cells = torch.zeros(1, 7, 7, 13)
    cells[0, 2, 2] = torch.tensor(
        [0, 0, (32 / 112) ** 0.5, (16 / 56) ** 0.5, 1.0, *[0.0] * 5, 0, 1, 0], dtype=torch.float32
    )
    assert sum(float(term) for term in yolo.losses(cells, [boxes], SIZE).values()) == pytest.approx(0, abs=1e-6)
    moved = (cells + 0.05).requires_grad_()
    (gradient,) = torch.autograd.grad(yolo.losses(moved, [boxes], SIZE)["object"].sum(), moved)
    assert gradient[..., :4].abs().sum() == 0
    assert gradient[0, 2, 2, 4] != 0


def test_of_two_objects_in_a_cell_the_larger_one_is_learnt():
    both = boxes_of([(1, 50, 24, 4, 4), (2, 46, 20, 12, 12)])
    cells = torch.randn(1, 7, 7, 13)
    alone, together = (yolo.losses(cells, [found], SIZE) for found in (both[1:], both))
    assert {name: float(value) for name, value in alone.items()} == {
        name: float(value) for name, value in together.items()
    }


def test_images_without_a_box_only_pay_for_their_confidence():
    found = yolo.losses(torch.ones(2, 7, 7, 13), [boxes_of([]), boxes_of([])], SIZE)
    assert {name: value.tolist() for name, value in found.items() if value.sum()} == {"no object": [49.0, 49.0]}
