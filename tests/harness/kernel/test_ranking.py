"""The kernel against the literal reference, on every path and at every edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.errors import FeatureError
from harness.kernel.ranking import rank
from harness.kernel.settings import Tuning
from harness.tasks.relevance import Draw, Relevance
from tests import reference
from tests.harness.kernel.problems import as_lists
from tests.strategies import Problem, problems, row_lists

METRICS = ["cosine", "euclidean"]
PRECISIONS = ["float32", "bfloat16"]


def one_query(units, *, positives, ignored=(), **more):
    return Relevance(queries=1, units=units, positives=row_lists([positives]), ignored=row_lists([ignored]), **more)


def rows(*values):
    return np.array(values, dtype=np.float32)


@settings(max_examples=300, deadline=None)
@given(
    problem=problems(), metric=st.sampled_from(METRICS), precision=st.sampled_from(PRECISIONS), block=st.integers(1, 9)
)
def test_ranks_are_those_of_the_literal_reference(problem: Problem, metric, precision, block):
    answers = rank(
        problem.queries, problem.gallery, problem.relevance, metric=metric, tuning=Tuning(precision, block, threads=1)
    )

    assert as_lists(answers) == reference.rank(problem.queries, problem.gallery, problem.relevance, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_features_put_every_positive_behind_all_negatives(metric):
    features = np.full((9, 5), 0.3, dtype=np.float32)

    (answer,) = rank(features[:1], features, one_query(9, positives=[2, 4], ignored=[0]), metric=metric)

    assert answer.tied.tolist() == [6, 6]
    assert answer.ranks.tolist() == [7, 8]


def test_scaled_copies_of_one_row_tie_under_cosine():
    row = np.random.default_rng(1).standard_normal(700)
    gallery = np.stack([row * scale for scale in (1, 2, 0.5, 4096, 2.0**-40)]).astype(np.float32)
    query = np.random.default_rng(2).standard_normal((1, 700)).astype(np.float32)

    (answer,) = rank(query, gallery, one_query(5, positives=[3]))

    assert answer.tied.tolist() == [4]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("gap", [1e-7, 1e-12])
def test_a_gap_far_below_the_first_pass_is_still_seen(precision, gap):
    query = rows([1, 0])
    near, far = (np.sqrt(2 * gap), np.sqrt(8 * gap))

    (answer,) = rank(query, rows([1, far], [1, near]), one_query(2, positives=[0]), tuning=Tuning(precision))

    assert (answer.closer.tolist(), answer.tied.tolist()) == ([1], [0])


@pytest.mark.parametrize("metric", METRICS)
def test_a_zero_row_is_no_nearer_than_arithmetic_says(metric):
    (answer,) = rank(rows([0, 0]), rows([0, 0], [1, 0], [0, 3]), one_query(3, positives=[1]), metric=metric)

    assert (answer.closer.tolist(), answer.tied.tolist()) == (([0], [2]) if metric == "cosine" else ([1], [0]))


def test_one_image_that_is_the_positive_has_rank_one():
    (answer,) = rank(rows([1, 2]), rows([5, -1]), one_query(1, positives=[0]))

    assert answer.ranks.tolist() == [1]


def test_nothing_at_all_is_ranked_as_nothing():
    nobody = Relevance(queries=0, units=0, positives=row_lists([]), ignored=row_lists([]))

    (answer,) = rank(np.empty((0, 3), np.float32), np.empty((0, 3), np.float32), nobody)

    assert (len(answer.asked), answer.starts.tolist(), len(answer.ranks)) == (0, [0], 0)


def test_a_query_without_a_positive_stays_among_the_asked():
    relevance = Relevance(queries=2, units=2, positives=row_lists([[], [1]]), ignored=row_lists([[], []]))

    (answer,) = rank(rows([1, 0], [0, 1]), rows([1, 0], [1, 1]), relevance)

    assert answer.asked.tolist() == [0, 1]
    assert answer.counts.tolist() == [0, 1]
    assert int((answer.counts == 0).sum()) == 1


def test_ranks_do_not_depend_on_blocks_threads_or_precision():
    rng = np.random.default_rng(5)
    queries = rng.standard_normal((700, 40)).astype(np.float32)
    gallery = np.concatenate([queries[:400], np.round(rng.standard_normal((1500, 40)))]).astype(np.float32)
    relevance = Relevance(
        queries=700,
        units=1900,
        positives=row_lists([rng.choice(1900, 6, replace=False).tolist() for _ in range(700)]),
        ignored=row_lists([[] for _ in range(700)]),
    )
    for metric in METRICS:
        (first,) = rank(queries, gallery, relevance, metric=metric, tuning=Tuning("float32", threads=1))
        for precision in PRECISIONS:
            for block, threads in ((1900, 1), (613, 2), (100, 3)):
                tuning = Tuning(precision, block, threads)
                (other,) = rank(queries, gallery, relevance, metric=metric, tuning=tuning)
                for name in ("asked", "starts", "units", "closer", "tied"):
                    assert np.array_equal(getattr(first, name), getattr(other, name)), (metric, precision, block, name)


def test_a_table_that_only_gives_slices_is_enough():
    class Slices:
        """A table like that of an open HDF5 file."""

        def __init__(self, table):
            self.table, self.shape, self.dtype = table, table.shape, table.dtype

        def __getitem__(self, rows):
            assert isinstance(rows, slice)
            return self.table[rows]

    rng = np.random.default_rng(6)
    queries, gallery = (rng.standard_normal((count, 8)).astype(np.float16) for count in (4, 30))
    relevance = Relevance(
        queries=4,
        units=12,
        positives=row_lists([[1, 3], [2], [0], [11]]),
        ignored=row_lists([[0], [], [5], []]),
        unit_of=np.concatenate([np.arange(12), rng.integers(0, 12, 18)]),
        draws=(Draw(np.array([0, 2]), np.arange(9)), Draw(np.array([1, 3]), np.arange(2, 12))),
    )

    assert as_lists(rank(Slices(queries), Slices(gallery), relevance, tuning=Tuning(block=7))) == reference.rank(
        queries, gallery, relevance, "cosine"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["query", "gallery"])
def test_features_that_are_not_finite_are_counted_and_named(bad, side):
    queries, gallery = np.ones((3, 4), np.float32), np.ones((5, 4), np.float32)
    (queries if side == "query" else gallery)[[1, 2], [0, 3]] = bad
    relevance = Relevance(queries=3, units=5, positives=row_lists([[0], [1], [2]]), ignored=row_lists([[], [], []]))

    with pytest.raises(FeatureError) as problem:
        rank(queries, gallery, relevance)

    assert problem.value.where == f"{side} row 1"
    assert str(problem.value.found).startswith("2 of ")


def test_tables_that_do_not_fit_the_lists_are_refused():
    relevance = one_query(3, positives=[0])
    right = np.ones((3, 2), np.float32)

    with pytest.raises(FeatureError, match="gallery features do not fit"):
        rank(right[:1], right[:2], relevance)
    with pytest.raises(FeatureError, match="query features do not fit"):
        rank(right, right, relevance)
    with pytest.raises(FeatureError, match=r"(?s)differ in width.*found: 4 and 2 numbers"):
        rank(np.ones((1, 4), np.float32), right, relevance)
    with pytest.raises(FeatureError, match="query features are int64"):
        rank(np.ones((1, 2), np.int64), right, relevance)
    with pytest.raises(FeatureError, match="query features do not fit"):
        rank(right[:1, :0], right[:, :0], relevance)


def test_progress_ends_at_the_number_of_images():
    calls = []

    rank(
        rows([1, 0]),
        np.eye(7, 2, dtype=np.float32),
        one_query(7, positives=[0]),
        tuning=Tuning(block=3),
        progress=lambda done, total: calls.append((done, total)),
    )

    assert calls == [(3, 7), (6, 7), (7, 7)]
