"""How the images of an epoch are drawn into batches: the same global batches in every process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from harness.data.images import UNKNOWN, IntArray
from harness.errors import UsageError


class Batches(ABC):
    """A way to draw an epoch; subclasses hold its numbers and nothing that changes while training."""

    @abstractmethod
    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return the batches of one epoch.

        Args:
            labels: for each label (n,) int64 class numbers of the training images, ``UNKNOWN`` where
                there is none.
            random: the epoch's generator; the batches follow from it and the labels alone.

        Returns:
            For each step the (b,) int64 rows of the training images over all processes; their number and
            b are the same every epoch.

        Raises:
            UsageError: the training images cannot fill one batch.
        """

    def steps(self, labels: Mapping[str, IntArray]) -> int:
        """Return the number of batches in an epoch."""
        return len(self.draw(labels, np.random.default_rng(0)))


@dataclass(frozen=True)
class PK(Batches):
    """P vehicles with K images each, by pytorch-metric-learning's MPerClassSampler.

    An epoch has as many batches as the training images would fill. A vehicle with fewer than K images
    gives some of them more than once; images without the label are never drawn.

    Attributes:
        vehicles: P, the number of vehicles (or of classes of another label) in a batch.
        images: K, the number of images of each.
        label: the label whose classes are drawn.
    """

    vehicles: int
    images: int
    label: str = "vehicle"

    def draw(self, labels: Mapping[str, IntArray], random: np.random.Generator) -> Sequence[IntArray]:
        """Return batches of ``vehicles * images`` rows, a vehicle's images side by side."""
        from pytorch_metric_learning.samplers import MPerClassSampler

        if self.label not in labels:
            raise UsageError(f"no training image has the label '{self.label}', which the batches are drawn by")
        known = np.flatnonzero(labels[self.label] != UNKNOWN)
        classes = labels[self.label][known]
        self._check(len(np.unique(classes)))
        size = self.vehicles * self.images
        with _sampling_from(random):
            sampler = MPerClassSampler(
                classes, self.images, batch_size=size, length_before_new_iter=max(len(known), size)
            )
            rows = np.fromiter(sampler, dtype=np.int64)
        return list(known[rows].reshape(-1, size))

    def _check(self, classes: int) -> None:
        if self.vehicles < 1 or self.images < 1:
            raise UsageError(
                "a P x K batch needs at least one image",
                found=f"{self.vehicles} x {self.images}",
                expected="1 x 1",
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
    """Every image once, in random order; the images that do not fill a last batch sit the epoch out.

    Attributes:
        size: images in a batch; where there are fewer images than that, they all make one batch.
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


@contextmanager
def _sampling_from(random: np.random.Generator) -> Iterator[None]:
    """Let pytorch-metric-learning's samplers, which draw from one global, draw from ``random``."""
    from pytorch_metric_learning.utils import common_functions

    before = common_functions.NUMPY_RANDOM
    common_functions.NUMPY_RANDOM = random
    try:
        yield
    finally:
        common_functions.NUMPY_RANDOM = before
