"""Faiss, an extra: product quantisation, and approximate indexes."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.basics.extras import require
from harness.errors import FeatureError, UsageError
from harness.kernel.gallery import Rows

CENTROIDS = 256
"""Centroids of each part of a feature: a code has one byte for each part."""

TRAINED_ON = 256 * CENTROIDS
"""Images that codes and cells are learned from at most, as faiss itself does; taken at equal distances."""

READ = 4096
"""Rows read at once."""

FloatRows = npt.NDArray[np.float32]


def faiss(by: str) -> ModuleType:
    """Return faiss with one thread, so that what it learns does not depend on their number.

    Raises:
        UsageError: it is not installed.
    """
    module = require("faiss", by=by, extra="faiss")
    module.omp_set_num_threads(1)
    return module


def ready(rows: npt.NDArray[Any], metric: str) -> FloatRows:
    """Return rows as faiss compares them: float32, of length 1 for cosine; zero rows stay zero."""
    values = np.ascontiguousarray(rows, dtype=np.float32)
    if metric == "cosine":
        lengths = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
        values = (values / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return values


def blocks(table: Rows, metric: str) -> Iterator[FloatRows]:
    """Yield all rows of a table, ready for faiss."""
    for first in range(0, table.shape[0], READ):
        yield ready(table[first : first + READ], metric)


def sample(table: Rows, metric: str) -> FloatRows:
    """Return the rows to learn from: all, or as many as are enough at equal distances."""
    step = -(-table.shape[0] // TRAINED_ON)
    kept, seen = [], 0
    for block in blocks(table, metric):
        kept.append(block[-seen % step :: step])
        seen += len(block)
    return np.concatenate(kept)


class CodedRows:
    """A gallery of product codes; its rows are what the codes stand for, made when they are sliced.

    Each feature is cut into parts of equal width, and a part is replaced by the nearest of 256 centroids (Jegou et al.,
    Product Quantization for Nearest Neighbor Search, TPAMI 2011).

    Args:
        gallery: (g, d) features.
        parts: bytes a code.
        metric: how features are compared; for cosine, features are first brought to length 1.
        learned: (n, d) features that the centroids are learned from.

    Raises:
        UsageError: faiss is missing, or the width cannot be cut into so many parts.
        FeatureError: there are fewer images to learn from than centroids.
    """

    def __init__(self, gallery: Rows, parts: int, metric: str, learned: Rows) -> None:
        module = faiss("product quantisation")
        images, width = gallery.shape
        if width % parts:
            raise UsageError(
                "features cannot be cut into so many parts of equal width",
                found=f"--pq {parts} for features of {width:,} numbers",
                expected=f"a divisor of {width:,}",
            )
        if learned.shape[0] < CENTROIDS:
            raise FeatureError(
                "there are too few images to learn product codes from",
                found=f"{learned.shape[0]:,} images",
                expected=f"at least {CENTROIDS}",
                next_step="give the features of other images with --learn-from, or leave --pq out",
            )
        self.codec = module.ProductQuantizer(width, parts, 8)
        self.codec.cp.min_points_per_centroid = 1  # it says on standard error that few are few
        self.codec.train(sample(learned, metric))
        self.codes = np.concatenate([self.codec.compute_codes(block) for block in blocks(gallery, metric)])
        self.shape = (images, width)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, rows: slice) -> FloatRows:
        """Return the (m, d) features that some codes stand for."""
        found: FloatRows = self.codec.decode(np.ascontiguousarray(self.codes[rows]))
        return found
