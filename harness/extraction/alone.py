"""A first check before an extraction: the features of an image must not depend on the other images of its batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from lightning_fabric import Fabric

from harness.compute.compute import FULL
from harness.errors import PluginError
from harness.extraction.embed import Features, launch
from harness.extraction.samples import BatchRequest, Samples
from harness.extraction.subjects import Subjects
from harness.methods.method import Method

TRIED = 8
"""Images that are embedded together, and then in two halves."""

LEAST = {FULL: 0.9999}
"""The least cosine of an image's features among others; in float32, other batches move only the last digits."""
LEAST_ROUNDED = 0.99
"""The same in any other precision."""


def check_alone(method: Method, subjects: Subjects, fabric: Fabric) -> None:
    """Embed a few images together and in two halves, and compare.

    A network that was left in training mode normalises each batch by its own statistics, and every number is wrong.

    Raises:
        PluginError: an image has other features among other images.
    """
    rows = np.unique(np.linspace(0, len(subjects.pictures) - 1, TRIED).astype(np.int64))
    samples = Samples(subjects.pictures, subjects.boxes)
    if len(rows) < 2:
        return

    def features(chosen: np.ndarray) -> Features | None:
        batch = samples[BatchRequest(chosen)]
        return None if batch.broken else launch(method, subjects, batch, fabric)()

    half = len(rows) // 2
    together, one, other = (features(part) for part in (rows, rows[:half], rows[half:]))
    if together is None or one is None or other is None:
        return  # an image that cannot be read is the extraction's to report
    cosine, least = cosines(together, np.concatenate([one, other])), least_cosine(fabric)
    if cosine.min() < least:
        key = subjects.pictures.keys[int(rows[int(cosine.argmin())])]
        raise PluginError(
            "the features of an image depend on the other images of its batch",
            where=f"{type(method).__name__}.embed, {key}",
            found=f"a cosine of {cosine.min():.4f} to its features among fewer images",
            expected=f"at least {least:g}",
            next_step="compute each image's features from that image alone: no statistics of the batch, and networks "
            "in evaluation mode",
        )


def least_cosine(fabric: Fabric) -> float:
    """Return the least cosine of features that count as the same in the precision of these devices."""
    return LEAST.get(fabric.strategy.precision.precision, LEAST_ROUNDED)


def cosines(some: Features, others: Features) -> npt.NDArray[np.float64]:
    """Return the (n,) cosines of the rows of two (n, d) arrays; that of two zeros is 1, of a zero and another 0."""
    one, other = some.astype(np.float64), others.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosine = np.where(lengths > 0, (one * other).sum(axis=1) / np.where(lengths > 0, lengths, 1.0), 1.0)
    found: npt.NDArray[np.float64] = np.where((lengths == 0) & (one != other).any(axis=1), 0.0, cosine)
    return found
