"""Re-ranking against the dense definition, on problems small enough for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from harness.compute.machine import Machine
from harness.errors import FeatureError, UsageError
from harness.kernel import rerank as module
from harness.kernel.ranking import rank
from harness.kernel.rerank import rerank
from harness.tasks.relevance import Draw, Relevance
from harness.tasks.reranking import Reranking
from tests import reference
from tests.harness.kernel.problems import as_lists
from tests.strategies import Problem, relevances, row_lists

METRICS = ["cosine", "euclidean"]


@st.composite
def clustered(draw) -> Problem:
    """Features in clusters, as re-ranking needs them, plain or with ties or near ties."""
    relevance = draw(relevances(drawn=False))
    if relevance.reduce == "mean feature":
        relevance = Relevance(
            relevance.queries, relevance.units, relevance.positives, relevance.ignored, relevance.unit_of
        )
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centres = rng.standard_normal((draw(st.integers(1, 4)), 5))
    count = relevance.queries + images
    noise = draw(st.sampled_from([0.1, 0.5, 2.0]))
    table = centres[rng.integers(0, len(centres), count)] + noise * rng.standard_normal((count, 5))
    kind = draw(st.sampled_from(["plain", "copies", "near copies", "scaled copies", "zero rows", "integers"]))
    if kind.endswith("copies") and count:
        table = table[rng.integers(0, max(count // 2, 1), count)]
    if kind == "near copies":
        table *= 1 + draw(st.sampled_from([1e-7, 1e-5, 1e-3])) * rng.integers(-2, 3, table.shape)
    elif kind == "scaled copies":
        table *= rng.choice([0.125, 0.3, 1, 2, 3, 1e6], (count, 1))
    elif kind == "zero rows":
        table[rng.random(count) < 0.4] = 0
    elif kind == "integers":
        table = np.round(table)
    table = table.astype(np.float32)
    return Problem(table[: relevance.queries], table[relevance.queries :], relevance)


@settings(max_examples=150, deadline=None)
@given(
    problem=clustered(),
    metric=st.sampled_from(METRICS),
    k1=st.sampled_from([1, 2, 3, 5, 8, 20]),
    k2=st.sampled_from([1, 2, 4, 6]),
    share=st.sampled_from([0.0, 1e-20, 1e-9, 0.1, 0.3, 0.7, 1.0]),
    piece=st.sampled_from([1, 3, 512]),
)
def test_ranks_are_those_of_the_dense_definition(problem: Problem, metric, k1, k2, share, piece):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "PIECE", piece)  # encodings are written in several pieces
        answers = rerank(problem.queries, problem.gallery, problem.relevance, Reranking(k1, k2, share), metric=metric)

    count = len(problem.queries) + len(problem.gallery)
    if count:
        distances = reference.reranked(problem.queries, problem.gallery, metric, k1=k1, k2=min(k2, count), share=share)
    else:
        distances = np.empty((0, 0))
    # On the edge of a tie both sums may round to either side.
    gaps = np.abs(distances[:, :, None] - distances[:, None, :])
    assume(not (np.abs(gaps - 2.0**-40) < 2.0**-48).any())
    assert as_lists(answers) == reference.rank_distances(distances, problem.relevance, 2.0**-40)


def a_problem(seed=0, vehicles=30, images=12, noise=0.35):
    rng = np.random.default_rng(seed)
    vehicle = np.repeat(np.arange(vehicles), images)
    table = rng.standard_normal((vehicles, 16))[vehicle] + noise * 4 * rng.standard_normal((len(vehicle), 16))
    query = np.arange(0, len(vehicle), images)
    relevance = Relevance(
        queries=len(query),
        units=len(vehicle),
        positives=row_lists(
            [[row for row in np.flatnonzero(vehicle == vehicle[q]).tolist() if row != q] for q in query]
        ),
        ignored=row_lists([[int(q)] for q in query]),
    )
    return Problem(table[query].astype(np.float32), table.astype(np.float32), relevance)


def test_re_ranking_moves_true_matches_forward():
    problem = a_problem()

    (plain,) = rank(problem.queries, problem.gallery, problem.relevance)
    (again,) = rerank(problem.queries, problem.gallery, problem.relevance, Reranking())

    assert again.ranks.sum() < plain.ranks.sum()


def test_memory_does_not_move_a_rank():
    problem = a_problem(seed=1, vehicles=600, images=3)  # more queries than the little memory holds at once

    (one,), (other,) = (
        rerank(problem.queries, problem.gallery, problem.relevance, Reranking(), machine=Machine(memory=memory))
        for memory in (None, 10_000)
    )

    assert np.array_equal(one.units, other.units)
    assert np.array_equal(one.closer, other.closer)
    assert np.array_equal(one.tied, other.tied)


def test_equal_features_put_every_positive_last():
    features = np.ones((6, 4), np.float32)
    relevance = Relevance(queries=1, units=6, positives=row_lists([[1]]), ignored=row_lists([[0]]))

    (answer,) = rerank(features[:1], features, relevance, Reranking(k1=9, k2=9))

    assert answer.ranks.tolist() == [5]


@pytest.mark.parametrize("wrong", [{"k1": 0}, {"k2": 0}, {"share": -0.1}, {"share": 1.1}])
def test_numbers_out_of_range_are_refused(wrong):
    problem = a_problem(vehicles=2)

    with pytest.raises(UsageError, match="cannot work with these numbers"):
        rerank(problem.queries, problem.gallery, problem.relevance, Reranking(**wrong))


def test_draws_are_refused():
    relevance = Relevance(
        queries=1,
        units=2,
        positives=row_lists([[1]]),
        ignored=row_lists([[]]),
        draws=(Draw(np.array([0]), np.array([1])),),
    )

    with pytest.raises(UsageError, match="not defined for draws"):
        rerank(np.ones((1, 2), np.float32), np.ones((2, 2), np.float32), relevance, Reranking())


@pytest.mark.parametrize("side", ["query", "gallery"])
def test_features_that_are_not_finite_are_refused_by_the_table_that_has_them(side):
    problem = a_problem(vehicles=5)
    (problem.queries if side == "query" else problem.gallery)[3, 2] = np.nan

    with pytest.raises(FeatureError, match="not finite") as refused:
        rerank(problem.queries, problem.gallery, problem.relevance, Reranking())

    assert refused.value.where == f"{side} row 3"
    assert refused.value.found == f"1 of {5 if side == 'query' else 60} {side} rows hold NaN or infinity"
