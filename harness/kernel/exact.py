"""The similarity of two images, defined to the last bit, and when two similarities tie.

Canonical similarity. Let q and g be two stored rows (float32, float16, or the float64 mean of a unit's rows), d numbers
each, converted to float64. Sums of d terms are taken in one order: term i is added to sum number i modulo 32, in order
of i; then sums 16 to 31 are added to sums 0 to 15, 8 to 15 to 0 to 7, and so on until one is left. Every operation is
rounded to float64, none is contracted. With that order

    cosine      s = (q . g) / sqrt((q . q) (g . g)), and 0 if either row is zero
    euclidean   s = -sum((q - g)^2)

A unit of several images has the greatest s of its images. s is a function of two rows and nothing else: the same
bits for any block, thread, process, device or processor.

Ties. u = 2^-53. A sum of d terms in that order is wrong by at most (d/32 + 6) u of the sum of the terms' magnitudes
(products of two float32 are exact in float64), each norm likewise, so a cosine is wrong by at most (d/16 + 15) u, and a
squared distance by at most (d/32 + 9) u of itself. Two similarities tie when they differ by no more than

    tolerance = (d + 32) u             cosine, absolute
    tolerance = (d + 32) u of the greater distance    euclidean

which is more than both errors together: similarities that are equal in real numbers tie, as scaled copies of one row do
under cosine. Rows that are equal bit by bit have equal s and tie with no tolerance at all. The quick float32 sums of
``native.similarity`` add in any order; they are within 2^29 tolerances of the canonical ones.

Lists of the nearest know no ties: they are in order of the canonical bits, equal bits in the gallery's order. Ties
within a tolerance are not transitive (a may tie with b and b with c, but a not with c), so they order nothing.

Range. A product of two float32 is between 1e-90 and 1e78, so neither 1e30 nor 1e-30 as a feature leaves float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.kernel.native.similarity import LANES, row_similarities

UNIT = 2.0**-53


def tolerance(width: int) -> float:
    """Return the difference up to which two similarities of features of that width tie; see the module."""
    return (width + 32) * UNIT


def similarities(
    query: npt.NDArray[np.floating], rows: npt.NDArray[np.floating], *, euclidean: bool
) -> npt.NDArray[np.float64]:
    """Return the canonical similarity of one query row (d,) and each of some gallery rows (n, d): (n,)."""
    found = np.empty(len(rows))
    row_similarities(query, rows, euclidean, found, np.empty(LANES))
    return found
