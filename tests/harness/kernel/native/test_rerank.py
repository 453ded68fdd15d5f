"""The loops of re-ranking, each by its own definition, over sets and dense tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.native import rerank
from harness.kernel.native.rerank_tuples import (
    Answers,
    EncodingScratch,
    EntryList,
    Goals,
    Groups,
    Images,
    Negatives,
    Sharing,
    SharingQuestion,
    SharingRoom,
    SharingScratch,
    Sparse,
    SparseRoom,
)
from harness.kernel.native.tuples import Counts, Features, Limits
from tests import reference
from tests.harness.kernel.native.plain import lists, plain

EVEN = st.integers(-2, 2).map(lambda number: number / 4)


def sparse_of(dense) -> Sparse:
    starts = np.cumsum([0, *np.count_nonzero(dense, axis=1)])
    rows, columns = np.nonzero(dense)
    return Sparse(starts, columns.astype(np.int32), dense[rows, columns])


def inverse_of(dense) -> Sparse:
    return sparse_of(dense.T)


def room_of(rows, most) -> SparseRoom:
    return SparseRoom(np.zeros(rows, np.int64), np.full((rows, most), -7, np.int32), np.full((rows, most), np.nan))


def dense_of(room, first, shape):
    """Return the rows of a room in a dense table, after a look at their order."""
    dense = np.zeros(shape)
    for row, count in enumerate(room.counts):
        columns = room.columns[row, :count]
        assert (np.diff(columns) > 0).all()
        dense[first + row, columns] = room.weights[row, :count]
    return dense


@given(st.lists(st.integers(-9, 9), max_size=60), st.integers(0, 3))
def test_the_first_numbers_of_one_row_are_sorted(numbers, more):
    table = np.full((3, len(numbers) + more), 5)
    table[1, : len(numbers)] = numbers

    plain(rerank.sort)(table, 1, len(numbers))

    assert table[1].tolist() == sorted(numbers) + [5] * more
    assert (table[[0, 2]] == 5).all()


def neighbours_of(seed, count, most):
    """Return made-up lists of the nearest: each begins with the image itself, and has no image twice."""
    rng = np.random.default_rng(seed)
    return np.array([[i, *(other for other in rng.permutation(count) if other != i)][:most] for i in range(count)])


def mutual(neighbours, i, k):
    return [j for j in neighbours[i, : k + 1].tolist() if i in neighbours[j, : k + 1]]


@given(st.integers(0, 99), st.integers(0, 6))
def test_neighbours_are_reciprocal_if_each_is_among_the_others(seed, k):
    neighbours = neighbours_of(seed, 9, 7)
    out = np.full(9, -1)
    for i in range(9):
        number = plain(rerank.reciprocal)(neighbours, k, i, out)

        assert out[:number].tolist() == mutual(neighbours, i, k)


def wide_set(neighbours, i, k1, half):
    own = mutual(neighbours, i, k1)
    wide = set(own)
    for j in own:
        theirs = mutual(neighbours, j, half)
        if 3 * len(set(theirs) & set(own)) > 2 * len(theirs):
            wide |= set(theirs)
    return wide


@settings(max_examples=40)
@given(
    seed=st.integers(0, 999),
    euclidean=st.booleans(),
    k1=st.integers(2, 7),
    scale=st.sampled_from([0.1, 1, 5]),
    middle=st.integers(0, 12),
)
def test_an_encoding_weighs_the_expanded_reciprocal_set(seed, euclidean, k1, scale, middle):
    rng = np.random.default_rng(seed)
    rows = (scale * (rng.integers(-1, 2, (12, 3)) + 0.4 * rng.standard_normal((12, 3)))).astype(np.float32)
    norms = (rows.astype(np.float64) ** 2).sum(axis=1)
    metric = "euclidean" if euclidean else "cosine"
    similar = np.array([[reference.similarity(a, b, metric) for b in rows.astype(float)] for a in rows.astype(float)])
    squares = -similar if euclidean else 2 - 2 * similar
    half = round(k1 / 2)
    nearness = similar + np.diag(np.full(12, 1e9))  # an image is the nearest to itself
    neighbours = np.argsort(-nearness, axis=1, kind="stable")[:, :8]
    farthest = squares.max(axis=1)
    images = Images(rows, norms, farthest, neighbours, euclidean)
    scratch = EncodingScratch(np.empty(k1 + 1, np.int64), np.empty(half + 1, np.int64), np.full(12, -1), np.empty(32))

    found = np.zeros((12, 12))
    for first, last in ((0, middle), (middle, 12)):
        room = room_of(last - first, 12)
        plain(rerank.encode)(first, last, images, k1, half, room, scratch)
        found += dense_of(room, first, (12, 12))

    for i in range(12):
        weights = {j: math.exp(-squares[i, j] / farthest[i]) for j in wide_set(neighbours, i, k1, half)}
        wanted = np.zeros(12)
        wanted[list(weights)] = np.array(list(weights.values())) / (sum(weights.values()) or 1)
        assert found[i] == pytest.approx(wanted, rel=1e-9)


def test_images_that_are_all_alike_weigh_the_same():
    rows = np.ones((3, 2), np.float32)
    neighbours = np.array([[0, 1, 2], [1, 0, 2], [2, 0, 1]])
    images = Images(rows, np.full(3, 2.0), np.zeros(3), neighbours, True)
    room = room_of(3, 6)
    scratch = EncodingScratch(np.empty(3, np.int64), np.empty(2, np.int64), np.full(3, -1), np.empty(32))

    plain(rerank.encode)(0, 3, images, 2, 1, room, scratch)

    assert dense_of(room, 0, (3, 3)) == pytest.approx(np.full((3, 3), 1 / 3))


@given(st.integers(0, 999), st.integers(1, 4), st.integers(0, 7))
def test_an_expanded_encoding_is_the_mean_of_those_of_the_nearest(seed, k2, middle):
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 9, (7, 7)) / 8 * (rng.random((7, 7)) < 0.5)
    neighbours, sums = neighbours_of(seed, 7, 5), np.zeros(7)

    found = np.zeros((7, 7))
    for first, last in ((0, middle), (middle, 7)):
        room = room_of(last - first, 7)
        plain(rerank.expand)(first, last, neighbours, k2, sparse_of(dense), room, sums)
        found += dense_of(room, first, (7, 7))

    assert found == pytest.approx(np.array([dense[neighbours[i, :k2]].mean(axis=0) for i in range(7)]))
    assert not sums.any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_a_unit_is_as_far_as_the_nearest_of_its_images_after_re_ranking(seed, euclidean, share):
    """Five queries and ten images: of four units, and two of none."""
    rng = np.random.default_rng(seed)
    own, theirs = (rng.integers(1, 9, (rows, 6)) / 16 * (rng.random((rows, 6)) < 0.3) for rows in (5, 10))
    queries, gallery = (rng.standard_normal((rows, 3)).astype(np.float32) for rows in (5, 10))
    norms = [(rows.astype(np.float64) ** 2).sum(axis=1) for rows in (queries, gallery)]
    unit_of = np.array([2, 0, -1, 1, 0, 2, 3, -1, 2, 1])
    order = np.argsort(unit_of, kind="stable")
    farthest = np.array([3.0, 0.5, 0.0, 8.0, 2.0])
    positives = [[0, 2], [], [1], [3, 1], [2]]
    question = SharingQuestion(
        queries=Features(queries, norms[0]),
        gallery=Features(gallery, norms[1]),
        farthest=farthest,
        euclidean=euclidean,
        share=share,
        groups=Groups(np.searchsorted(unit_of[order], np.arange(5)), order, unit_of),
        positives=lists(*positives),
        encoding=sparse_of(own),
        inverse=inverse_of(theirs),
    )
    scratch = SharingScratch(np.zeros(10), np.empty(10, np.int64), np.full(4, -1), np.empty(32), np.empty(2))
    answers = Answers(np.full(6, np.nan), np.full(6, np.nan), np.zeros(6, np.bool_))
    rooms = []
    for first, last in ((0, 2), (2, 5)):
        room = SharingRoom(np.zeros(3, np.int64), np.full((3, 4), -1), np.full((3, 4, 2), np.nan))
        plain(rerank.weigh)(first, last, question, scratch, answers, room)
        rooms += [(room.units[row, :count], room.values[row, :count]) for row, count in enumerate(room.counts)]
        rooms = rooms[:last]

    metric = "euclidean" if euclidean else "cosine"
    place = 0
    for query, (units, values) in enumerate(rooms):
        smaller = np.minimum(own[query], theirs).sum(axis=1)
        similar = np.array(
            [reference.similarity(queries[query].astype(float), row, metric) for row in gallery.astype(float)]
        )
        squares = (-similar if euclidean else 2 - 2 * similar) / (farthest[query] or np.inf)
        finals = (1 - share) * (1 - smaller / (2 - smaller)) + share * squares
        sharing = {unit for unit in range(4) if smaller[unit_of == unit].any()}
        assert set(units.tolist()) == sharing
        assert len(units) == len(sharing)
        for unit, value in zip(units, values, strict=True):
            assert value == pytest.approx([finals[unit_of == unit].min(), similar[unit_of == unit].max()])
        for unit in positives[query]:
            assert answers.finals[place] == pytest.approx(finals[unit_of == unit].min())
            assert answers.similarities[place] == pytest.approx(similar[unit_of == unit].max())
            assert answers.shares[place] == (unit in sharing)
            place += 1
    assert not scratch.sums.any()


@settings(max_examples=100)
@given(st.data())
def test_units_that_share_are_counted_by_their_distance_in_place_of_their_similarity(data):
    """Two queries and six units; similarities, distances and the width of ties are quarters, so that many tie."""
    roles = [data.draw(st.lists(st.sampled_from("pin"), min_size=6, max_size=6)) for _ in range(2)]
    positives, ignored = ([[u for u, role in enumerate(row) if role == word] for row in roles] for word in "pi")
    sharing = [data.draw(st.lists(st.integers(0, 5), unique=True)) for _ in range(2)]
    values = [[(data.draw(EVEN), data.draw(EVEN)) for _ in row] for row in sharing]
    pairs = sum(map(len, positives))
    finals, similarities = (np.array([data.draw(EVEN) for _ in range(pairs)]) for _ in range(2))
    level = np.array([data.draw(st.booleans()) for _ in range(pairs)], dtype=np.bool_)
    queries = [(0, 0), (1, len(positives[0]))][data.draw(st.integers(0, 1)) :]
    asked = [
        (query, pair)
        for query, first in queries
        for pair in range(first, first + len(positives[query]))
        if data.draw(st.booleans())
    ]
    closer, tied = np.full(len(asked), 100), np.full(len(asked), 50)
    entries = EntryList(*(np.array([one[place] for one in asked], np.int64) for place in range(2)))
    flat = np.array([value for row in values for value in row]).reshape(-1, 2)
    negatives = np.array([6 - len(row) - len(out) for row, out in zip(positives, ignored, strict=True)])

    plain(rerank.correct)(
        entries,
        Goals(finals, Limits(similarities, np.full(pairs, 0.25)), level),
        Sharing(np.cumsum([0, *map(len, sharing)]), np.array([u for row in sharing for u in row], np.int64), flat),
        Negatives(lists(*positives), lists(*ignored), negatives),
        np.full(6, -1),
        0.25,
        Counts(closer, tied),
    )

    for entry, (query, pair) in enumerate(asked):
        met = [value for unit, value in zip(sharing[query], values[query], strict=True) if roles[query][unit] == "n"]
        before, after = ([0, 0], [0, 0])
        for far, similar in met:
            if abs(similar - similarities[pair]) <= 0.25:
                before[1] += 1
            elif similar > similarities[pair]:
                before[0] += 1
            if abs(far - finals[pair]) <= 0.25:
                after[1] += 1
            elif far < finals[pair]:
                after[0] += 1
        others = negatives[query] - len(met) if level[pair] else 0
        assert (closer[entry], tied[entry]) == (100 - before[0] + after[0], 50 - before[1] + after[1] + others)


@pytest.mark.parametrize(("similar", "before"), [(-0.5, (0, 0)), (-0.25, (0, 1)), (0.25, (0, 1)), (0.5, (1, 0))])
@pytest.mark.parametrize(("far", "after"), [(-0.5, (1, 0)), (-0.25, (0, 1)), (0.25, (0, 1)), (0.5, (0, 0))])
def test_a_unit_on_the_border_of_a_tie_is_tied(similar, before, far, after):
    """The positive, unit 0, has a similarity and a distance of 0, and ties up to a quarter."""
    counts = Counts(np.array([10]), np.array([10]))

    plain(rerank.correct)(
        EntryList(np.array([0]), np.array([0])),
        Goals(np.zeros(1), Limits(np.zeros(1), np.array([0.25])), np.zeros(1, np.bool_)),
        Sharing(np.array([0, 1]), np.array([1]), np.array([[far, similar]])),
        Negatives(lists([0]), lists([]), np.array([1])),
        np.full(2, -1),
        0.25,
        counts,
    )

    assert counts.closer.tolist() == [10 - before[0] + after[0]]
    assert counts.tied.tolist() == [10 - before[1] + after[1]]
