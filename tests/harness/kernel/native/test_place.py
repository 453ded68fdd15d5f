"""Pairs among marks: each place, and whole tiles against a list of all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.kernel.native import place
from harness.kernel.native.place import Marks, Placed, WideTile, Windows
from harness.kernel.native.tuples import Bound, Features, PairComparison
from tests import reference
from tests.harness.kernel.native.plain import block_of, buffer_of, lists, plain, query_of, scratch_of, tile_of
from tests.harness.kernel.native.tiles import Problem, how_of

EITHER = pytest.mark.parametrize("euclidean", [False, True])


def marks_of(values, bins=16) -> Marks:
    low, high = (values[0], values[-1]) if len(values) else (0.0, 0.0)
    inverse = bins / (high - low) if high > low else 0.0
    marks = Marks(np.array(values, dtype=float), np.full(bins + 1, 99), low, inverse)
    plain(place.fill_table)(marks)
    return marks


def nothing(marks, windows=1) -> Placed:
    return Placed(*(np.zeros(size, np.int64) for size in (marks + windows, marks, windows)))


@given(st.sets(st.floats(-4, 4).map(lambda value: round(value, 1)), max_size=12), st.integers(1, 20))
def test_marks_below_a_value_are_counted(values, bins):
    ordered = sorted(values)
    marks = marks_of(ordered, bins)

    assert marks.table[0] == 0
    assert marks.table[-1] == len(ordered)
    for value in [*ordered, *(one + 0.05 for one in ordered), -9.0, 9.0]:
        assert 0 <= plain(place.bin_of)(value, marks) < bins
        assert plain(place.marks_below)(value, marks) == np.searchsorted(ordered, value)


@pytest.mark.parametrize(
    ("value", "places", "tied"),
    [
        (0.1, [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0]),  # below the part: at its first place
        (0.3, [0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0]),
        (0.4, [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0]),
        (0.5, [0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0]),
        (0.7, [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0]),  # a mark, but not of the part
        (0.8, [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0]),
    ],
)
def test_an_exact_pair_is_tied_with_a_mark_of_its_part_or_between_two(value, places, tied):
    """The part has the marks 0.3 and 0.5, and its places begin two behind their number."""
    out = Placed(np.zeros(6, np.int64), np.zeros(5, np.int64), np.zeros(1, np.int64))

    plain(place.place_exactly)(value, 1, 3, 2, marks_of([0.1, 0.3, 0.5, 0.7, 0.9]), out)

    assert (out.places.tolist(), out.tied.tolist()) == (places, tied)


@EITHER
def test_a_pair_is_computed_only_if_a_mark_is_within_its_error(euclidean):
    rows = np.random.default_rng(2).standard_normal((5, 8)).astype(np.float32)
    query, block = query_of(rows[0]), block_of(rows[1:], [0, 1, 4])
    metric = "euclidean" if euclidean else "cosine"
    similar = max(reference.similarity(rows[0].astype(float), row, metric) for row in rows[2:].astype(float))
    comparison = PairComparison(euclidean, 1e-9)

    def placed(near, error, values, part=(0, 3, 0)):
        out = nothing(3, 3)
        marks = marks_of([similar + value for value in values])
        work = plain(place.place_pair)(
            similar + near, error, 1, query, block, marks, part, comparison, np.empty(32), out
        )
        return work, out.places.tolist(), out.tied.tolist()

    wide, near = [-1.0, 0.5, 1.0], [-1.0, 0.0, 1.0]
    assert placed(0.0, 0.25, wide) == (0, [0, 1, 0, 0, 0, 0], [0, 0, 0])
    assert placed(0.25, 0.25, wide) == (3, [0, 1, 0, 0, 0, 0], [0, 0, 0])
    assert placed(0.125, 0.25, near) == (3, [0, 0, 0, 0, 0, 0], [0, 1, 0])
    assert placed(-0.5, 0.625, [-1.0, -0.5, 1.0]) == (3, [0, 0, 1, 0, 0, 0], [0, 0, 0])
    assert placed(0.0, 9.0, near, (2, 3, 1)) == (3, [0, 0, 0, 1, 0, 0], [0, 0, 0])
    assert placed(0.125, 0.25, near, (2, 3, 2)) == (0, [0, 0, 0, 0, 1, 0], [0, 0, 0])
    assert placed(0.0, 9.0, near, (0, 1, 2)) == (3, [0, 0, 0, 1, 0, 0], [0, 0, 0])
    assert placed(5.0, 0.25, near, (0, 2, 1)) == (0, [0, 0, 0, 1, 0, 0], [0, 0, 0])


def negatives_of(problem, positives, queries):
    """Return the similarities of all negative pairs."""
    return [
        problem.similar[query, unit]
        for query in queries
        for unit in problem.valid(query)
        if unit not in positives[query]
    ]


def positives_of(problem):
    """Return positives of each query that it does not ignore."""
    chosen = [sorted(problem.rng.choice(36, 4, replace=False).tolist()) for _ in range(5)]
    problem.ignored = [sorted(set(row) - set(own)) for row, own in zip(problem.ignored, chosen, strict=True)]
    return chosen


@EITHER
@pytest.mark.parametrize("seed", range(6))
def test_products_place_every_negative_of_a_tile(seed, euclidean):
    problem = Problem(seed, euclidean=euclidean)
    positives = positives_of(problem)
    values = sorted({*problem.similar[:, ::5].ravel().tolist(), -1e3, 1e3})
    marks, out = marks_of(values), nothing(len(values))
    rows = [table.astype(float) for table in (problem.queries, problem.rows)]
    error, work = 2.0**-8, 0
    if not euclidean:
        lengths = [np.sqrt((table**2).sum(axis=1)) for table in rows]
        rows = [table / np.maximum(length, 1e-9)[:, None] for table, length in zip(rows, lengths, strict=True)]
    squares = (rows[1] ** 2).sum(axis=1) if euclidean else np.zeros(len(rows[1]))
    # The queries from 1 to 3. A distance holds the product twice.
    spread = 0.5 * (problem.features.norms[1:4, None] + squares) if euclidean else 1.0
    for images, block in problem.blocks():
        signs = problem.rng.choice([-1, 1], (3, images.stop - images.start))
        products = rows[0][1:4] @ rows[1][images].T
        products += 0.99 * error * signs * (spread[:, images] if euclidean else 1.0)
        tile = WideTile(products, squares[images], error, block, problem.features, 1)
        work += plain(place.place_wide)(
            tile, lists(*positives), lists(*problem.ignored), np.empty(99), marks, problem.comparison, np.empty(32), out
        )

    negatives = negatives_of(problem, positives, range(1, 4))
    wanted = [value for value in negatives if value not in values]
    assert out.places.tolist() == np.bincount(np.searchsorted(values, wanted), minlength=len(values) + 1).tolist()
    assert out.tied.tolist() == [negatives.count(value) for value in values]
    assert work >= out.tied.sum()
    nobody = marks_of([]), problem.comparison, np.empty(32), nothing(0)
    assert plain(place.place_wide)(tile, lists(*positives), lists(*problem.ignored), np.empty(99), *nobody) == 0


@EITHER
@pytest.mark.parametrize("seed", range(14))
def test_scores_place_what_is_in_a_window_and_count_what_is_above(seed, euclidean):
    """The last of four windows is above all pairs."""
    problem = Problem(seed, euclidean=euclidean, **how_of(seed))
    if seed > 7:  # scores that are as wrong as the tolerance of float64 allows
        span = 2 * problem.shifts * problem.bound.scale + 2 * (1 + problem.bound.offset) if euclidean else np.ones(5)
        problem.noise = 12 * problem.tolerance * span
    positives = positives_of(problem)
    every = np.unique(problem.similar)
    parts = [every[len(every) * share // 8] for share in (1, 2, 4, 5)]
    edges = [parts[:2], parts[2:], (every[-4], every[-2]), (every[-1] + 99, every[-1] + 100)]
    marks_in = [[one for one in every[::2] if low <= one <= high] for low, high in edges]
    marks_in[-1] = [every[-1] + 99.5]
    values = [one for row in marks_in for one in row]
    windows = Windows(np.array(edges), np.cumsum([0, *map(len, marks_in)]))
    out = nothing(len(values), len(edges))
    work = 0
    for tile in problem.tiles():
        scratch = scratch_of(99, 0)
        work += plain(place.place_scores)(
            tile,
            lists(*positives),
            lists(*problem.ignored),
            problem.shifts,
            marks_of(values),
            windows,
            problem.comparison,
            buffer_of(99),
            scratch,
            out,
        )
        assert not scratch.flags.any()

    negatives = negatives_of(problem, positives, range(1, 5))
    assert out.tied.tolist() == [negatives.count(value) for value in values]
    for number, own in enumerate(marks_in):
        first, last = windows.starts[number : number + 2]
        places, tied = out.places[first + number : last + number + 1], out.tied[first:last]
        for at, value in enumerate(own):
            above = out.over[number] + places[at + 1 :].sum() + tied[at + 1 :].sum()
            assert above == sum(one > value for one in negatives)
    assert out.over[-1] == out.places[-1] == 0
    far = Windows(np.array([[1e9, 1e10]]), np.array([0, 1]))
    unseen = marks_of([2e9]), far, problem.comparison, buffer_of(99), scratch, nothing(1)
    assert plain(place.place_scores)(tile, lists(*positives), lists(*problem.ignored), problem.shifts, *unseen) == 0
    assert work >= out.tied.sum()


@pytest.mark.parametrize("side", [-1, 1])
def test_a_score_that_is_as_wrong_as_it_may_be_decides_nothing(side):
    """Its distance from the truth is proved with the true score's size; the loop knows the wrong one's."""
    rows = np.array([[1, 0], [0.5, 0.875]], np.float32)
    similar = reference.similarity(*rows.astype(float), "cosine")
    error, rounding, offset = 4.0, 2.0**-4, 4.0
    target = 10.0  # for the similarity: the score if nothing were wrong
    wrong = error + rounding * (target + error + offset)
    mark = similar + side * 1e-6
    out = nothing(1)
    query = query_of(rows[0])

    work = plain(place.place_scores)(
        tile_of(
            [[target - 0.9999 * wrong]],
            block=block_of(rows[1:]),
            queries=Features(rows[:1], np.array([query.norm])),
            errors=np.array([error]),
            bound=Bound(1.0, rounding, offset),
        ),
        lists([]),
        lists([]),
        np.array([similar - target]),
        marks_of([mark]),
        Windows(np.array([[mark, mark]]), np.array([0, 1])),
        PairComparison(False, 1e-12),
        buffer_of(1),
        scratch_of(1, 0),
        out,
    )

    assert (out.places.tolist(), out.over.tolist()) == ([1, 0] if side > 0 else [0, 1], [0])
    assert work == 1
