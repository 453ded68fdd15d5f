"""How the images of an epoch are drawn into batches, the same in every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.data.images import UNKNOWN, IntArray
from harness.errors import UsageError

Epoch = Literal["drawn", "groups", "vehicles"]
"""What one epoch of P x K batches is; see ``PK``."""


class Batches(ABC):
    """A way to draw the batches of an epoch; subclasses hold its sizes, and nothing that changes during training."""

    @abstractmethod
    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return the batches of one epoch.

        Args:
            labels: for each label (n,) int64 class numbers of the training images, ``UNKNOWN`` if an image has none.
            random: the epoch's generator; the batches depend on it and on the labels only.

        Returns:
            For each step (b,) int64 rows of the training images, over all processes; b is the same in every epoch.

        Raises:
            UsageError: the training images cannot fill one batch.
        """

    def steps(self, labels: Mapping[str, IntArray]) -> int:
        """Return the number of batches in an epoch, or about that many if it varies."""
        return len(self.draw(labels, np.random.default_rng(0)))


@dataclass(frozen=True)
class PK(Batches):
    """P vehicles with K images each; images without the label are never drawn.

    ``epoch`` says what one epoch is:

    - ``drawn``: each batch draws P vehicles anew, as pytorch-metric-learning's MPerClassSampler does. An epoch has as
      many batches as the labelled images can fill, and at least one.
    - ``groups``: each image at most once, as in the released recipe of Luo et al. (2019). The images of a vehicle are
      shuffled and cut into groups of K, and those that do not fill a group are left out; a batch takes one group of
      each of P vehicles that still have one, until fewer than P have (R). The number of batches varies a little; on
      VeRi-776 it is about 566, where ``drawn`` has 590.
    - ``vehicles``: each vehicle once, with K of its images, as in the strong baseline's report (R); vehicles that do
      not fill a last batch are left out. On VeRi-776 it is 36 batches.

    A vehicle with fewer than K images gives some of them more than once.

    Attributes:
        vehicles: P, the number of vehicles (or of classes of another label) in a batch.
        images: K, the number of images of each.
        label: the label whose classes are drawn.
        epoch: see above.
    """

    vehicles: int
    images: int
    label: str = "vehicle"
    epoch: Epoch = "drawn"

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return batches of ``vehicles * images`` rows, the images of a vehicle next to each other."""
        rows_of = _rows_by_class(_column(labels, self.label))
        self._check(len(rows_of))
        ways = {"drawn": self._drawn, "groups": self._groups, "vehicles": self._vehicles}
        return ways[self.epoch](rows_of, random)

    def _drawn(self, rows_of: Mapping[int, IntArray], random: np.random.Generator) -> list[IntArray]:
        order = list(rows_of)  # shuffled again for each batch, as by pytorch-metric-learning
        batches = []
        for _ in range(max(1, sum(map(len, rows_of.values())) // (self.vehicles * self.images))):
            random.shuffle(order)
            batches.append(np.concatenate([self._some(rows_of[number], random) for number in order[: self.vehicles]]))
        return batches

    def _groups(self, rows_of: Mapping[int, IntArray], random: np.random.Generator) -> list[IntArray]:
        left = []  # of each vehicle that still has a group, its groups
        for rows in rows_of.values():
            given = random.permutation(rows) if len(rows) >= self.images else self._some(rows, random)
            left.append(list(given[: len(given) - len(given) % self.images].reshape(-1, self.images)))
        batches = []
        while len(left) >= self.vehicles:
            chosen = random.choice(len(left), self.vehicles, replace=False).tolist()
            batches.append(np.concatenate([left[place].pop() for place in chosen]))
            for place in sorted(chosen, reverse=True):  # the last takes the place of one without a group
                if not left[place]:
                    left[place] = left[-1]
                    left.pop()
        return batches

    def _vehicles(self, rows_of: Mapping[int, IntArray], random: np.random.Generator) -> list[IntArray]:
        order = random.permutation(list(rows_of)).tolist()
        drawn = [self._some(rows_of[number], random) for number in order]
        whole = range(0, len(order) - self.vehicles + 1, self.vehicles)
        return [np.concatenate(drawn[start : start + self.vehicles]) for start in whole]

    def _some(self, rows: IntArray, random: np.random.Generator) -> IntArray:
        """Return K of the rows, without repeats if there are enough."""
        return random.choice(rows, self.images, replace=len(rows) < self.images)

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
        label: a label that every drawn image must have, or None to draw all images.
    """

    size: int
    label: str | None = None

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return batches of ``size`` rows."""
        rows = np.arange(len(labels["vehicle"]))
        if self.label is not None:
            rows = np.flatnonzero(_column(labels, self.label) != UNKNOWN)
        if self.size < 1 or not len(rows):
            with_label = f" with the label '{self.label}'" if self.label else ""
            raise UsageError(
                "a batch needs at least one image", found=f"{len(rows)} images{with_label} in batches of {self.size}"
            )
        size = min(self.size, len(rows))
        order = random.permutation(rows)
        return list(order[: len(rows) - len(rows) % size].reshape(-1, size))


def _column(labels: Mapping[str, IntArray], label: str) -> IntArray:
    """Return the class numbers (n,) of a label, or raise a UsageError if no training image has it."""
    if label not in labels:
        raise UsageError(f"no training image has the label '{label}', by which batches are drawn")
    return labels[label]


def _rows_by_class(column: IntArray) -> dict[int, IntArray]:
    """Return the rows of each class, the classes in the order of their first rows; unlabelled rows are skipped."""
    rows = np.flatnonzero(column != UNKNOWN)
    numbers, first, counts = np.unique(column[rows], return_index=True, return_counts=True)
    parts = np.split(rows[np.argsort(column[rows], kind="stable")], np.cumsum(counts)[:-1])
    return {int(numbers[place]): parts[place] for place in np.argsort(first).tolist()}
