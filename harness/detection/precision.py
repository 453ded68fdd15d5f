"""Average precision of detected boxes, exact: without sampling the curve."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.boxes import Boxes

Array = npt.NDArray[np.float64]

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""COCO's ten thresholds: 0.50, 0.55, ..., 0.95."""


@dataclass(frozen=True)
class Precision:
    """Average precision of a detector on some images.

    Attributes:
        images: the number of images.
        boxes: the number of labelled boxes of each class.
        ap50: average precision at an overlap of 0.5, for each class with a labelled box.
        ap: the mean average precision over COCO's ten thresholds, for the same classes.
    """

    images: int
    boxes: dict[str, int]
    ap50: dict[str, float]
    ap: dict[str, float]

    @property
    def means(self) -> dict[str, float]:
        """The means over the classes with a labelled box; empty if there is no such class."""
        columns = {"AP50": self.ap50, "AP50:95": self.ap}
        return {name: float(np.mean(list(values.values()))) for name, values in columns.items() if values}


def average_precision(found: Boxes, truth: Boxes, keys: Collection[str]) -> Precision:
    """Return the average precision of detected boxes over some images; the scores of labelled boxes are ignored.

    For one class and one threshold, the boxes of all images are matched in the order of their scores; ties are ordered
    by key and then by position in the file. Each box is compared with the unmatched labelled box of its image that it
    overlaps most. If the overlap is at least the threshold, the two match and the box is right. Average precision is
    the area under precision over recall, with precision made monotone from the right (PASCAL VOC since 2010; COCO
    samples 101 points).
    """
    counts, ap50, ap = {}, {}, {}
    for label, name in sorted(truth.names.items()):
        images = [(_of(found, key, label), _of(truth, key, label)) for key in sorted(keys)]
        counts[name] = sum(len(labelled) for _, labelled in images)
        if counts[name]:
            values = [_average(images, counts[name], threshold) for threshold in THRESHOLDS]
            ap50[name], ap[name] = values[0], float(np.mean(values))
    return Precision(len(keys), counts, ap50, ap)


def _of(boxes: Boxes, key: str, label: int) -> Array:
    """Return (m, 5) float64 score and corners of one class in one image."""
    rows = boxes.of(key, (1, 1)).astype(np.float64)
    return rows[rows[:, 0] == label, 1:]


def _average(images: list[tuple[Array, Array]], labelled: int, threshold: float) -> float:
    scores = np.concatenate([found[:, 0] for found, _ in images])
    right = np.concatenate([_right(found[:, 1:], truth[:, 1:], threshold) for found, truth in images])
    return area(right[np.argsort(-scores, kind="stable")], labelled)


def _right(found: Array, truth: Array, threshold: float) -> npt.NDArray[np.bool_]:
    """Return whether each box of one image, by descending score, matches a labelled one."""
    right = np.zeros(len(found), np.bool_)
    overlap = overlaps(found, truth)
    for row in range(len(found) if len(truth) else 0):
        best = int(overlap[row].argmax())
        if overlap[row, best] >= threshold:
            right[row] = True
            overlap[:, best] = -1
    return right


def overlaps(one: Array, other: Array) -> Array:
    """Return the intersection over union, (m, n), of each of (m, 4) corners with each of (n, 4)."""
    sides = np.minimum(one[:, None, 2:], other[None, :, 2:]) - np.maximum(one[:, None, :2], other[None, :, :2])
    shared = np.clip(sides, 0, None).prod(-1)
    areas = [(corners[:, 2:] - corners[:, :2]).prod(-1) for corners in (one, other)]
    total: Array = shared / (areas[0][:, None] + areas[1][None] - shared)
    return total


def area(right: npt.NDArray[np.bool_], labelled: int) -> float:
    """Return the area under precision over recall of (m,) boxes that are right or not, by descending score."""
    precision_at = np.cumsum(right) / np.arange(1, len(right) + 1)
    monotone = np.maximum.accumulate(precision_at[::-1])[::-1]
    return float(monotone[right].sum() / labelled)
