"""The kernel's other ways through the gallery: rank lists, shards, streams and small memories."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from harness.compute.machine import Machine
from harness.compute.team import Alone
from harness.errors import FeatureError, RunError
from harness.kernel import walk
from harness.kernel.passes import IMAGES, Pass
from harness.kernel.ranking import nearest_units, rank, rank_and_list
from harness.kernel.settings import Settings, Tuning
from harness.tasks.relevance import Draw, Relevance
from tests import reference
from tests.harness.kernel.problems import as_lists, as_pairs, random_problem, same
from tests.harness.kernel.teams import in_threads
from tests.strategies import Problem, problems, row_lists

METRICS = ["cosine", "euclidean"]
PRECISIONS = ["float32", "bfloat16", "int16", "int8"]
ONE_THREAD = Tuning(threads=1)


@settings(max_examples=150, deadline=None)
@given(
    problem=problems(),
    metric=st.sampled_from(METRICS),
    precision=st.sampled_from(PRECISIONS),
    block=st.integers(1, 9),
    most=st.integers(1, 16),
)
def test_lists_are_those_of_a_full_sort(problem: Problem, metric, precision, block, most):
    ranks, lists = rank_and_list(
        problem.queries,
        problem.gallery,
        problem.relevance,
        Settings(metric, nearest=most, tuning=Tuning(precision, block, threads=1)),
    )

    assert as_pairs(lists) == reference.nearest(problem.queries, problem.gallery, problem.relevance, metric, most)
    assert same(ranks, rank(problem.queries, problem.gallery, problem.relevance, metric=metric, tuning=ONE_THREAD))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_long_rows_are_narrowed_to_the_same_lists(metric, precision):
    problem = random_problem(3)

    _, lists = rank_and_list(
        problem.queries, problem.gallery, problem.relevance, Settings(metric, nearest=7, tuning=Tuning(precision))
    )

    assert as_pairs(lists) == reference.nearest(problem.queries, problem.gallery, problem.relevance, metric, 7)


def in_parts(rng):
    """Return more queries than a small memory holds at once, units of one to three images, and draws."""
    queries, units = 300, 30
    return Relevance(
        queries=queries,
        units=units,
        positives=row_lists([rng.choice(15, 2, replace=False).tolist() for _ in range(queries)]),
        ignored=row_lists([[int(rng.integers(15, units))] for _ in range(queries)]),
        unit_of=np.concatenate([np.arange(units), rng.integers(0, units, 25)]),
        draws=(Draw(np.arange(queries), np.arange(0, units, 2)), Draw(np.arange(5, 295), np.arange(3, units))),
    )


def with_a_long_track(rng):
    """Return units of which the first has more images than a tile."""
    return Relevance(
        queries=3,
        units=9,
        positives=row_lists([[0, 4], [2], [8]]),
        ignored=row_lists([[1], [0], []]),
        unit_of=np.concatenate([np.zeros(IMAGES, dtype=np.int64), np.arange(9)]),
    )


@pytest.mark.parametrize("fast", ["bfloat16", "int8"])
@pytest.mark.parametrize("make", [in_parts, with_a_long_track])
@pytest.mark.parametrize("metric", METRICS)
def test_a_precision_that_is_tried_first_changes_nothing_kept_or_given_up(monkeypatch, make, metric, fast):
    rng = np.random.default_rng(12)
    relevance = make(rng)
    centres = rng.standard_normal((8, 12))
    table = centres[rng.integers(0, 8, relevance.queries + len(relevance.unit_of))]
    # Some rows are copies, some so near that only float64 tells them apart.
    table += rng.choice([0, 1e-6, 0.3], (len(table), 1)) * rng.standard_normal(table.shape)
    queries, gallery = np.split(table.astype(np.float32), [relevance.queries])
    wanted = reference.rank(queries, gallery, relevance, metric)
    nearest = reference.nearest(queries, gallery, relevance, metric, 4)
    tried = []

    class Noted(Pass):
        """A pass that is noted when it is made."""

        def __init__(self, *args, precision, **more):
            tried.append(precision)
            super().__init__(*args, precision=precision, **more)

    monkeypatch.setattr(walk, "Pass", Noted)
    monkeypatch.setattr(walk, "fastest", lambda _width, by_numpy: fast)
    monkeypatch.setattr(walk, "SMALL", {fast: 0})
    for doubtful, passes in ((math.inf, [fast]), (-1, [fast, walk.FINER[fast]])):
        monkeypatch.setattr(walk, "DOUBTFUL", {fast: doubtful})
        tried.clear()
        small = Settings(metric, Machine(memory=10_000), ONE_THREAD, nearest=4)
        ranks, lists = rank_and_list(queries, gallery, relevance, small)

        assert as_lists(ranks) == wanted
        assert as_pairs(lists) == nearest
        parts = -(-relevance.queries // 256)
        assert tried == parts * passes


def test_no_lists_are_made_unless_they_are_asked_for():
    problem = random_problem(4, queries=3, units=20)

    assert rank_and_list(problem.queries, problem.gallery, problem.relevance, Settings())[1] is None
    with pytest.raises(ValueError, match="ask for no lists"):
        nearest_units(problem.queries, problem.gallery, problem.relevance, Settings())


@settings(max_examples=40, deadline=None)
@given(problem=problems(), metric=st.sampled_from(METRICS))
def test_the_nearest_units_do_not_depend_on_who_is_right(problem: Problem, metric):
    wanted = Settings(metric, nearest=4)

    found = nearest_units(problem.queries, problem.gallery, problem.relevance, wanted)

    _, lists = rank_and_list(problem.queries, problem.gallery, problem.relevance, wanted)
    assert as_pairs(found) == as_pairs(lists)


def test_without_labels_every_unit_is_in_every_list():
    rows = np.random.default_rng(3).standard_normal((7, 4)).astype(np.float32)

    found = nearest_units(rows[:3], rows, Relevance.unlabelled(3, 7), Settings(nearest=7))

    assert np.sort(found.units, axis=1).tolist() == [list(range(7))] * 3


@settings(max_examples=40, deadline=None)
@given(problem=problems(), metric=st.sampled_from(METRICS), count=st.integers(2, 4))
def test_shards_of_the_gallery_add_up_to_the_whole(problem: Problem, metric, count):
    def one(team):
        settings = Settings(metric, Machine(team=team), ONE_THREAD, nearest=3)
        return rank_and_list(problem.queries, problem.gallery, problem.relevance, settings)

    whole, lists = one(Alone())

    for ranks, found in in_threads(count, one):
        assert same(ranks, whole)
        assert as_pairs(found) == as_pairs(lists)


def with_one_thread(team):
    return {"machine": Machine(team=team), "tuning": ONE_THREAD}


class Watched:
    """A table that knows which of its rows were read."""

    def __init__(self, table):
        self.table, self.shape, self.dtype, self.read = table, table.shape, table.dtype, set()

    def __getitem__(self, rows):
        self.read |= set(range(rows.start, rows.stop))
        return self.table[rows]


def without_tracks(problem):
    """Return the relevance of a random problem whose units are its first 900 images."""
    return Relevance(queries=60, units=900, positives=problem.relevance.positives, ignored=problem.relevance.ignored)


def test_a_process_reads_its_shard_only():
    problem = random_problem(8)
    tables = [Watched(problem.gallery[:900]) for _ in range(3)]

    in_threads(
        3, lambda team: rank(problem.queries, tables[team.index], without_tracks(problem), **with_one_thread(team))
    )

    assert [len(table.read) for table in tables] == [300, 300, 300]
    assert set.union(*(table.read for table in tables)) == set(range(900))


def test_what_one_process_finds_wrong_ends_all_of_them():
    problem = random_problem(9)
    gallery = problem.gallery[:900].copy()
    gallery[700] = np.nan

    found = in_threads(3, lambda team: rank(problem.queries, gallery, without_tracks(problem), **with_one_thread(team)))

    assert [str(error) for error in found] == 3 * [str(found[0])]
    assert all(isinstance(error, FeatureError) for error in found)
    assert "gallery row 700" in str(found[0])
    assert [error.reported for error in found] == [False, True, True]


def test_a_full_device_of_one_process_ends_all_of_them_in_words():
    problem = random_problem(9)

    class Full(Watched):
        def __getitem__(self, rows):
            if rows.start >= 600:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has no more")
            return super().__getitem__(rows)

    gallery = Full(problem.gallery[:900])
    found = in_threads(3, lambda team: rank(problem.queries, gallery, without_tracks(problem), **with_one_thread(team)))

    assert all(isinstance(error, RunError) for error in found)
    assert {str(error) for error in found} == {str(found[0])}
    assert "found: CUDA out of memory\n  next: evaluate on the processor, with --device cpu" in str(found[0])


def test_a_team_ranks_again_after_an_error():
    problem = random_problem(9)
    broken = problem.gallery[:900].copy()
    broken[0] = np.inf

    def twice(team):
        with pytest.raises(FeatureError):
            rank(problem.queries, broken, without_tracks(problem), **with_one_thread(team))
        return rank(problem.queries, problem.gallery[:900], without_tracks(problem), **with_one_thread(team))

    alone = rank(problem.queries, problem.gallery[:900], without_tracks(problem))
    assert all(same(ranks, alone) for ranks in in_threads(2, twice))


def test_processes_with_unequal_memory_part_the_queries_alike():
    problem = random_problem(10, queries=600)
    memory = (50_000, 1 << 30)

    def one(team):
        machine = Machine(team=team, memory=memory[team.index])
        return rank(problem.queries, problem.gallery, problem.relevance, machine=machine, tuning=ONE_THREAD)

    alone = rank(problem.queries, problem.gallery, problem.relevance)
    assert all(same(ranks, alone) for ranks in in_threads(2, one))


def test_a_small_memory_changes_nothing_but_the_blocks():
    problem = random_problem(5, queries=700, units=1200)

    plenty = rank(problem.queries, problem.gallery, problem.relevance)
    little = rank(problem.queries, problem.gallery, problem.relevance, machine=Machine(memory=100_000))

    assert same(plenty, little)


def factors_of_products():
    """Return how torch rounds float32 factors; newer versions have a setting for each backend."""
    by_backend = getattr(torch.backends.mkldnn.matmul, "fp32_precision", None)
    return torch.get_float32_matmul_precision() if by_backend is None else by_backend


def test_torch_multiplies_in_full_and_is_left_as_it_was():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    problem = random_problem(6)
    try:
        torch.set_num_threads(2)
        torch.set_float32_matmul_precision("medium")
        loose = factors_of_products()
        with walk.open_walk(problem.queries, problem.gallery, problem.relevance, Settings()) as opened:
            opened.run()
            inside = factors_of_products()
            threads = set(opened.workers.share(8, 1, lambda _part: torch.get_num_threads()))
        after = torch.get_num_threads(), torch.get_float32_matmul_precision(), factors_of_products()
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])

    assert inside in {"ieee", "highest"}
    assert threads == {1}
    assert after == (2, "medium", loose)
    assert loose not in {"ieee", "highest"}
