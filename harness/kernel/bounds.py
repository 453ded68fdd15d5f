"""The proof that the fast first pass decides only what is decided.

Scores. The first pass does not compute similarities but scores that order the gallery of one query in the same way.
With a centre m, taken from the queries, and exact real numbers:

    cosine      x = q/|q| - m, y = g/|g| - m, b = -(m . y):    s = (x . y - b) + (m . q)/|q|
    euclidean   x = (q - m) a, y = (g - m) e, b = |y|^2 a/2e:  s = 2 ((x . y - b)/ae - |q - m|^2/2)

(a and e are powers of two that bring the longest row to a length of about one.) So score = x . y - b, and a positive of
similarity s has the target T = s - (m . q)/|q|, or T = ae (s + |q - m|^2)/2. Features lie in a narrow cone more often
than not; the centre takes away what they have in common, and with it most of the rounding error.

First pass. x and y are rounded to float32 or bfloat16, on a GPU to float32 or float16, X and Y; their product is summed
in float32 in an unknown order, rounded to bfloat16 where the factors are bfloat16, and b, rounded to float32, is taken
away in float32.

1. Inputs.        x.y - X.Y = x.(y - Y) + (x - X).Y, so at most |x| |y - Y| + |x - X| |Y|. The norms of the residuals
                  are measured row by row, not estimated; the greatest of a block of the gallery is used.
2. Accumulation.  n = d + 2 roundings; with u = 2^-23 (twice float32's, for units that truncate), at most
                  n u / (1 - n u) times |X| |Y|. A GPU's tensor cores align the terms of a step to the greatest and cut
                  off what is below: u = 2^-21 there. Products of bfloat16 and of float16 are exact in float32.
3. Underflow.     Units that flush denormal numbers to zero lose less than 2^-100 for each term. float16's, which reach
                  to 2^-14 and which not every GPU multiplies, are set to zero in X and Y: 1 measures what that loses.
4. Output.        An output v stands for a value within c |v|, c = 2^-8 (1 + 2^-8) for bfloat16, else 0. If
                  v - b > T + E + c' (|T| + E + |b|) with c' = c / (1 - c), then the value less b is above T + E;
                  the same below. b and the subtraction in float32, and the limits themselves as float32, add
                  2^-21 of the same sum.
5. float64.       x, y, b, T and the canonical similarities are themselves float64: eight tolerances cover them.

A unit whose score lies outside T +- (1 + ... + 5) stands on that side of the positive in canonical arithmetic too, and
is no tie; any other is decided by canonical similarities. For a unit of several images the greatest score has the
bound of its images. Where b leaves float32's range (rows of 1e30 among rows of 1e-30) the bound is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.kernel.exact import tolerance

FloatArray = npt.NDArray[np.float64]

ACCUMULATION = 2.0**-23
OUTPUT_FLOAT32 = 2.0**-21
OUTPUT_BFLOAT16 = 2.0**-8 * 1.02 + OUTPUT_FLOAT32
LARGEST_BIAS = 1e30


@dataclass(frozen=True, eq=False)
class Lengths:
    """What the bound needs to know of prepared rows.

    Attributes:
        residual: (n,) at least |x - X|.
        rounded: (n,) at least |X|.
        exact: (n,) at least |x|.
    """

    residual: FloatArray
    rounded: FloatArray
    exact: FloatArray


def lengths(sizes: FloatArray, width: int) -> Lengths:
    """Return upper bounds from the norms that ``native.prepare`` measured in float64.

    Args:
        sizes: (n, 4), see ``prepare``.
        width: d.
    """
    little = 4.0 * tolerance(width)
    above = 1.0 + 1e-9
    rounded = sizes[:, 1] * above
    exact = np.sqrt(sizes[:, 3]) * above
    return Lengths(
        residual=sizes[:, 0] * above + little * (1.0 + exact) + width * 2.0**-100,
        rounded=rounded,
        exact=exact + little,
    )


def product_error(queries: Lengths, gallery: Lengths, width: int, accumulation: float = ACCUMULATION) -> FloatArray:
    """Return for each query row the bound of steps 1 to 3 over all rows of a block.

    Returns:
        (q,) float64.
    """
    terms = (width + 2) * accumulation
    if terms >= 0.5 or len(gallery.residual) == 0:
        return np.full(len(queries.residual), np.inf)
    longest = gallery.rounded.max()
    return np.asarray(
        queries.exact * gallery.residual.max()
        + queries.residual * longest
        + terms / (1.0 - terms) * queries.rounded * longest
        + width * 2.0**-100
    )
