"""Tables made ready for the first pass, by all threads together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.kernel.bounds import FloatArray, Lengths, Measured, as_float32, lengths, less_centre, scale_of
from harness.kernel.memory import aligned
from harness.kernel.native.fold import LANES
from harness.kernel.native.prepare import Rounded, RoundedWhole, RowFrame, prepare, prepare_whole
from harness.kernel.native.similarity import squared_norms
from harness.kernel.native.tuples import NO_MEANS, Features, Means
from harness.kernel.native.whole import FOUR, PANEL, ROWS


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
    workers.share(len(rows), 4096, lambda part: squared_norms(rows[part], norms[part], aligned(LANES)))
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
    rows, width = features.rows, features.rows.shape[1]
    frame = _frame(features, centre, means, euclidean=euclidean)
    wide = np.empty((0, width) if half else rows.shape, dtype=np.float32)
    narrow = np.empty(rows.shape if half else (0, width), dtype=np.uint16)
    sizes = np.empty((len(rows), 4))

    def work(part: slice) -> None:
        buffer = np.empty(width, dtype=np.float32)
        out = Rounded(wide if half else wide[part], narrow[part] if half else narrow, half, sizes[part])
        prepare(_own(features, centre, means, part, euclidean=euclidean), frame, out, buffer, buffer.view(np.uint32))

    workers.share(len(rows), 4096, work)
    return Prepared(lengths(sizes, width), sizes[:, 2], sizes[:, 3], frame.scale, narrow if half else wide)


@dataclass(frozen=True, eq=False)
class PreparedWhole(Measured):
    """Rows as they are multiplied in whole numbers; see ``bounds`` and ``native.whole``.

    Attributes:
        rounded: the rows.
        finer: lengths of the rows as a second look takes them.
    """

    rounded: RoundedWhole
    finer: Lengths


def prepare_whole_rows(
    features: Features,
    centre: FloatArray,
    workers: Workers,
    means: Means,
    *,
    euclidean: bool,
    words: bool,
    gallery: bool,
) -> PreparedWhole:
    """Return rows centred, scaled and rounded to bytes or words, those of a gallery in panels.

    Args:
        features: (n, d) float32 or float64, and their squared norms.
        centre: (d,) float64.
        workers: the threads.
        means: of sums.
        euclidean: the metric.
        words: whether to round to 16 bits, not to 8 with what a second look needs.
        gallery: whether these are rows of a gallery, else of queries.
    """
    count, width = features.rows.shape
    frame = _frame(features, centre, means, euclidean=euclidean)
    packed = -(-width * (2 if words else 1) // FOUR)
    asked, answering = (0, count) if gallery else (count, 0)
    spare = 0 if gallery else ROWS - 1  # the last queries are multiplied as many at once as all others
    out = RoundedWhole(
        rows=np.zeros((asked + spare, packed), dtype=np.uint32),
        panels=np.zeros((-(-answering // PANEL), packed, PANEL), dtype=np.uint32),
        step=np.empty(count, dtype=np.float32),
        sums=np.zeros(count + spare, dtype=np.int32),
        wide=np.empty((0 if words else asked, width), dtype=np.float32),
        words=np.empty((0 if words else answering, width), dtype=np.int16),
        word=np.empty(0 if words else answering, dtype=np.float32),
        sizes=np.empty((count, 6)),
    )

    def work(part: slice) -> None:
        own = RoundedWhole(*(table if name == "panels" else table[part] for name, table in out._asdict().items()))
        rows = _own(features, centre, means, part, euclidean=euclidean)
        buffer, numbers = np.empty(width, dtype=np.float32), np.empty(packed, dtype=np.uint32)
        prepare_whole(rows, frame, own, part.start, words, buffer, numbers)

    workers.share(count, 4096, work)
    sizes = out.sizes
    rough = lengths(sizes, width)
    finer = as_float32(rough)
    if gallery and not words:
        of_words = lengths(sizes[:, [4, 5, 2, 3]], width)
        finer = replace(of_words, residual=of_words.residual + finer.residual)
    return PreparedWhole(rough, sizes[:, 2], sizes[:, 3], frame.scale, out, finer)


def _frame(features: Features, centre: FloatArray, means: Means, *, euclidean: bool) -> RowFrame:
    """Return how rows are prepared."""
    centring = euclidean and len(means.images) > 0
    squares = features.norms / means.images**2 if centring else features.norms
    scale = scale_of(squares, centre, euclidean=euclidean)
    return RowFrame(np.zeros(len(centre)) if centring else centre, scale, euclidean)


def _own(features: Features, centre: FloatArray, means: Means, part: slice, *, euclidean: bool) -> Features:
    """Return some rows, means less the centre."""
    rows = features.rows[part]
    if euclidean and len(means.images):
        rows = less_centre(rows, means.part(part), centre)
    return Features(rows, features.norms[part])
