"""Tables made ready for the first pass, by all threads together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.kernel.bounds import FloatArray, Measured, lengths, less_centre, scale_of
from harness.kernel.native.fold import LANES
from harness.kernel.native.prepare import prepare
from harness.kernel.native.similarity import squared_norms
from harness.kernel.native.tuples import NO_MEANS, Features, Means, Rounded, RowFrame


class Workers:
    """A pool of threads that share the rows of a table.

    Args:
        pool: the threads.
        count: their number.
    """

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self.pool = pool
        self.count = count

    def share(self, rows: int, size: int, work: Callable[[slice], Any]) -> list[Any]:
        """Call ``work`` for ranges of at most ``size`` rows, as many for each thread; return its results."""
        pieces = self.count * -(-rows // (self.count * size))
        tasks = [self.pool.submit(work, part) for part in ranges(rows, -(-rows // max(pieces, 1)))]
        return [task.result() for task in tasks]


def ranges(count: int, size: int) -> Iterator[slice]:
    """Yield consecutive slices of at most ``size``."""
    for first in range(0, count, max(size, 1)):
        yield slice(first, min(first + size, count))


@dataclass(frozen=True, eq=False)
class Prepared(Measured):
    """Rows as the first pass multiplies them; see ``bounds``.

    Attributes:
        values: (n, d) float32, or bfloat16 as uint16.
    """

    values: npt.NDArray[np.float32] | npt.NDArray[np.uint16]


def norms_of(rows: npt.NDArray[np.floating], workers: Workers) -> FloatArray:
    """Return the canonical squared norms; they are finite if and only if the row is."""
    norms = np.empty(len(rows))
    workers.share(len(rows), 4096, lambda part: squared_norms(rows[part], norms[part], np.empty(LANES)))
    return norms


def prepare_rows(
    features: Features,
    centre: FloatArray,
    workers: Workers,
    means: Means = NO_MEANS,
    *,
    euclidean: bool,
    half: bool,
) -> Prepared:
    """Return rows centred, scaled and rounded.

    Args:
        features: (n, d) float32 or float64, and their squared norms.
        centre: (d,) float64.
        workers: the threads.
        means: of sums.
        euclidean: the metric.
        half: whether to round to bfloat16.
    """
    rows, norms = features
    width = rows.shape[1]
    centring = euclidean and len(means.images) > 0
    squares = norms / means.images**2 if centring else norms
    scale = scale_of(squares, centre, euclidean=euclidean)
    frame = RowFrame(np.zeros(width) if centring else centre, scale, euclidean)
    wide = np.empty((0, width) if half else rows.shape, dtype=np.float32)
    narrow = np.empty(rows.shape if half else (0, width), dtype=np.uint16)
    sizes = np.empty((len(rows), 4))

    def work(part: slice) -> None:
        buffer = np.empty(width, dtype=np.float32)
        out = Rounded(wide if half else wide[part], narrow[part] if half else narrow, half, sizes[part])
        own = less_centre(rows[part], means.part(part), centre) if centring else rows[part]
        prepare(Features(own, norms[part]), frame, out, buffer, buffer.view(np.uint32))

    workers.share(len(rows), 4096, work)
    return Prepared(lengths(sizes, width), sizes[:, 2], sizes[:, 3], frame.scale, narrow if half else wide)
