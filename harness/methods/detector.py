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
"""Numbers a box: label, score, x0, y0, x1, y1."""


class DetectorOptions(Options):
    """What every detector lets the user choose."""

    kind: Literal["parts", "regions"] = Field("parts", description="which classes it finds: PGAN's 16, PR-ReID's 4")
    keep: int = Field(100, ge=1, le=1000, description="boxes an image at most, the surest first")


class Detector(NetworkMethod):
    """A method whose ``embed`` returns boxes as ``pack`` lays them out; it is trained as any other.

    The network gets the boxes of its kind while training, by the keyword ``boxes_parts`` or ``boxes_regions``.
    """

    Options = DetectorOptions

    def __init__(self) -> None:
        self.needs = frozenset({f"boxes.{self.options.kind}"})

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that it finds; number 1 comes first."""
        return CLASSES[self.options.kind]


def pack(found: Sequence[Tensor], keep: int) -> Tensor:
    """Return the boxes of several images as one tensor.

    Args:
        found: for each image (m, 6): label, score, x0, y0, x1, y1 in pixels of the resized image, the surest first.
        keep: how many of them stay.

    Returns:
        (n, 6 keep) float32, filled up with zeros; a label of 0 is no box.
    """
    rows = [boxes[:keep].to(torch.float32) for boxes in found]
    filled = [torch.nn.functional.pad(boxes, (0, 0, 0, keep - len(boxes))) for boxes in rows]
    return torch.stack(filled).flatten(1)
