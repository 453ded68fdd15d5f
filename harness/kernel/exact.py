"""The similarity of two images, defined to the last bit, and when two similarities tie.

Canonical similarity. Let q and g be two stored rows (float32 or float16), d numbers each, converted to float64. Sums of
d terms are taken in one order: term i is added to sum number i modulo 32, in order of i; then sums 16 to 31 are added
to sums 0 to 15, 8 to 15 to 0 to 7, and so on until one is left. Every operation is rounded to float64, none is
contracted. With that order

    cosine      s = (q . g) / sqrt((q . q) (g . g)), and 0 if either row is zero
    euclidean   s = -sum((q - g)^2)

A unit of several images has the greatest s of its images, unless its task compares means. Then let S + R be the exact
sum of the unit's n rows, S its nearest float64 and R the float64 nearest to what is left:

    cosine      s = (q . S) / sqrt((q . q) (S . S)), and 0 if q or S is zero
    euclidean   s = -sum(((n q - S) - R)^2) / n^2

The exact sum, and so s, does not depend on the order of a unit's images. s is a function of the rows and nothing else:
the same bits for any block, thread, process, device or processor.

Error. u = 2^-53; terms of u^2 are left out here, and the tolerance below has room for them. A sum of d terms in that
order is wrong by at most (d/32 + 5) u of the sum of the terms' magnitudes. Products of two float32 are exact in
float64, so a cosine of images is wrong by at most (d/16 + 13) u, and their squared distance by (d/32 + 8) u of itself.

A mean costs a little more. S is wrong by u of the sum: two roundings more in q . S, three in S . S, so a cosine is
wrong by at most (d/16 + 16) u. A distance may be far smaller than S, so each step D = n q - (S + R) has to be right by
itself. n q is exact for n below 2^26. If it is S, the step is -R, wrong by u of itself. Else S, the float64 nearest to
the sum, is no farther from it than n q is, so R is at most D and n q - S at most 2 D: the rounding of n q - S, that of
the step and that of R are wrong by 2 u, u and u of D, 4 u together, and the square by 9 u. With the division, a squared
distance is wrong by at most (d/32 + 15) u of itself.

Ties. Two similarities tie when they differ by no more than

    tolerance = (d + 32) u             cosine, absolute
    tolerance = (d + 32) u of the greater distance    euclidean

which is at least both errors together. Compared with the real numbers that the stored rows define:

- Similarities that are equal in real numbers tie, as scaled copies of one row do under cosine, and tracks whose means
  are equally far from a query, whatever the number and order of their images.
- No two similarities are ever taken in the wrong order, and those that differ by more than two tolerances do not tie.
- In between float64 decides: similarities that differ by less than two tolerances may tie or be taken in their order,
  alike in every run. So the zero vector's cosine, 0 by definition, ties with a cosine of 2^-50.

Rows that are equal bit by bit have equal s and tie with no tolerance at all. The quick float32 sums of
``native.similarity`` add in any order; they are within 2^29 tolerances of the canonical ones.

Lists of the nearest know no ties: they are in order of the canonical bits, equal bits in the gallery's order. Ties
within a tolerance are not transitive (a may tie with b and b with c, but a not with c), so they order nothing.

Range. A product of two float32 is between 1e-90 and 1e78, so neither 1e30 nor 1e-30 as a feature leaves float64; nor
does the square of a sum of 2^26 of them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.kernel.memory import aligned
from harness.kernel.native import means
from harness.kernel.native.fold import LANES
from harness.kernel.native.similarity import pair_similarities, squared_norms
from harness.kernel.native.tuples import NO_MEANS, Block, Features, Means, UnitPairs

UNIT = 2.0**-53


def tolerance(width: int) -> float:
    """Return the difference up to which two similarities of features of that width tie; see the module."""
    return (width + 32) * UNIT


def unit_sums(rows: npt.NDArray[np.floating], starts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], Means]:
    """Return the exact sums of the rows ``starts[u]:starts[u + 1]`` of each unit u, as S and R of the module.

    Args:
        rows: (n, d) numbers that are float32.
        starts: (units + 1,).

    Returns:
        S, (units, d) float64, and the rest.
    """
    shape = (len(starts) - 1, rows.shape[1])
    sums, rests, lost = np.empty(shape), np.empty(shape), np.empty(shape, dtype=np.uint8)
    means.unit_sums(rows, starts, sums, rests, lost)
    if lost.any():
        for unit, number in np.argwhere(lost).tolist():
            terms = rows[starts[unit] : starts[unit + 1], number].tolist()
            sums[unit, number] = math.fsum(terms)
            rests[unit, number] = math.fsum([*terms, -sums[unit, number]])
    return sums, Means(rests, np.diff(starts).astype(np.float64))


def similarities(
    query: npt.NDArray[np.floating],
    rows: npt.NDArray[np.floating],
    *,
    euclidean: bool,
    starts: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the canonical similarity of one query row (d,) and each of some gallery rows (n, d): (n,).

    With ``starts``, (units + 1,), it is that of the mean of each unit's rows ``starts[u]:starts[u + 1]``: (units,).
    """
    made, rest = (rows, NO_MEANS) if starts is None else unit_sums(rows, starts)
    every = np.arange(len(made) + 1)
    acc, found, norms, norm = aligned(LANES), np.empty(len(made)), np.empty(len(made)), np.empty(1)
    squared_norms(made, norms, acc)
    squared_norms(query[None], norm, acc)
    block, pairs = Block(made, norms, every, 0, rest), UnitPairs(np.zeros(len(made), dtype=np.int64), every[:-1])
    pair_similarities(Features(query[None], norm), block, pairs, euclidean, found, acc)
    return found
