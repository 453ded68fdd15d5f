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
        quick: whether a similarity in float32 comes before the canonical one: it decides more than rougher scores do.
    """

    euclidean: bool
    tolerance: float
    quick: bool = False


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
    """One query.

    Attributes:
        row: (d,) features.
        norm: their squared norm.
        prepared: (queries, d) float32, all queries as prepared, if images have words, see ``Words``; else (0, d).
        number: of the query.
    """

    row: npt.NDArray[np.floating]
    norm: float
    prepared: npt.NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
    number: int = 0


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


class Words(NamedTuple):
    """Rows in 16 bits, for a second look where 8 bits do not decide; without rows if the products are not of bytes.

    Attributes:
        values: (n, d) int16.
        steps: (n,) float32, what a value of one stands for.
        bias: (n,) float32, to be taken from the products.
    """

    values: npt.NDArray[np.int16]
    steps: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def part(self, rows: slice) -> Words:
        """Return those of some rows."""
        return Words(self.values[rows], self.steps[rows], self.bias[rows])


NO_WORDS = Words(np.empty((0, 0), np.int16), np.empty(0, np.float32), np.empty(0, np.float32))
"""Of a block whose products are not of bytes."""


class Block(NamedTuple):
    """Consecutive units of the gallery, in memory.

    Attributes:
        rows: (n, d) float32 features, or float64 sums of units that answer by their mean.
        norms: (n,) float64, their canonical squared norms.
        starts: (units + 1,) int64, the rows of each unit.
        first: number of the first unit.
        means: of sums.
        words: of rows that are multiplied as bytes.
    """

    rows: npt.NDArray[np.floating]
    norms: Floats
    starts: Integers
    first: int
    means: Means = NO_MEANS
    words: Words = NO_WORDS

    def part(self, first: int, last: int) -> Block:
        """Return the units from ``first`` to ``last``, counted from the block's own first."""
        rows = slice(int(self.starts[first]), int(self.starts[last]))
        starts = self.starts[first : last + 1] - self.starts[first]
        means, words = self.means.part(rows), self.words.part(rows)
        return Block(self.rows[rows], self.norms[rows], starts, self.first + first, means, words)


class UnitPairs(NamedTuple):
    """Pairs of a query row and a gallery unit, (pairs,) each."""

    rows: Integers
    units: Integers


class Whole(NamedTuple):
    """Products of bytes or words; without rows if the products are of another kind.

    Attributes:
        products: (rows, at least first + images) int32.
        first: column of the first image.
        factors: (queries,) float32, what a query's number of one stands for.
        steps: (images,) float32, what an image's number of one stands for.
        rows: (queries, d) float32, the queries as prepared, for second looks at words; (0, d) if there are none.
        errors: (queries,) error of the products of second looks; (0,) likewise.
    """

    products: npt.NDArray[np.int32]
    first: int
    factors: npt.NDArray[np.float32]
    steps: npt.NDArray[np.float32]
    rows: npt.NDArray[np.float32]
    errors: Floats


NO_WHOLE = Whole(
    np.empty((0, 0), np.int32),
    0,
    np.empty(0, np.float32),
    np.empty(0, np.float32),
    np.empty((0, 0), np.float32),
    np.empty(0),
)
"""Of a tile whose products are not in whole numbers."""


class Tile(NamedTuple):
    """Products of some queries with some units, and their errors.

    Attributes:
        wide: (rows, images) float32 products, (0, 0) if they are of another kind.
        narrow: (rows, images) bfloat16 products as uint16, (0, 0) likewise.
        half: whether the products are bfloat16.
        bias: (images,) float32, to be taken from each row of products.
        block: the units.
        queries: all queries.
        begin: the tile's first query.
        end: behind its last query.
        penalties: (draws, units) float32, ``BLANK`` if a unit is not in the draw; (0, units) without draws.
        errors: (queries,) error of the products.
        bound: the other errors.
        whole: products of bytes or words.
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
    whole: Whole = NO_WHOLE


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
        guesses: float32 similarities by unit, or finer scores of rows with words; NaN if not computed.
        exacts: canonical similarities by unit, NaN if not computed.
        touched: the number of units with a guess, then these units.
        acc: 32 sums.
        finer: (entries of an ask, 2) scores that a second look at words cannot decide.
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
    finer: npt.NDArray[np.float32] = np.empty((0, 2), dtype=np.float32)


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


class Held(NamedTuple):
    """Units of a block that may be among the nearest of some queries, or be the farthest, until they are looked at.

    Attributes:
        first: the first query.
        units: (queries, room) numbers in the block, ascending.
        scores: (queries, room) float32 scores of these, for the farthest with the other sign.
        numbers: (queries,) how many are held.
        limits: (queries,) float32 scores below which no unit can be wanted.
    """

    first: int
    units: Integers
    scores: npt.NDArray[np.float32]
    numbers: Integers
    limits: npt.NDArray[np.float32]


class Listing(NamedTuple):
    """What the lists are made of, over one block.

    Attributes:
        block: the units.
        queries: all queries.
        prepared: see ``Whole.rows``.
        shifts: (queries,) the difference between similarities and targets, see ``limit_of``.
        errors: (queries,) error of the products.
        finer: (queries,) error of the products of words; (0,) without words.
        bound: the other errors.
        comparison: the metric.
        looks: (units,) scratch for finer scores; (0,) without words.
    """

    block: Block
    queries: Features
    prepared: npt.NDArray[np.float32]
    shifts: Floats
    errors: Floats
    finer: Floats
    bound: Bound
    comparison: PairComparison
    looks: Floats


class Limits(NamedTuple):
    """The similarities that the negatives of each positive are counted against.

    Attributes:
        similarities: (pairs,) float64.
        widths: (pairs,) the difference up to which a negative ties, one for all positives of a query; (0,) for the
            tolerance of the metric.
    """

    similarities: Floats
    widths: Floats
