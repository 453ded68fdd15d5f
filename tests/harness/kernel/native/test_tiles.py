"""Whole tiles of scores: what they add to lists and to counts, against a look at every unit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.kernel.native import count, nearest, scores
from harness.kernel.native.tuples import Asked, Bound, Counts, Features, Nearest, PairComparison
from tests import reference
from tests.harness.kernel.native.plain import block_of, buffer_of, lists, plain, scratch_of, tile_of

WIDTH = 6
TOLERANCE = (WIDTH + 32) * 2.0**-53
NOISE = 0.25


class Problem:
    """Five queries, of which the tile has those from 1 on, and two blocks of units of up to three images each.

    Args:
        seed: of the features, integers, so that many similarities tie.
        euclidean: the metric.
        half: whether products have 16 bits; what they lose is part of the errors.
    """

    def __init__(self, seed: int, *, euclidean: bool, half: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.euclidean, self.half = euclidean, half
        self.queries = self.rng.integers(-2, 3, (5, WIDTH)).astype(np.float32)
        self.queries[:, 0] += 0.5
        self.sizes = self.rng.integers(1, 4, 36) if seed % 2 else np.ones(36, np.int64)
        self.rows = self.rng.integers(-2, 3, (int(self.sizes.sum()), WIDTH)).astype(np.float32)
        metric = "euclidean" if euclidean else "cosine"
        of_images = np.array(
            [
                [reference.similarity(q, row, metric) for row in self.rows.astype(float)]
                for q in self.queries.astype(float)
            ]
        )
        self.starts = np.cumsum([0, *self.sizes])
        self.similar = np.maximum.reduceat(of_images, self.starts[:-1], axis=1)
        self.shifts = (self.queries.astype(float) ** 2).sum(axis=1) if euclidean else np.zeros(5)
        self.scores = (of_images + self.shifts[:, None]) / 2 if euclidean else of_images
        self.ignored = [sorted(self.rng.choice(36, 5, replace=False).tolist()) for _ in range(5)]
        self.penalties = np.where(self.rng.random((2, 36)) < 0.2, scores.BLANK, 0).astype(np.float32)
        self.bias = self.rng.integers(-3, 4, len(self.rows)).astype(np.float32)
        self.errors = np.full(5, NOISE + (2.0**-6 * np.abs(self.scores + self.bias).max() if half else 0.0))
        self.bound = Bound(1.0, 2.0**-20, 4.0)
        norms = np.array([reference.ordered_sum(row * row) for row in self.queries.astype(float)])
        self.features = Features(self.queries, norms)
        self.comparison = PairComparison(euclidean, TOLERANCE)

    def tiles(self, draws: int):
        """Yield the tiles of the units below 20 and of the others, with scores that are a little wrong."""
        for first, last in ((0, 20), (20, 36)):
            images = slice(self.starts[first], self.starts[last])
            block = block_of(self.rows[images], self.starts[first : last + 1] - self.starts[first], first)
            wrong = self.scores[1:, images] + NOISE * self.rng.uniform(-0.9, 0.9, self.scores[1:, images].shape)
            yield tile_of(
                wrong + self.bias[images],
                bias=self.bias[images],
                half=self.half,
                begin=1,
                end=5,
                block=block,
                queries=self.features,
                errors=self.errors,
                bound=self.bound,
                penalties=self.penalties[:draws, first:last],
            )

    def valid(self, query: int, draw: int | None) -> list[int]:
        """Return the units that a query does not ignore, and that are in the draw."""
        return [
            unit
            for unit in range(36)
            if unit not in self.ignored[query] and (draw is None or self.penalties[draw, unit] == 0)
        ]


CASES = pytest.mark.parametrize(
    ("seed", "euclidean", "half"), [(seed, euclidean, seed > 3) for seed in range(6) for euclidean in (False, True)]
)


@CASES
@pytest.mark.parametrize("most", [3, 40])
def test_lists_are_the_nearest_units_and_the_farthest_similarity_of_all(seed, euclidean, half, most):
    problem = Problem(seed, euclidean=euclidean, half=half)
    draws = seed % 3 if most == 3 else 0
    found = Nearest(np.full((5, most), -1), np.full((5, most), np.nan), np.zeros(5, np.int64), np.full(5, math.inf))

    for tile in problem.tiles(draws):
        plain(nearest.list_tile)(
            tile,
            lists(*problem.ignored),
            problem.shifts,
            buffer_of(len(problem.rows)),
            np.empty(32),
            problem.comparison,
            found,
        )

    assert found.numbers[0] == 0
    assert found.farthest[0] == math.inf
    for query in range(1, 5):
        units = problem.valid(query, 0 if draws else None)
        nearest_first = sorted(units, key=lambda unit: (-problem.similar[query, unit], unit))[:most]
        assert found.numbers[query] == len(nearest_first)
        assert found.units[query, : len(nearest_first)].tolist() == nearest_first
        assert (
            found.similarities[query, : len(nearest_first)].tolist() == problem.similar[query, nearest_first].tolist()
        )
        assert found.farthest[query] == problem.similar[query, units].min()


@CASES
def test_counts_are_those_of_every_unit_of_the_draw(seed, euclidean, half):
    problem = Problem(seed, euclidean=euclidean, half=half)
    draws = seed % 3
    positives = [sorted(problem.rng.choice(36, 7, replace=False).tolist()) for _ in range(5)]
    problem.ignored = [sorted(set(row) - set(own)) for row, own in zip(problem.ignored, positives, strict=True)]
    asks = [(query, draw) for query in range(5) for draw in range(max(draws, 1)) if (query + draw) % 4]
    values = [sorted(problem.similar[query, positives[query]].tolist()) for query, _ in asks]
    flat = np.array([value for row in values for value in row])
    shift = np.repeat([problem.shifts[query] for query, _ in asks], 7)
    asked = Asked(
        positives=lists(*positives),
        ignored=lists(*problem.ignored),
        ask_starts=np.searchsorted([query for query, _ in asks], np.arange(6)),
        entry_starts=np.arange(len(asks) + 1) * 7,
        ask_draw=np.array([draw for _, draw in asks]),
        targets=(flat + shift) / 2 if euclidean else flat,
        slacks=np.full(len(flat), 2.0**-30),
        values=flat,
        widths=np.empty(0),
    )
    counts = Counts(np.zeros(len(flat), np.int64), np.zeros(len(flat), np.int64))
    scratch = scratch_of(len(problem.rows), 7)

    work = [
        plain(count.count_tile)(tile, asked, buffer_of(len(problem.rows)), scratch, problem.comparison, counts)
        for tile in problem.tiles(draws)
    ]

    metric = "euclidean" if euclidean else "cosine"
    for number, (query, draw) in enumerate(asks):
        units = [unit for unit in problem.valid(query, draw if draws else None) if unit not in positives[query]]
        for place, value in enumerate(values[number]):
            signs = [reference.comparison(problem.similar[query, unit], value, WIDTH, metric) for unit in units]
            wanted = (signs.count(1), signs.count(0)) if query else (0, 0)  # the tile begins with the second query
            assert (counts.closer[7 * number + place], counts.tied[7 * number + place]) == wanted
    assert all(number > 0 for number in work)
    assert scratch.touched[0] == 0
    assert np.isnan(scratch.guesses).all()
    assert np.isnan(scratch.exacts).all()
