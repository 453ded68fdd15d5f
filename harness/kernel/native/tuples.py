"""The named tuples that the compiled loops take: plain arrays by name, which numba passes as single values.

They are in this folder since a digest of its sources is part of the name of cached code (``compiled.SOURCES``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class PairComparison(NamedTuple):
    """How two rows are compared.

    Attributes:
        euclidean: the metric: minus the squared distance, else the cosine.
        tolerance: difference up to which similarities tie, see ``exact``.
    """

    euclidean: bool
    tolerance: float


class Bound(NamedTuple):
    """Terms of the first pass's error that a tile's scores share; see ``bounds``.

    Attributes:
        scale: of the targets.
        rounding: relative error of an output.
        offset: greatest bias.
    """

    scale: float
    rounding: float
    offset: float


class Features(NamedTuple):
    """Rows of features: (n, d) float32 or float64, and their (n,) squared norms."""

    rows: npt.NDArray[np.floating]
    norms: Floats


class Query(NamedTuple):
    """One query: its (d,) features and their squared norm."""

    row: npt.NDArray[np.floating]
    norm: float


class Means(NamedTuple):
    """What makes rows the sums of units that answer by their mean; without rows if they are images.

    Attributes:
        rests: (n, d) float64, what rounding took from the exact sums.
        images: (n,) float64, the images of each sum.
    """

    rests: Floats
    images: Floats

    def part(self, rows: slice) -> Means:
        """Return those of some rows."""
        return Means(self.rests[rows], self.images[rows])


NO_MEANS = Means(np.empty((0, 0)), np.empty(0))
"""Of rows that are images."""


class Block(NamedTuple):
    """Consecutive units of the gallery, in memory.

    Attributes:
        rows: (n, d) float32 features, or float64 sums of units that answer by their mean.
        norms: (n,) float64, their canonical squared norms.
        starts: (units + 1,) int64, the rows of each unit.
        first: number of the first unit.
        means: of sums.
    """

    rows: npt.NDArray[np.floating]
    norms: Floats
    starts: Integers
    first: int
    means: Means = NO_MEANS

    def part(self, first: int, last: int) -> Block:
        """Return the units from ``first`` to ``last``, counted from the block's own first."""
        rows = slice(int(self.starts[first]), int(self.starts[last]))
        starts = self.starts[first : last + 1] - self.starts[first]
        return Block(self.rows[rows], self.norms[rows], starts, self.first + first, self.means.part(rows))


class UnitPairs(NamedTuple):
    """Pairs of a query row and a gallery unit, (pairs,) each."""

    rows: Integers
    units: Integers


class Tile(NamedTuple):
    """Products of some queries with some units, and their errors.

    Attributes:
        wide: (rows, images) float32 products, (0, 0) if they are bfloat16.
        narrow: (rows, images) bfloat16 products as uint16, (0, 0) if they are float32.
        half: whether the products are bfloat16.
        bias: (images,) float32, to be taken from each row of products.
        block: the units.
        queries: all queries.
        begin: the tile's first query.
        end: behind its last query.
        penalties: (draws, units) float32, ``BLANK`` if a unit is not in the draw; (0, units) without draws.
        errors: (queries,) error of the products.
        bound: the other errors.
    """

    wide: npt.NDArray[np.float32]
    narrow: npt.NDArray[np.uint16]
    half: bool
    bias: npt.NDArray[np.float32]
    block: Block
    queries: Features
    begin: int
    end: int
    penalties: npt.NDArray[np.float32]
    errors: Floats
    bound: Bound


class UnitLists(NamedTuple):
    """An ascending list of units for each query, one list behind the other: (queries + 1,) starts, and the units."""

    starts: Integers
    units: Integers


class Asked(NamedTuple):
    """The positives to count negatives for.

    Attributes:
        positives: of each query.
        ignored: of each query.
        ask_starts: (queries + 1,) the asks of each query.
        entry_starts: (asks + 1,) the entries of each ask.
        ask_draw: (asks,) the draw of each.
        targets: (entries,) scores of the positives, before scaling.
        slacks: (entries,) float64 errors of the targets, before scaling.
        values: (entries,) similarities of the positives, ascending within an ask.
        widths: (entries,) difference up to which each ties; (0,) if the tolerance decides.
    """

    positives: UnitLists
    ignored: UnitLists
    ask_starts: Integers
    entry_starts: Integers
    ask_draw: Integers
    targets: Floats
    slacks: Floats
    values: Floats
    widths: Floats


