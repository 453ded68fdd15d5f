"""Batches of several groups, each of P classes of one label with K images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.images import IntArray
from harness.methods.batches import PK, Batches


@dataclass(frozen=True)
class Grouped(Batches):
    """Batches that are the concatenation of one P x K batch of each group.

    An epoch has as many batches as the training images can fill, but at most as many as each group has.
    """

    groups: tuple[PK, ...]

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return batches with the rows of all groups."""
        size = sum(group.vehicles * group.images for group in self.groups)
        steps = max(1, len(labels["vehicle"]) // size)
        parts = zip(*(group.draw(labels, random) for group in self.groups), strict=False)
        return [np.concatenate(part) for part, _step in zip(parts, range(steps), strict=False)]
