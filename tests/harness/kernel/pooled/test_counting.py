"""The counts of all pairs against a list of all pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.compute.machine import Machine
from harness.errors import FeatureError
from harness.kernel.pooled.best import best_answers
from harness.kernel.pooled.counting import count_pairs
from harness.kernel.settings import Settings, Tuning
from harness.pairs.verification import equal_undecided, f1_undecided, far_undecided, ranges
from harness.tasks.relevance import Draw
from tests.harness.kernel.pooled.pools import pool, pooled
from tests.harness.kernel.problems import random_problem
from tests.harness.kernel.teams import in_threads
from tests.strategies import Problem, problems

METRICS = ["cosine", "euclidean"]


def counted(problem, metric="cosine", **more):
    own = Settings(metric, tuning=Tuning(block=more.pop("block", None), threads=more.pop("threads", 1)))
    return count_pairs(problem.queries, problem.gallery, problem.relevance, settings=own, **more)


def first_draw(problem):
    return Problem(problem.queries, problem.gallery, replace(problem.relevance, draws=problem.relevance.draws[:1]))


def undecided(counts):
    masks = [far_undecided(counts, word) for word in ("0.2", "0.1", "0.01", "0.001")]
    return ranges([*masks, equal_undecided(counts), f1_undecided(counts)], counts)


@settings(max_examples=80, deadline=None)
@given(problem=problems(), metric=st.sampled_from(METRICS), block=st.integers(1, 9))
def test_counts_are_those_of_a_list_of_all_pairs(problem: Problem, metric, block):
    problem = first_draw(problem)
    thresholds = [-0.25, 0.5]
    positives, negatives = pool(problem, metric)

    counts = counted(problem, metric, block=block, thresholds=thresholds)

    assert counts.marks.tolist() == sorted({*positives, *thresholds})
    assert counts.exact
    assert counts.negatives == len(negatives)
    assert counts.matches == len(positives)
    for place, mark in enumerate(counts.marks.tolist()):
        assert counts.positives[place] == positives.count(mark)
        assert counts.above[0][place] == sum(one > mark for one in negatives)
        assert counts.tied[place] == negatives.count(mark)


@settings(max_examples=80, deadline=None)
@given(problem=problems(), metric=st.sampled_from(METRICS), block=st.integers(1, 9))
def test_the_quick_count_never_states_a_wrong_bound_and_decides_what_is_asked(problem: Problem, metric, block):
    problem = first_draw(problem)
    exact = counted(problem, metric)
    if not exact.matches or not exact.negatives:
        return

    quick = counted(problem, metric, block=block, undecided=undecided)

    assert quick.negatives == exact.negatives
    assert not undecided(quick)
    assert (quick.above[0] <= exact.above[0]).all()
    assert (exact.above[0] <= quick.above[1]).all()
    assert (quick.reached[0] <= exact.reached[0]).all()
    assert (exact.reached[0] <= quick.reached[1]).all()


@pytest.mark.parametrize("metric", METRICS)
def test_processes_blocks_and_threads_count_the_same_integers(metric):
    problem = random_problem(3)
    alone = counted(problem, metric)

    def work(team):
        own = Settings(metric, Machine(team=team), Tuning(block=50))
        tables = problem.queries, problem.gallery, problem.relevance
        return count_pairs(*tables, settings=own), count_pairs(*tables, settings=own, undecided=undecided)

    for whole, quick in in_threads(3, work):
        assert np.array_equal(whole.above, alone.above)
        assert np.array_equal(whole.tied, alone.tied)
        assert whole.negatives == alone.negatives == quick.negatives
        assert not undecided(quick)
    other = counted(problem, metric, block=70, threads=3)
    assert np.array_equal(other.above, alone.above)
    assert np.array_equal(other.tied, alone.tied)


def test_queries_without_a_positive_count_as_pairs_too():
    problem = random_problem(4, queries=3)
    nobody = replace(
        problem.relevance.positives, starts=np.array([0, 5, 5, 10]), units=problem.relevance.positives.units[:10]
    )
    counts = counted(Problem(problem.queries, problem.gallery, replace(problem.relevance, positives=nobody)))

    assert counts.negatives == 3 * 900 - 10 - 12


def test_several_draws_at_once_are_refused():
    problem = random_problem(5)
    draw = Draw(np.arange(60), np.arange(900))
    with pytest.raises(ValueError, match="one draw at a time"):
        counted(Problem(problem.queries, problem.gallery, replace(problem.relevance, draws=(draw, draw))))


def test_a_feature_that_is_not_finite_is_refused():
    problem = random_problem(6)
    problem.gallery[7, 3] = np.nan
    with pytest.raises(FeatureError, match="not finite"):
        counted(problem)


@settings(max_examples=40, deadline=None)
@given(problem=problems(), metric=st.sampled_from(METRICS))
def test_best_answers_are_the_greatest_of_a_list(problem: Problem, metric):
    problem = first_draw(problem)
    rows = pooled(problem, metric)
    asked = problem.relevance.draws[0].queries if problem.relevance.draws else np.arange(problem.relevance.queries)

    best = best_answers(problem.queries, problem.gallery, problem.relevance, Settings(metric))

    assert best.right[asked].tolist() == [max(right, default=-np.inf) for right, _ in rows]
    assert best.wrong[asked].tolist() == [max(wrong, default=-np.inf) for _, wrong in rows]
