"""How the images of an epoch are drawn into batches, the same in every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.images import UNKNOWN, IntArray
from harness.errors import UsageError


class Batches(ABC):
    """A way to draw the batches of an epoch; subclasses hold its sizes, and nothing that changes during training."""

    @abstractmethod
    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return the batches of one epoch.

        Args:
            labels: for each label (n,) int64 class numbers of the training images, ``UNKNOWN`` if an image has none.
            random: the epoch's generator; the batches depend on it and on the labels only.

        Returns:
            For each step (b,) int64 rows of the training images, over all processes. The number of steps and b are the
            same in every epoch.

        Raises:
            UsageError: the training images cannot fill one batch.
        """

    def steps(self, labels: Mapping[str, IntArray]) -> int:
        """Return the number of batches in an epoch."""
        return len(self.draw(labels, np.random.default_rng(0)))


@dataclass(frozen=True)
class PK(Batches):
    """P vehicles with K images each, drawn as by pytorch-metric-learning's MPerClassSampler.

    An epoch has as many batches as the labelled images can fill, and at least one. A vehicle with fewer than K images
    may give some of them more than once; images without the label are never drawn.

    Attributes:
        vehicles: P, the number of vehicles (or of classes of another label) in a batch.
        images: K, the number of images of each.
        label: the label whose classes are drawn.
    """

    vehicles: int
    images: int
    label: str = "vehicle"

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return batches of ``vehicles * images`` rows, the images of a vehicle next to each other."""
        if self.label not in labels:
            raise UsageError(f"no training image has the label '{self.label}', by which batches are drawn")
        rows_of = _rows_by_class(labels[self.label])
        self._check(len(rows_of))
        order = list(rows_of)  # shuffled again for each batch, as by pytorch-metric-learning
        batches = []
        for _ in range(max(1, sum(map(len, rows_of.values())) // (self.vehicles * self.images))):
            random.shuffle(order)
            drawn = [rows_of[number] for number in order[: self.vehicles]]
            batches.append(
                np.concatenate([random.choice(rows, self.images, replace=len(rows) < self.images) for rows in drawn])
            )
        return batches

    def _check(self, classes: int) -> None:
        if self.vehicles < 1 or self.images < 1:
            raise UsageError(
                "a P x K batch needs at least one image", found=f"{self.vehicles} x {self.images}", expected="1 x 1"
            )
        if classes < self.vehicles:
            raise UsageError(
                f"the training images cannot fill a batch of {self.vehicles} x {self.images}: "
                f"it takes {self.vehicles} different classes of '{self.label}'",
                found=classes,
                expected=f"{self.vehicles} or more",
                next_step="lower the number of vehicles in a batch, hold out fewer, or train on more",
            )


@dataclass(frozen=True)
class Shuffled(Batches):
    """Every image at most once, in random order; images that do not fill a last batch are skipped in that epoch.

    Attributes:
        size: the number of images in a batch; if there are fewer images, all of them form one batch.
    """

    size: int

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return batches of ``size`` rows."""
        images = len(labels["vehicle"])
        if self.size < 1 or images < 1:
            raise UsageError("a batch needs at least one image", found=f"{images} images in batches of {self.size}")
        size = min(self.size, images)
        order = random.permutation(images)
        return list(order[: images - images % size].reshape(-1, size))


def _rows_by_class(column: IntArray) -> dict[int, IntArray]:
    """Return the rows of each class, the classes in the order of their first rows; unlabelled rows are skipped."""
    rows: dict[int, list[int]] = {}
    for row in np.flatnonzero(column != UNKNOWN).tolist():
        rows.setdefault(int(column[row]), []).append(row)
    return {number: np.array(found, np.int64) for number, found in rows.items()}
