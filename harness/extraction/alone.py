"""A first check before an extraction: the features of an image must not depend on the other images of its batch."""

from __future__ import annotations

import numpy as np
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
    apart = np.concatenate([one, other])
    lengths = np.linalg.norm(together, axis=1) * np.linalg.norm(apart, axis=1)
    cosine = np.where(lengths > 0, (together * apart).sum(axis=1) / np.where(lengths > 0, lengths, 1.0), 1.0)
    cosine = np.where((lengths == 0) & (together != apart).any(axis=1), 0.0, cosine)
    least = LEAST.get(fabric.strategy.precision.precision, LEAST_ROUNDED)
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
