"""The arithmetic of the fast first pass, and the proof that it leaves every doubtful pair to exact arithmetic.

Scores. The first pass does not compute similarities but scores that order the gallery of one query in the same way.
With a centre m, taken from the queries, and exact real numbers:

    cosine      x = q/|q| - m, y = g/|g| - m, b = -(m . y):    s = (x . y - b) + (m . q)/|q|
    euclidean   x = (q - m) a, y = (g - m) e, b = |y|^2 a/2e:  s = 2 ((x . y - b)/ae - |q - m|^2/2)

(a and e are powers of two that bring the longest row to a length of about one.) So score = x . y - b, and a positive of
similarity s has the target T = s - (m . q)/|q|, or T = ae (s + |q - m|^2)/2. Features mostly point
in similar directions; subtracting the centre removes this common part, and with it most of the rounding error.

First pass. x and y are rounded to float32 or bfloat16, on a GPU to float32 or float16, X and Y; their product is summed
in float32 in an unknown order, rounded to bfloat16 if the factors are bfloat16, and b, rounded to float32, is
subtracted in float32. Or x and y are rounded to whole numbers of 8 or 16 bits times a step of each row, a float32;
``native.whole`` sums their products without any error, and the sum is multiplied with the steps in float32.

1. Inputs.        x.y - X.Y = x.(y - Y) + (x - X).Y, so at most |x| |y - Y| + |x - X| |Y|. The norms of the residuals
                  are measured row by row, not estimated; the greatest of a block of the gallery is used.
2. Accumulation.  n = d + 2 roundings; with u = 2^-23 (twice float32's, for units that truncate), at most
                  n u / (1 - n u) times |X| |Y|. A GPU's tensor cores align the terms of a step to the greatest and cut
                  off what is below: u = 2^-21 there. Products of bfloat16 and of float16 are exact in float32. Whole
                  numbers are summed exactly: u = 0.
3. Underflow.     Units that flush denormal numbers to zero lose less than 2^-100 for each term. float16's, which reach
                  to 2^-14 and which not every GPU multiplies, are set to zero in X and Y: 1 measures that loss.
4. Output.        An output v is the rounding of a value within c |v|, c = 2^-8 (1 + 2^-8) for bfloat16, else 0. If
                  v - b > T + E + c' (|T| + E + |b|) with c' = c / (1 - c), then the value less b is above T + E;
                  the same below. b and the subtraction in float32, and the limits themselves as float32, add
                  2^-21 of the same sum. So do the steps: with v = 2^-24, the whole sum N as float32, the product of
                  the two steps and that with N are wrong by 3 v of the output; b, the subtraction and the limits by v
                  each of numbers no greater than |T| + E + |b|. Together 6 v, and terms of v^2, of 8 v = 2^-21.
5. float64.       x, y, b, T and the canonical similarities are themselves float64: eight tolerances cover them. That
                  b's share is of b itself needs a small error of each number of y, not of g. It is u of the number,
                  since m's numbers are float32; where g is a mean, ((S - n m) + R) / n is wrong by 5 u, as ``exact``
                  shows for S + R, the sum, and a float32.

Second look. Scores of bytes that do not decide are replaced by finer ones, x . Y of x in float32 and Y in 16 bits,
summed in float32: steps 1 to 5 bound them with the residuals of these, and with u = 2^-23 as for any float32 sum (each
number of Y is exact in float32; the terms are rounded or fused). What is left of y is measured from y in float32, and
the rounding to it added. The error of the bytes is taken to be no smaller than that of a finer score, for each query.
So the range in which a finer score does not decide is within that in which a score of bytes does not; a score that is
not replaced is outside the wider range, hence on the same side of the narrower, and all are counted by the narrower.

A unit whose score is outside T +- (1 + ... + 5) is on that side of the positive in canonical arithmetic too, and is no
tie; all others are decided by canonical similarities. For a unit of several images the greatest score has the bound of
its images. If b leaves float32's range (rows of 1e30 among rows of 1e-30), the bound is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.kernel.exact import tolerance
from harness.kernel.native.scores import HIGHEST, LOWEST
from harness.kernel.native.tuples import Bound

FloatArray = npt.NDArray[np.float64]

ACCUMULATION = 2.0**-23
OUTPUT_FLOAT32 = 2.0**-21
NONE = 0.0
"""Error of one addition of whole numbers, or of one product of them."""

OUTPUT_BFLOAT16 = 2.0**-8 * 1.02  # c' + 2^-21 of step 4, and 1 % to spare
LARGEST_BIAS = 1e30

CENTRED = 4096
"""Queries whose mean is the centre."""


@dataclass(frozen=True, eq=False)
class Lengths:
    """Lengths of prepared rows, for the bound.

    Attributes:
        residual: (n,) at least |x - X|.
        rounded: (n,) at least |X|.
        exact: (n,) at least |x|.
    """

    residual: FloatArray
    rounded: FloatArray
    exact: FloatArray


@dataclass(frozen=True, eq=False)
class Measured:
    """Figures of prepared rows.

    Attributes:
        lengths: for the bound.
        products: (n,) with the centre.
        squares: (n,) squared norms of the rows less the centre, scaled.
        scale: the power of two, a or e.
    """

    lengths: Lengths
    products: FloatArray
    squares: FloatArray
    scale: float


def centre_of(rows: npt.NDArray[np.floating], norms: FloatArray, *, euclidean: bool) -> FloatArray:
    """Return the mean of the first rows, normalised for cosine; any other point would do, at more work.

    Returns:
        (d,) float64; for Euclidean distances each is a float32, which step 5 needs.
    """
    some = rows[:CENTRED].astype(np.float64)
    if not euclidean:
        length = np.sqrt(norms[:CENTRED])
        some /= np.where(length > 0, length, 1)[:, None]
    centre = np.asarray(some.mean(axis=0)) if len(some) else np.zeros(rows.shape[1])
    return centre.astype(np.float32).astype(np.float64) if euclidean else centre


def less_centre(sums: Any, means: Any, centre: Any) -> Any:
    """Return means less the centre, each number wrong by at most 5 u of itself.

    Args:
        sums: (n, d) float64, an array or a tensor, as all others.
        means: the ``Means`` of these sums, (n, d) and (n,).
        centre: (d,) numbers that are float32.
    """
    rests, images = means[0], means[1][:, None]
    return ((sums - images * centre) + rests) / images


def scale_of(norms: FloatArray, centre: FloatArray, *, euclidean: bool) -> float:
    """Return the power of two that brings rows less the centre to a length of at most one; 1 for cosine."""
    if not euclidean:
        return 1.0
    longest = float(np.sqrt(norms.max(initial=0))) + float(np.sqrt((centre**2).sum()))
    return float(2.0 ** -np.ceil(np.log2(longest))) if longest > 0 else 1.0


def shifts_of(queries: Measured, centre: FloatArray, *, euclidean: bool) -> FloatArray:
    """Return (q,) the difference of each query's similarities and targets, before scaling."""
    if euclidean:
        return np.asarray(queries.squares / queries.scale**2)
    return np.asarray(queries.products + (centre**2).sum())