class Ask(NamedTuple):
    """The entries of one query in one draw: ``begin`` to ``end`` of all values and widths, see ``Asked``."""

    begin: int
    end: int
    values: Floats
    widths: Floats


class Counts(NamedTuple):
    """For each entry the (entries,) negatives that are closer, and those that tie."""

    closer: Integers
    tied: Integers


class RowBuffer(NamedTuple):
    """Scratch for one row of a tile: its images, the same memory as uint32, and its units in one draw."""

    images: npt.NDArray[np.float32]
    bits: npt.NDArray[np.uint32]
    drawn: npt.NDArray[np.float32]


class Scratch(NamedTuple):
    """Scratch for counting one row.

    Attributes:
        bands: (entries of an ask, 2) scores that the first pass cannot decide.
        kept: scores kept.
        places: of the kept scores in the row.
        flags: uint8, zeros between calls.
        words: the flags as uint64.
        found: places found.
        guesses: float32 similarities by unit, NaN if not computed.
        exacts: canonical similarities by unit, NaN if not computed.
        touched: the number of units with a guess, then these units.
        acc: 32 sums.
    """

    bands: npt.NDArray[np.float32]
    kept: npt.NDArray[np.float32]
    places: npt.NDArray[np.int32]
    flags: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint64]
    found: Integers
    guesses: Floats
    exacts: Floats
    touched: Integers
    acc: Floats


class Nearest(NamedTuple):
    """Lists of the nearest units while they grow.

    Attributes:
        units: (queries, most) numbers of the units, nearest first, -1 behind the last.
        similarities: (queries, most) their similarities.
        numbers: (queries,) how many are listed.
        farthest: (queries,) the least similarity to any valid unit, or (0,) if it is not wanted.
    """

    units: Integers
    similarities: Floats
    numbers: Integers
    farthest: Floats


class RowFrame(NamedTuple):
    """How rows are prepared.

    Attributes:
        centre: (d,) float64, taken from the normalised rows (cosine) or from the rows as they are.
        scale: a power of two that brings the rows to a length of about one; 1 for cosine.
        euclidean: the metric.
    """

    centre: Floats
    scale: float
    euclidean: bool


class Rounded(NamedTuple):
    """Prepared rows.

    Attributes:
        wide: (n, d) float32, (0, d) if they are bfloat16.
        narrow: (n, d) bfloat16 as uint16, (0, d) if they are float32.
        half: whether they are bfloat16.
        sizes: (n, 4): norm of the rounding residual, norm of the rounded row, product with the centre, squared norm.
    """

    wide: npt.NDArray[np.float32]
    narrow: npt.NDArray[np.uint16]
    half: bool
    sizes: Floats


class Limits(NamedTuple):
    """The similarities that the negatives of each positive are counted against.

    Attributes:
        similarities: (pairs,) float64.
        widths: (pairs,) the difference up to which a negative ties, one for all positives of a query; (0,) for the
            tolerance of the metric.
    """

    similarities: Floats
    widths: Floats


class Marks(NamedTuple):
    """Similarities between which pairs are placed, and a table that finds them quickly.

    Attributes:
        values: (k,) ascending, all different.
        table: (bins + 1,) int64, for each bin of equal width the number of marks in the bins before it.
        low: where the first bin begins.
        inverse: bins to a unit of similarity.
    """

    values: Floats
    table: Integers
    low: float
    inverse: float


class Placed(NamedTuple):
    """Where negative pairs lie among k marks; a place is the number of marks below a similarity.

    Attributes:
        places: (k + 1,) the pairs of each place that have no mark's similarity; or, with w windows, (k + w,), the
            places of one window behind those of the window before, of the marks in it alone.
        tied: (k,) the pairs that have exactly a mark's similarity.
        over: (w,) the pairs that are above each window for certain.
    """

    places: Integers
    tied: Integers
    over: Integers


class Windows(NamedTuple):
    """Ranges of similarity in which every pair gets its exact place, ascending and apart.

    Attributes:
        ranges: (w, 2) from and up to which similarity.
        starts: (w + 1,) the marks of each, which are consecutive and all the marks there are.
    """

    ranges: Floats
    starts: Integers


class WideTile(NamedTuple):
    """Float64 products of some queries with some units.

    Attributes:
        products: (rows, images) float64.
        squares: (images,) squared norms of what was multiplied, for Euclidean distances.
        error: the error of a product, for Euclidean distances of one whose squared norms add up to one.
        block: the units.
        queries: all queries.
        begin: the tile's first query.
    """

    products: Floats
    squares: Floats
    error: float
    block: Block
    queries: Features
    begin: int
