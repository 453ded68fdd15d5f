"""Detectors of parts: methods whose features are boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from harness.boxes import CLASSES
from harness.methods.method import Options
from harness.methods.network import NetworkMethod

COLUMNS = 6
"""Numbers per box: label, score, x0, y0, x1, y1."""


class DetectorOptions(Options):
    """The options of every detector."""

    kind: Literal["parts", "regions"] = Field("parts", description="the classes to find: PGAN's 16 or PR-ReID's 4")
    keep: int = Field(100, ge=1, le=1000, description="maximum number of boxes per image, by descending score")


class Detector(NetworkMethod):
    """A method whose ``embed`` returns boxes in the layout of ``pack``; it is trained like any other method.

    In training the network receives the boxes of its kind by the keyword ``boxes_parts`` or ``boxes_regions``.
    """

    Options = DetectorOptions

    def __init__(self) -> None:
        self.needs = frozenset({f"boxes.{self.options.kind}"})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes to find, starting with class 1."""
        return CLASSES[self.options.kind]


def pack(found: Sequence[Tensor], keep: int) -> Tensor:
    """Return the boxes of several images as one tensor.

    Args:
        found: for each image (m, 6): label, score, x0, y0, x1, y1 in pixels of the resized image, by descending score.
        keep: the maximum number of boxes to keep per image.

    Returns:
        (n, 6 keep) float32, padded with zeros; the label 0 means no box.
    """
    rows = [boxes[:keep].to(torch.float32) for boxes in found]
    filled = [torch.nn.functional.pad(boxes, (0, 0, 0, keep - len(boxes))) for boxes in rows]
    return torch.stack(filled).flatten(1)
