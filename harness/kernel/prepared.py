"""Tables made ready for the first pass, by all threads together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.kernel.bounds import FloatArray, Lengths, Measured, as_float32, lengths, less_centre, scale_of
from harness.kernel.native.fold import LANES
from harness.kernel.native.prepare import prepare, prepare_bytes
from harness.kernel.native.similarity import squared_norms
from harness.kernel.native.tuples import NO_MEANS, Features, Means, Rounded, RoundedBytes, RowFrame
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
class PreparedBytes(Measured):
    """Rows as they are multiplied in whole numbers; see ``bounds`` and ``native.whole``.

    Attributes:
        rounded: the rows.
        finer: lengths of the rows as a second look takes them.
    """

    rounded: RoundedBytes
    finer: Lengths


def prepare_rows_as_bytes(
    features: Features,
    centre: FloatArray,
    workers: Workers,
    means: Means = NO_MEANS,
    *,
    euclidean: bool,
    gallery: bool,
) -> PreparedBytes:
    """Return rows centred, scaled and rounded to bytes, those of a gallery in panels and with words.

    Args:
        features: (n, d) float32 or float64, and their squared norms.
        centre: (d,) float64.
        workers: the threads.
        means: of sums.
        euclidean: the metric.
        gallery: whether these are rows of a gallery, else of queries.
    """
    count, width = features.rows.shape
    frame = _frame(features, centre, means, euclidean=euclidean)
    fours, panels = -(-width // FOUR), -(-count // PANEL)
    own, others = (0, count) if gallery else (count, 0)
    spare = 0 if gallery else ROWS - 1
    out = RoundedBytes(
        rows=np.zeros((own + spare, fours * FOUR), dtype=np.int8),
        wide=np.empty((own, width), dtype=np.float32),
        panels=np.zeros((panels if gallery else 0, fours, PANEL), dtype=np.uint32),
        words=np.empty((others, width), dtype=np.int16),
        byte=np.empty(count, dtype=np.float32),
        word=np.empty(count, dtype=np.float32),
        sums=np.zeros(count + spare, dtype=np.int32),
        sizes=np.empty((count, 6)),
    )

    def work(part: slice) -> None:
        piece = RoundedBytes(*(table if name == "panels" else table[part] for name, table in out._asdict().items()))
        rows = _own(features, centre, means, part, euclidean=euclidean)
        buffer, four = np.empty(width, dtype=np.float32), np.empty(fours, dtype=np.uint32)
        prepare_bytes(rows, frame, piece, part.start, buffer, four)

    workers.share(count, 4096, work)
    sizes = out.sizes
    rough = lengths(sizes, width)
    finer = lengths(sizes[:, [4, 5, 2, 3]], width) if gallery else as_float32(rough)
    return PreparedBytes(rough, sizes[:, 2], sizes[:, 3], frame.scale, out, finer)


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
