"""The features of an image must not depend on the other images of its batch: checked before an extraction and in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from lightning_fabric import Fabric

from harness.compute.compute import FULL
from harness.data.images import IntArray
from harness.errors import PluginError
from harness.extraction.embed import Features, launch
from harness.extraction.samples import BatchRequest, Samples
from harness.extraction.subjects import Subjects
from harness.methods.method import Method

TRIED = 8
"""Images that are embedded together, and then in smaller batches."""


class Limits(NamedTuple):
    """How far the two features of one image may be apart and still count as the same.

    Attributes:
        cosine: the least between them.
        length: the most by which their lengths may differ, as a share of the longer one.
    """

    cosine: float
    length: float


EXACT = Limits(0.9999, 0.001)
"""In float32, other batches move only the last digits."""
ROUNDED = Limits(0.99, 0.01)
"""In any other precision."""


@dataclass(frozen=True, eq=False)
class Alone:
    """A few images and their features, to compare with the features of the same images in other batches.

    Attributes:
        method: that gave them.
        keys: of all images.
        limits: how far features may be apart.
        rows: (n,) int64 of the images tried, ascending; empty if nothing can be compared.
        features: (n, d) float32.
    """

    method: Method
    keys: Sequence[str]
    limits: Limits
    rows: IntArray
    features: Features

    def check(self, rows: IntArray, features: Features) -> None:
        """Compare the features of a batch with those known of the same images.

        Args:
            rows: (b,) of its images.
            features: (b, d) float32.

        Raises:
            PluginError: an image has other features in this batch.
        """
        _, known, own = np.intersect1d(self.rows, rows, return_indices=True)
        if not len(known) or features.shape[1] != self.features.shape[1]:
            return
        which = f"its features among {len(self.rows)} and among {len(rows)} images"
        found = unlike(self.features[known], features[own], self.limits, which)
        if found is not None:
            raise PluginError(
                "the features of an image depend on the other images of its batch",
                where=f"{type(self.method).__name__}.embed, {self.keys[int(self.rows[known[found.row]])]}",
                found=found.found,
                expected=found.expected,
                next_step="compute each image's features from that image alone: no statistics of the batch, no "
                "dropout, and networks in evaluation mode (network.eval()), also those that the method does not hold",
            )


def check_alone(method: Method, subjects: Subjects, fabric: Fabric) -> Alone:
    """Embed a few images together and in smaller batches, one of them of a single image, and compare.

    A network that was left in training mode normalises each batch by its own statistics, and every number is wrong.

    Returns:
        The features of the images together, to compare with those of the extraction, whose batches are larger.

    Raises:
        PluginError: an image has other features among other images.
    """
    rows = np.unique(np.linspace(0, len(subjects.pictures) - 1, TRIED).astype(np.int64))
    samples = Samples(subjects.pictures, subjects.boxes)
    limits = limits_of(fabric.strategy.precision.precision)
    nothing = Alone(method, subjects.pictures.keys, limits, rows[:0], np.zeros((0, 0), dtype=np.float32))
    if len(rows) < 2:
        return nothing

    def features(chosen: IntArray) -> Features | None:
        batch = samples[BatchRequest(chosen)]
        return None if batch.broken else launch(method, subjects, batch, fabric)()

    together = features(rows)
    if together is None:
        return nothing  # an image that cannot be read is the extraction's to report
    tried = Alone(method, subjects.pictures.keys, limits, rows, together)
    half = len(rows) // 2
    for part in (rows[:1], rows[1:half], rows[half:]):
        found = features(part) if len(part) else None
        if found is not None:
            tried.check(part, found)
    return tried


def limits_of(precision: str | None) -> Limits:
    """Return how far features may be apart that count as the same.

    Args:
        precision: as in a feature file, where further settings follow it; None for float32.
    """
    return EXACT if (precision or FULL).partition(",")[0] == FULL else ROUNDED


class Unlike(NamedTuple):
    """Two features of one image that are not the same.

    Attributes:
        row: of the image.
        found: how far they are apart, in words.
        expected: how far they may be.
    """

    row: int
    found: str
    expected: str


def unlike(some: Features, others: Features, limits: Limits, which: str) -> Unlike | None:
    """Return the row of two (n, d) arrays that is farthest apart in direction, else in length; None if all are alike.

    Args:
        some: (n, d) float32.
        others: (n, d) float32.
        limits: what counts as alike.
        which: the two features in words, for messages.
    """
    cosine = cosines(some, others)
    if not cosine.min() >= limits.cosine:
        row = int(cosine.argmin())
        return Unlike(row, f"a cosine of {cosine[row]:.4f} between {which}", f"at least {limits.cosine:g}")
    one, other = (np.linalg.norm(found.astype(np.float64), axis=1) for found in (some, others))
    longer = np.maximum(one, other)
    apart = np.abs(one - other) / np.where(longer > 0, longer, 1.0)
    row = int(apart.argmax())
    if apart[row] <= limits.length:
        return None
    lengths = f"lengths of {one[row]:.4g} and {other[row]:.4g} of {which}"
    return Unlike(row, lengths, f"the same length up to {100 * limits.length:g} %")


def cosines(some: Features, others: Features) -> npt.NDArray[np.float64]:
    """Return the (n,) cosines of the rows of two (n, d) arrays; that of two zeros is 1, of a zero and another 0."""
    one, other = some.astype(np.float64), others.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosine = np.where(lengths > 0, (one * other).sum(axis=1) / np.where(lengths > 0, lengths, 1.0), 1.0)
    found: npt.NDArray[np.float64] = np.where((lengths == 0) & (one != other).any(axis=1), 0.0, cosine)
    return found
