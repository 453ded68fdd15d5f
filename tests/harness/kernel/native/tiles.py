"""Made-up tiles of scores that are as wrong as their bounds allow."""

from __future__ import annotations

import numpy as np

from harness.kernel.native import scores
from harness.kernel.native.tuples import Bound, Features, Held, Listing, PairComparison, Whole, Words
from tests import reference
from tests.harness.kernel.native.plain import block_of, tile_of

WIDTH, UNITS, NOISE, FINER = 6, 36, 0.25, 0.03125


def how_of(seed: int) -> dict[str, bool]:
    """Return what makes scores wrong: noise, two cases of 16 bits, two of coarse products, the rest of arithmetic."""
    return {"half": seed in {4, 5}, "coarse": seed in {6, 7}, "rough": seed > 7}


def listing_of(tile, shifts, comparison) -> Listing:
    """Return what lists of a tile's block are made of."""
    return Listing(
        block=tile.block,
        queries=tile.queries,
        prepared=tile.whole.rows,
        shifts=shifts,
        errors=tile.errors,
        finer=tile.whole.errors,
        bound=tile.bound,
        comparison=comparison,
        looks=np.full(len(tile.block.starts) - 1, np.nan),
    )


def held_of(first, queries, room, limit) -> Held:
    """Return room for the units of some queries."""
    units, values = np.full((queries, room), -9), np.full((queries, room), np.nan, np.float32)
    return Held(first, units, values, np.zeros(queries, np.int64), np.full(queries, limit, np.float32))


def rows_of_units(rng, units, *, several, copies):
    """Return (images + 1, 6) rows, the query's first, and where units begin; integers, so that many similarities tie.

    Args:
        rng: draws them.
        units: how many, 60 if there are copies.
        several: whether units have up to three images.
        copies: whether some images are copies of others.
    """
    starts = np.cumsum([0, *(rng.integers(1, 4, units) if several else [1] * units)])
    rows = rng.integers(-2, 3, (int(starts[-1]) + 1, 6)).astype(np.float32)
    rows[0, 0] += 0.5
    if copies:
        rows[31:61] = rows[1:31]
    return rows, starts


def literal_counts(similar, others, value, metric):
    """Return how many of some units are closer than a positive of that similarity, and how many tie with it."""
    signs = [reference.comparison(similar[unit], value, 6, metric) for unit in others]
    return signs.count(1), signs.count(0)


