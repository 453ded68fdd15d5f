"""One pass over a gallery gives the integers of separate passes over its parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.compute.machine import Machine
from harness.kernel.ranking import rank
from harness.kernel.settings import Settings, Tuning
from harness.scoring.growth.counting import rank_parts
from harness.scoring.growth.nested import Nested
from harness.tasks.relevance import Draw, Relevance
from tests import reference
from tests.harness.kernel.problems import as_lists, random_problem, same
from tests.harness.kernel.teams import in_threads
from tests.strategies import Problem, problems, row_lists

METRICS = ["cosine", "euclidean"]


def literally(problem: Problem, metric, left):
    """The reference's ranks, among the units that are left and each query's positives."""
    relevance = problem.relevance
    out = set(range(relevance.units)) - set(left)
    ignored = [
        sorted({*relevance.ignored.of(query).tolist(), *(out - set(relevance.positives.of(query).tolist()))})
        for query in range(relevance.queries)
    ]
    less = Relevance(
        relevance.queries,
        relevance.units,
        relevance.positives,
        row_lists(ignored),
        relevance.unit_of,
        relevance.reduce,
        relevance.draws,
    )
    return reference.rank(problem.queries, problem.gallery, less, metric)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), problem=problems(), metric=st.sampled_from(METRICS), block=st.integers(1, 9))
def test_each_part_has_the_ranks_of_a_literal_count(data, problem: Problem, metric, block):
    units = problem.relevance.units
    buckets = np.array(data.draw(st.lists(st.integers(0, 3), min_size=units, max_size=units)), dtype=np.int64)
    parts = np.array(data.draw(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=3)))

    found = rank_parts(
        problem.queries,
        problem.gallery,
        problem.relevance,
        buckets,
        parts,
        Settings(metric, tuning=Tuning(block=block, threads=1)),
    )

    for part, ranks in zip(parts, found, strict=True):
        assert as_lists(ranks) == literally(problem, metric, np.flatnonzero(part[buckets]).tolist())


def grown(base: Problem, extra: np.ndarray, kept) -> tuple[np.ndarray, Relevance]:
    """The gallery and the relevance of a separate evaluation with some of the further images."""
    return np.concatenate([base.gallery, extra[kept]]), base.relevance.widened(len(kept))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("how", ["small blocks", "bfloat16", "torch", "little memory", "draws"])
def test_every_size_has_the_integers_of_a_separate_evaluation(metric, how):
    base, extra = random_problem(5), np.random.default_rng(6).standard_normal((700, 24)).astype(np.float32)
    extra[:40] = base.gallery[:40]  # ties
    if how == "draws":
        draws = tuple(Draw(np.arange(seed, 60, 2), np.arange(seed, 900, 3)) for seed in range(2))
        relevance = base.relevance
        base = Problem(
            base.queries,
            base.gallery,
            Relevance(
                60, 900, relevance.positives, relevance.ignored, relevance.unit_of, relevance.reduce, draws=draws
            ),
        )
    nested = Nested.of([f"{number}.jpg" for number in range(700)], [0, 7, 100, 233, 700], repeats=3, seed=1)
    choices = [(repeat, size) for repeat in range(3) for size in nested.sizes]
    tuning = Tuning("bfloat16" if how == "bfloat16" else None, 100 if how == "small blocks" else None, threads=2)
    machine = Machine(memory=1 << 18) if how == "little memory" else Machine()
    gallery, relevance = grown(base, extra, np.arange(700))

    found = rank_parts(
        base.queries,
        gallery,
        relevance,
        np.concatenate([np.zeros(900, dtype=np.int64), 1 + nested.buckets]),
        np.array([[True, *nested.taken(repeat, size)] for repeat, size in choices]),
        Settings(metric, machine, tuning, by_torch=how == "torch"),
    )

    for (repeat, size), ranks in zip(choices, found, strict=True):
        kept = np.flatnonzero(nested.taken(repeat, size)[nested.buckets])
        assert len(kept) == size
        assert same(ranks, rank(base.queries, *grown(base, extra, kept), metric=metric))


def test_shards_of_several_processes_add_up_to_the_same_integers():
    problem = random_problem(2)
    buckets = np.random.default_rng(0).integers(0, 5, 900)
    parts = np.tri(5, dtype=bool)

    def counted(machine):
        return list(
            rank_parts(problem.queries, problem.gallery, problem.relevance, buckets, parts, Settings(machine=machine))
        )

    alone = counted(Machine())
    for found in in_threads(3, lambda team: counted(Machine(team=team))):
        assert all(same(one, other) for one, other in zip(alone, found, strict=True))
