"""The GPU's operations, run on the processor: the same integers as everywhere else; and on a GPU if there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from harness.compute.machine import Machine
from harness.kernel.device import DevicePass
from harness.kernel.native.tuples import Features, Limits
from harness.kernel.passes import Job
from harness.kernel.plan import entries, plan
from harness.kernel.ranking import rank_and_list
from harness.kernel.settings import Settings, Tuning
from harness.kernel.walk import open_walk
from tests import reference
from tests.harness.kernel.problems import as_lists, as_pairs, random_problem, same
from tests.strategies import Problem, problems

METRICS = ["cosine", "euclidean"]
PRECISIONS = ["float32", None]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def by_torch(problem: Problem, device, metric, tuning=Tuning(), nearest=0):  # noqa: B008 - frozen
    settings = Settings(metric, Machine(device), tuning, nearest=nearest, by_torch=True)
    with open_walk(problem.queries, problem.gallery, problem.relevance, settings) as walk:
        return walk.run()


@pytest.mark.parametrize("device", DEVICES)
def test_a_gpus_operations_give_the_same_integers_and_lists(device):
    @settings(max_examples=100, deadline=None)
    @given(
        problem=problems(),
        metric=st.sampled_from(METRICS),
        precision=st.sampled_from(PRECISIONS),
        block=st.integers(1, 9),
        most=st.integers(1, 16),
    )
    def check(problem, metric, precision, block, most):
        ranks, lists = by_torch(problem, device, metric, Tuning(precision, block), most)

        assert as_lists(ranks) == reference.rank(problem.queries, problem.gallery, problem.relevance, metric)
        assert as_pairs(lists) == reference.nearest(problem.queries, problem.gallery, problem.relevance, metric, most)

    check()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("metric", METRICS)
def test_no_factor_is_a_denormal_float16_and_what_that_loses_is_measured(device, metric):
    problem = random_problem(12, queries=20, units=40, width=64)
    fading = 10.0 ** -np.linspace(0, 7, 64, dtype=np.float32)
    problem = Problem(problem.queries * fading, problem.gallery * fading, problem.relevance)
    norms = np.square(problem.queries, dtype=np.float64).sum(axis=1)
    work = plan(problem.relevance)
    nowhere = np.zeros(len(work.positives.units))
    asked = Features(problem.queries, norms)

    job = Job(work, asked, entries(work, nowhere), Limits(nowhere, np.empty(0)), Settings(metric))

    table = (made := DevicePass(job, device=device)).queries
    values = table.values.double().cpu().numpy()
    rows = problem.queries.astype(np.float64) / (1 if metric == "euclidean" else np.sqrt(norms)[:, None])
    exact = (rows - made.centre) * table.scale

    least = np.abs(values[values != 0]).min()
    assert least >= 2.0**-14
    assert (np.linalg.norm(exact - values, axis=1) <= table.lengths.residual).all()
    assert (values == 0).mean() > 0.2
    assert as_lists(by_torch(problem, device, metric)[0]) == reference.rank(
        problem.queries, problem.gallery, problem.relevance, metric
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_larger_problems_agree_with_the_processors_loops(device, metric, precision):
    problem = random_problem(11, queries=90, units=1500, width=130)

    ranks, lists = by_torch(problem, device, metric, Tuning(precision), 9)
    others, own = rank_and_list(problem.queries, problem.gallery, problem.relevance, Settings(metric, nearest=9))

    assert same(ranks, others)
    assert np.array_equal(lists.units, own.units)
    assert np.array_equal(lists.similarity, own.similarity, equal_nan=True)
