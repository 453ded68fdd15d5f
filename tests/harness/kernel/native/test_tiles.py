"""Whole tiles of scores: what they add to lists and to counts, against a look at every unit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.kernel.native import count, nearest
from harness.kernel.native.scores import HIGHEST, LOWEST
from harness.kernel.native.tuples import Asked, Counts, Nearest
from tests import reference
from tests.harness.kernel.native.plain import buffer_of, lists, plain, scratch_of
from tests.harness.kernel.native.tiles import UNITS, WIDTH, Problem, held_of, how_of, listing_of

WHOLE = [(seed, whole) for whole in ("bytes", "words") for seed in range(4)]
EITHER = pytest.mark.parametrize("euclidean", [False, True])


@EITHER
@pytest.mark.parametrize("most", [3, 40])
@pytest.mark.parametrize(("seed", "whole"), [*((seed, "") for seed in range(14)), *WHOLE])
def test_lists_are_the_nearest_units_and_the_farthest_similarity_of_all(seed, whole, euclidean, most):
    problem = Problem(seed, euclidean=euclidean, whole=whole, **how_of(seed))
    draws = seed % 3 if most == 3 else 0
    found = Nearest(np.full((5, most), -1), np.full((5, most), np.nan), np.zeros(5, np.int64), np.full(5, math.inf))
    rooms = [1 + 7 * (seed % 5), 1 + 3 * (seed % 7)]  # of one unit, of several, and of all
    scratch = scratch_of(len(problem.rows), 0)

    for tile in problem.tiles(draws):
        listing = listing_of(tile, problem.shifts, problem.comparison)
        sides = [held_of(1, 4, room, limit) for room, limit in zip(rooms, (LOWEST, -HIGHEST), strict=True)]
        ends = 1, 5, listing, *sides, np.empty(32), found
        plain(nearest.settle_lists)(*ends)
        plain(nearest.list_tile)(
            tile, listing, lists(*problem.ignored), buffer_of(len(problem.rows)), scratch, *sides, found
        )
        plain(nearest.settle_lists)(*ends)

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
    assert not scratch.flags.any()


@EITHER
@pytest.mark.parametrize(("seed", "whole"), [*((seed, "") for seed in range(8)), *WHOLE])
def test_counts_are_those_of_every_unit_of_the_draw(seed, whole, euclidean):
    problem = Problem(seed, euclidean=euclidean, whole=whole, **how_of(seed))
    draws = seed % 3
    positives = [sorted(problem.rng.choice(UNITS, 7, replace=False).tolist()) for _ in range(5)]
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
        targets=(flat + shift) / 2 if euclidean else flat - shift,
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

    for number, (query, draw) in enumerate(asks):
        units = [unit for unit in problem.valid(query, draw if draws else None) if unit not in positives[query]]
        for place, value in enumerate(values[number]):
            signs = [reference.comparison(problem.similar[query, unit], value, WIDTH, problem.metric) for unit in units]
            wanted = (signs.count(1), signs.count(0)) if query else (0, 0)  # the tile begins with the second query
            assert (counts.closer[7 * number + place], counts.tied[7 * number + place]) == wanted
    assert all(number > 0 for number in work)
    nobody = asked._replace(ask_starts=np.zeros(6, np.int64))
    for tile in problem.tiles(draws):
        args = nobody, buffer_of(len(problem.rows)), scratch, problem.comparison, counts
        assert plain(count.count_tile)(tile, *args) == 0
    assert scratch.touched[0] == 0
    assert np.isnan(scratch.guesses).all()
    assert np.isnan(scratch.exacts).all()