def targets_of(values: FloatArray, shifts: FloatArray, *, euclidean: bool) -> FloatArray:
    """Return the scores of positives of those similarities, before scaling."""
    return (values + shifts) / 2 if euclidean else values - shifts


def slacks_of(values: FloatArray, shifts: FloatArray, width: int, *, euclidean: bool) -> FloatArray:
    """Return the float64 errors of the targets, before scaling."""
    return 8 * tolerance(width) * (shifts + np.abs(values) if euclidean else np.maximum(np.abs(values), 1))


def biases_of(queries: Measured, gallery: Measured, *, euclidean: bool) -> FloatArray:
    """Return (g,) the bias of each gallery row, to be subtracted from its products."""
    return gallery.squares * (queries.scale / gallery.scale / 2) if euclidean else -gallery.products


def rounded_biases(biases: FloatArray) -> npt.NDArray[np.float32]:
    """Return the biases as the scores take them."""
    return np.clip(biases, -LARGEST_BIAS, LARGEST_BIAS).astype(np.float32)


def bound_of(queries: Measured, gallery: Measured, biases: FloatArray, rounding: float) -> Bound:
    """Return the terms of the error that all scores share."""
    return Bound(gallery.scale * queries.scale, rounding, float(np.abs(biases).max()))


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
        residual=sizes[:, 0] * above + little * (1.0 + exact) + width * 2.0**-100, rounded=rounded, exact=exact + little
    )


def as_float32(queries: Lengths) -> Lengths:
    """Return the lengths of the same rows rounded to float32, number by number: wrong by 2^-24 of each, or 2^-149."""
    exact = queries.exact
    return Lengths(residual=2.0**-23 * exact + 2.0**-100, rounded=exact * (1.0 + 2.0**-23), exact=exact)


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


def errors_of(
    queries: Lengths, gallery: Lengths, width: int, offset: float, accumulation: float = ACCUMULATION
) -> FloatArray:
    """Return (q,) the error of each query's scores, but for the rounding of the output.

    Args:
        queries: their lengths.
        gallery: its lengths.
        width: d.
        offset: greatest bias.
        accumulation: see ``product_error``.
    """
    errors = product_error(queries, gallery, width, accumulation)
    return errors + (8 * tolerance(width) * offset if offset < LARGEST_BIAS else np.inf)


def band_of(targets: FloatArray, widths: FloatArray, bound: Bound) -> tuple[npt.NDArray[np.float32], ...]:
    """Return the scores from which and up to which the first pass cannot decide.

    Args:
        targets: (n,) of the positives, scaled.
        widths: (n,) their errors but for the rounding of the output.
        bound: see there.
    """
    widths = widths + bound.rounding * (np.abs(targets) + widths + bound.offset)
    low, high = (np.clip(edge, LOWEST, HIGHEST).astype(np.float32) for edge in (targets - widths, targets + widths))
    return low, high


def below(scores: FloatArray, errors: FloatArray, bound: Bound) -> npt.NDArray[np.float32]:
    """Return for each score one so far below that no unit under it can be nearer than one at that score."""
    widths = errors + bound.rounding * (np.abs(scores) + errors + bound.offset)
    return np.clip(scores - 2 * widths - 4 * bound.rounding * widths, LOWEST, HIGHEST).astype(np.float32)
