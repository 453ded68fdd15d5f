"""What re-ranking makes ready: encodings, the units that share anything, and the limits to count the others against."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from harness.compute.machine import Machine
from harness.kernel import memory
from harness.kernel.native.rerank_tuples import Answers, Sparse
from harness.kernel.rerank import TIE, _Again, rerank
from harness.kernel.settings import Settings
from harness.kernel.walk import open_walk
from harness.tasks.relevance import Relevance
from harness.tasks.reranking import Reranking
from tests import reference
from tests.harness.kernel.problems import as_lists
from tests.strategies import Problem, row_lists

EITHER = pytest.mark.parametrize("metric", ["cosine", "euclidean"])


def problem_of(seed=0, *, grouped=True):
    """Four queries and twelve images, of eight units or of twelve, in three clusters."""
    rng = np.random.default_rng(seed)
    rows = (rng.standard_normal((3, 4))[rng.integers(0, 3, 16)] + 0.3 * rng.standard_normal((16, 4))).astype(np.float32)
    units = 8 if grouped else 12
    unit_of = np.array([3, 0, 7, 1, 2, 4, 0, 5, 6, 3, 3, 1]) if grouped else None
    positives = row_lists([[0, 3], [], [1, 5, 7], [2]])
    relevance = Relevance(4, units, positives, row_lists([[4], [5], [], [0, 1]]), unit_of)
    return Problem(rows[:4], rows[4:], relevance)


@contextmanager
def opened(problem, metric, reranking):
    own = Settings(metric, Machine())
    with open_walk(problem.queries, problem.gallery, problem.relevance, own) as walk:
        yield _Again(
            problem.queries, problem.gallery, problem.relevance, reranking=reranking, settings=own, workers=walk.workers
        )


def again_of(problem, metric, reranking):
    with opened(problem, metric, reranking) as again:
        return again


def dense(sparse, rows, columns):
    table = np.zeros((rows, columns))
    for row in range(rows):
        own = slice(sparse.starts[row], sparse.starts[row + 1])
        assert (np.diff(sparse.columns[own]) > 0).all()
        table[row, sparse.columns[own]] = sparse.weights[own]
    return table


@EITHER
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (4, 2), (7, 6), (20, 3), (40, 60)])
@pytest.mark.parametrize("seed", range(4))
def test_encodings_are_those_of_the_dense_definition(metric, k1, k2, seed):
    problem = problem_of(seed)
    again = again_of(problem, metric, Reranking(k1, k2))
    distance, farthest, order = reference.scaled_distances(np.concatenate([problem.queries, problem.gallery]), metric)

    wanted = reference.encodings(distance, order, k1=k1, k2=min(k2, 16))
    assert again.farthest == pytest.approx(farthest, rel=1e-12)
    assert dense(again.encoding, 16, 16) == pytest.approx(wanted, rel=1e-9)
    assert dense(again._inverse(), 16, 12) == pytest.approx(wanted[4:].T, rel=1e-9)


@EITHER
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("share", [0.0, 2.0**-61, 2.0**-60, 0.3, 1.0])
def test_the_others_are_counted_where_their_distance_is_that_of_the_positive(metric, grouped, share):
    problem = problem_of(1, grouped=grouped)
    again = again_of(problem, metric, Reranking(2, 2, share))
    distance, farthest, order = reference.scaled_distances(np.concatenate([problem.queries, problem.gallery]), metric)
    smaller = reference.overlaps(reference.encodings(distance, order, k1=2, k2=2), 4)
    finals = (1 - share) * (1 - smaller / (2 - smaller)) + share * distance[:4, 4:]
    squares = distance[:4, 4:] * farthest[:4, None]
    similar = -squares if metric == "euclidean" else 1 - squares / 2
    of = problem.relevance.unit_of if grouped else np.arange(12)
    pair = 0
    for query in range(4):
        own = slice(again.sharing.starts[query], again.sharing.starts[query + 1])
        sharing = {unit for unit in range(problem.relevance.units) if smaller[query, of == unit].any()}
        assert set(again.sharing.units[own].tolist()) == sharing
        assert own.stop - own.start == len(sharing)
        for unit, (final, nearness) in zip(again.sharing.units[own], again.sharing.values[own], strict=True):
            assert final == pytest.approx(finals[query, of == unit].min())
            assert nearness == pytest.approx(similar[query, of == unit].max())
        for unit in problem.relevance.positives.of(query).tolist():
            final, far = finals[query, of == unit].min(), farthest[query]
            limit, width = again.goals.limits.similarities[pair], again.goals.limits.widths[pair]
            assert again.goals.finals[pair] == pytest.approx(final)
            assert again.goals.level[pair] == (share < 2.0**-60 and final >= 1 - share - TIE)
            if share < 2.0**-60:
                assert (limit, width) == ((max(far, 1) if metric == "euclidean" else 4), 0)
            elif unit not in sharing:
                assert limit == pytest.approx(similar[query, of == unit].max())
            else:  # (1 - share) + share * the distance of that similarity is the positive's distance
                square = -limit if metric == "euclidean" else 2 - 2 * limit
                assert 1 - share + share * square / far == pytest.approx(final)
                assert width * (1 if metric == "euclidean" else 2) * share / far == pytest.approx(2.0**-40)
            pair += 1
    assert pair == 6


@EITHER
@pytest.mark.parametrize("k1", [1, 3])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_images_that_are_all_alike_tie_unless_they_are_neighbours(metric, k1, share):
    """There is no greatest distance to divide by."""
    rows = np.tile(np.array([[3, 4]], np.float32), (12, 1))
    relevance = Relevance(3, 9, row_lists([[0, 8], [4], [1]]), row_lists([[1], [], []]))

    answers = rerank(rows[:3], rows[3:], relevance, Reranking(k1, 1, share), metric=metric)

    distances = reference.reranked(rows[:3], rows[3:], metric, k1=k1, k2=1, share=share)
    assert as_lists(answers) == reference.rank_distances(distances, relevance, 2.0**-40)


@EITHER
def test_of_more_neighbours_than_there_are_images_each_image_is_one(metric):
    problem = problem_of(2)
    answers = rerank(problem.queries, problem.gallery, problem.relevance, Reranking(99, 99), metric=metric)

    distances = reference.reranked(problem.queries, problem.gallery, metric, k1=99, k2=16, share=0.3)
    assert as_lists(answers) == reference.rank_distances(distances, problem.relevance, 2.0**-40)


@pytest.mark.parametrize("seed", range(4, 8))
def test_parts_of_the_queries_are_corrected_like_all_of_them(monkeypatch, seed):
    monkeypatch.setattr(memory, "SMALLEST", 2)
    problem = problem_of(seed)
    relevance = replace(problem.relevance, positives=row_lists([[0, 3], [2, 6], [1, 5, 7], [2, 3, 6, 7]]))

    answers = rerank(problem.queries, problem.gallery, relevance, Reranking(5, 3), machine=Machine(memory=1))

    distances = reference.reranked(problem.queries, problem.gallery, "cosine", k1=5, k2=3, share=0.3)
    assert as_lists(answers) == reference.rank_distances(distances, relevance, 2.0**-40)


@EITHER
@pytest.mark.parametrize("seed", range(4))
def test_without_a_share_of_the_distance_all_that_share_nothing_tie(metric, seed):
    """Those that a query ignores are not among them."""
    problem = problem_of(seed, grouped=False)

    answers = rerank(*vars(problem).values(), Reranking(1, 1, share=0), metric=metric)

    distances = reference.reranked(problem.queries, problem.gallery, metric, k1=1, k2=1, share=0)
    assert as_lists(answers) == reference.rank_distances(distances, problem.relevance, 2.0**-40)


def test_euclidean_limits_have_the_unit_of_the_features():
    problem = problem_of(1)
    small = Problem(problem.queries / 64, problem.gallery / 64, problem.relevance)

    goals, others = (again_of(one, "euclidean", Reranking(2, 2)).goals for one in (problem, small))

    assert others.finals.tolist() == goals.finals.tolist()
    assert (others.limits.similarities * 64**2).tolist() == goals.limits.similarities.tolist()
    assert (others.limits.widths * 64**2).tolist() == goals.limits.widths.tolist()


def test_a_query_that_is_like_every_image_still_tells_those_that_share_something():
    """Its cosine with either side rounds to 1, that of the two sides does not; the first image is on one side."""
    one, other = (1, 1e-8), (1, -1e-8)
    table = np.array([one, one, (1, 0), *[one, other] * 4], dtype=np.float32)
    relevance = Relevance(3, 8, row_lists([[], [], [0, 3]]), row_lists([[], [], []]))

    answers = rerank(table[:3], table[3:], relevance, Reranking(1, 1))

    assert as_lists(answers)[0][2] == (2, [(0, 0, 3), (3, 3, 3)])
    distances = reference.reranked(table[:3], table[3:], "cosine", k1=1, k2=1, share=0.3)
    assert as_lists(answers) == reference.rank_distances(distances, relevance, 2.0**-40)


def test_a_distance_on_the_edge_of_a_tie_with_all_others_ties():
    with opened(problem_of(), "cosine", Reranking(share=0)) as again:
        levels = [
            again._goals(Answers(np.full(6, 1 - away * 2.0**-40), np.zeros(6), np.zeros(6, np.bool_))).level.tolist()
            for away in (1.0, 1.5)
        ]

    assert levels == [[True] * 6, [False] * 6]


def test_there_is_room_for_every_unit_that_shares_anything():
    """Five images have one thing in common with the first query, and with no other."""
    problem = problem_of(3, grouped=False)
    rows = np.arange(16)
    rows[[0, 5, 7, 8, 11, 12]] = 15

    with opened(problem, "cosine", Reranking(1, 1)) as again:
        again.encoding = Sparse(np.arange(17), rows.astype(np.int32), np.ones(16))
        again._weigh()

    assert again.sharing.starts.tolist() == [0, 6, 6, 6, 6]
    assert again.sharing.units.tolist() == [1, 3, 4, 7, 8, 11]
