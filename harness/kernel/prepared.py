"""Tables made ready for the first pass, by all threads together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.kernel.bounds import FloatArray, Lengths, lengths
from harness.kernel.native.prepare import prepare
from harness.kernel.native.similarity import LANES, squared_norms

CENTRED = 4096
"""Queries whose mean is the centre."""


class Workers:
    """A pool of threads that share out the rows of a table.

    Args:
        pool: the threads.
        count: their number.
    """

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self.pool = pool
        self.count = count

    def share(self, rows: int, size: int, work: Callable[[slice], Any]) -> list[Any]:
        """Call ``work`` for ranges of at most ``size`` rows, as many for each thread; return what it returned."""
        pieces = self.count * -(-rows // (self.count * size))
        tasks = [self.pool.submit(work, part) for part in ranges(rows, -(-rows // max(pieces, 1)))]
        return [task.result() for task in tasks]


def ranges(count: int, size: int) -> Iterator[slice]:
    """Yield consecutive slices of at most ``size``."""
    for first in range(0, count, max(size, 1)):
        yield slice(first, min(first + size, count))


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows as the first pass multiplies them; see ``bounds``.

    Attributes:
        values: (n, d) float32, or bfloat16 as uint16.
        lengths: for the bound.
        products: (n,) with the centre.
        squares: (n,) squared norms.
        scale: the power of two, a or e.
    """

    values: npt.NDArray[np.float32] | npt.NDArray[np.uint16]
    lengths: Lengths
    products: FloatArray
    squares: FloatArray
    scale: float


def norms_of(rows: npt.NDArray[np.floating], workers: Workers) -> FloatArray:
    """Return the canonical squared norms; they are finite if and only if the row is."""
    norms = np.empty(len(rows))
    workers.share(len(rows), 4096, lambda part: squared_norms(rows[part], norms[part], np.empty(LANES)))
    return norms


def centre_of(rows: npt.NDArray[np.floating], norms: FloatArray, *, euclidean: bool) -> FloatArray:
    """Return the mean of the first rows, normalised for cosine; any other point would do, at more work.

    Returns:
        (d,) float64.
    """
    some = rows[:CENTRED].astype(np.float64)
    if not euclidean:
        length = np.sqrt(norms[:CENTRED])
        some /= np.where(length > 0, length, 1)[:, None]
    return np.asarray(some.mean(axis=0)) if len(some) else np.zeros(rows.shape[1])


def prepare_rows(
    rows: npt.NDArray[np.floating],
    norms: FloatArray,
    centre: FloatArray,
    workers: Workers,
    *,
    euclidean: bool,
    half: bool,
) -> Prepared:
    """Return rows centred, scaled and rounded.

    Args:
        rows: (n, d) float32 or float64.
        norms: (n,) squared norms.
        centre: (d,) float64.
        workers: who does it.
        euclidean: the metric.
        half: whether to round to bfloat16.
    """
    width = rows.shape[1]
    scale = _scale(norms, centre) if euclidean else 1.0
    wide = np.empty((0, width) if half else rows.shape, dtype=np.float32)
    narrow = np.empty(rows.shape if half else (0, width), dtype=np.uint16)
    sizes = np.empty((len(rows), 4))

    def work(part: slice) -> None:
        buffer = np.empty(width, dtype=np.float32)
        targets = (wide, narrow[part]) if half else (wide[part], narrow)
        prepare(
            rows[part],
            norms[part],
            centre,
            euclidean,
            scale,
            half,
            targets[0],
            targets[1],
            sizes[part],
            buffer,
            buffer.view(np.uint32),
        )

    workers.share(len(rows), 4096, work)
    return Prepared(narrow if half else wide, lengths(sizes, width), sizes[:, 2], sizes[:, 3], scale)


def _scale(norms: FloatArray, centre: FloatArray) -> float:
    """Return the power of two that brings rows less the centre to a length of at most one."""
    longest = float(np.sqrt(norms.max(initial=0))) + float(np.sqrt((centre**2).sum()))
    return float(2.0 ** -np.ceil(np.log2(longest))) if longest > 0 else 1.0