class Problem:
    """Five queries, of which the tiles have those from 1 on, and 36 units in two blocks.

    Args:
        seed: of the features, integers, so that many similarities tie; with an odd one, units have up to three images.
        euclidean: the metric.
        half: whether products have 16 bits, of which the last may be lost.
        coarse: whether products are rounded to the fourth bit.
        rough: whether the scores are as wrong as a large tolerance alone allows.
        whole: "bytes" or "words" if the products are whole numbers of these.
    """

    def __init__(
        self,
        seed: int,
        *,
        euclidean: bool,
        half: bool = False,
        coarse: bool = False,
        rough: bool = False,
        whole: str = "",
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.euclidean, self.half, self.whole = euclidean, half, whole
        self.metric = "euclidean" if euclidean else "cosine"
        self.queries = self.rng.integers(-2, 3, (5, WIDTH)).astype(np.float32)
        self.queries[:, 0] += 0.5
        self.starts = np.cumsum([0, *(self.rng.integers(1, 4, UNITS) if seed % 2 else [1] * UNITS)])
        self.rows = self.rng.integers(-2, 3, (int(self.starts[-1]), WIDTH)).astype(np.float32)
        gallery = self.rows.astype(float)
        of_images = np.array(
            [[reference.similarity(q, g, self.metric) for g in gallery] for q in self.queries.astype(float)]
        )
        self.similar = np.maximum.reduceat(of_images, self.starts[:-1], axis=1)
        norms = np.array([reference.ordered_sum(row * row) for row in self.queries.astype(float)])
        self.features = Features(self.queries, norms)
        self.shifts = norms if euclidean else self.rng.uniform(-0.5, 0.5, 5)
        scale = (0.5 if seed % 3 else 2.0) if euclidean else 1.0
        shifts = self.shifts[:, None]
        self.scores = (of_images + shifts) / 2 * scale if euclidean else of_images - shifts
        self.ignored = [sorted(self.rng.choice(UNITS, 5, replace=False).tolist()) for _ in range(5)]
        self.penalties = np.where(self.rng.random((2, UNITS)) < 0.2, scores.BLANK, 0).astype(np.float32)
        self.bias = self.rng.integers(-3, 4, len(self.rows)).astype(np.float32)
        self.tolerance = 2.0**-8 if rough else (WIDTH + 32) * 2.0**-53
        self.rounding = 2.0**-4 if coarse else 0.0
        # See step 4 of ``bounds``: a rounding of the product, as a part of the score.
        output = self.rounding / (1 - self.rounding) if coarse else 2.0**-7 if half else 0.0
        self.bound = Bound(scale, output * 1.02 + 2.0**-20, 40.0 if rough else 4.0)
        self.noise = np.full(5, NOISE)
        if rough:
            nearest = of_images.max(axis=1)
            self.noise = 0.95 * 8 * self.tolerance * ((self.shifts - nearest) * scale if euclidean else np.ones(5))
        self.errors = np.zeros(5) if rough else self.noise

    @property
    def comparison(self) -> PairComparison:
        return PairComparison(self.euclidean, self.tolerance)

    def blocks(self):
        """Yield the images and the block of the units below 20, and of the others."""
        for first, last in ((0, 20), (20, UNITS)):
            images = slice(self.starts[first], self.starts[last])
            yield images, block_of(self.rows[images], self.starts[first : last + 1] - self.starts[first], first)

    def tiles(self, draws=0):
        """Yield the tile of each block."""
        for images, block in self.blocks():
            signs = self.rng.choice([-1, -0.3, 0.3, 1], (5, images.stop - images.start))
            products = self.scores[:, images] + self.noise[:, None] * 0.999 * signs + self.bias[images]
            products *= 1 + self.rounding * 0.999 * self.rng.choice([-1, 1], products.shape)
            words = self._words(images, signs) if self.whole == "bytes" else block.words
            tile = tile_of(
                products[1:],
                bias=self.bias[images],
                half=self.half,
                begin=1,
                end=5,
                block=block._replace(words=words),
                queries=self.features,
                errors=self.errors,
                bound=self.bound,
                penalties=self.penalties[:draws, block.first : block.first + len(block.starts) - 1],
            )
            yield tile._replace(wide=tile.wide[:0], whole=self._whole(products)) if self.whole else tile

    def _whole(self, products):
        """Return the products as whole numbers, of steps of at most 2^-12, from the fourth column on."""
        rng, rows = self.rng, np.zeros((5 if self.whole == "bytes" else 0, 10), np.float32)
        factors = (2.0 ** -rng.integers(6, 9, 5)).astype(np.float32)
        steps = (2.0 ** -rng.integers(6, 9, products.shape[1])).astype(np.float32)
        table = rng.integers(-(10**6), 10**6, (7, products.shape[1] + 4)).astype(np.int32)
        table[:4, 3:-1] = np.rint(products / (factors[:, None] * steps))[1:]
        # Each query's scores are in two columns of the words: once the first, and half of the second.
        for query in range(len(rows)):
            rows[query, 2 * query : 2 * query + 2] = 1, 0.5
        return Whole(table, 3, factors, steps, rows, np.full(len(rows), FINER))

    def _words(self, images, signs) -> Words:
        """Return words of images whose scores are wrong by less than the bound of second looks."""
        steps = (2.0 ** -self.rng.integers(7, 9, images.stop - images.start)).astype(np.float32)
        bias = self.bias[images] / np.float32(2)
        halves = self.rng.integers(-9, 9, (5, len(steps)))
        values = np.rint((self.scores[:, images] + 0.8 * FINER * signs[:, ::-1] + bias) / steps) - halves
        return Words(np.stack([values, 2 * halves], axis=1).reshape(10, -1).T.astype(np.int16).copy(), steps, bias)

    def valid(self, query: int, draw: int | None = None) -> list[int]:
        """Return the units that a query does not ignore, and that are in the draw."""
        return [
            unit
            for unit in range(UNITS)
            if unit not in self.ignored[query] and (draw is None or self.penalties[draw, unit] == 0)
        ]
