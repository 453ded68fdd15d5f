"""The kernel's other ways through the gallery: rank lists, shards, streams and small memories."""

from __future__ import annotations

import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.compute.team import Team, shard
from harness.errors import FeatureError, RunError
from harness.kernel import rank, rank_and_list, walk
from harness.kernel.memory import block_images, budget, free
from harness.kernel.passes import IMAGES, Pass
from harness.kernel.products import fastest
from harness.tasks.relevance import Draw, Relevance
from tests import reference
from tests.harness.test_kernel import as_lists
from tests.strategies import Problem, problems, row_lists

METRICS = ["cosine", "euclidean"]
PRECISIONS = ["float32", "bfloat16"]


class Together(Team):
    """A team whose processes are threads of this one."""

    def __init__(self, index, count, shared):
        self.index, self.count, self.shared = index, count, shared

    @classmethod
    def of(cls, count):
        shared = {"barrier": threading.Barrier(count), "values": [None] * count}
        return [cls(index, count, shared) for index in range(count)]

    def _added(self, values):
        every = self._everybody(values)
        return sum(every[1:], every[0])

    def _heard(self, error, speaker):
        return pickle.loads(pickle.dumps(self._everybody(error)[speaker]))  # noqa: S301 - as if from a process

    def _everybody(self, values):
        self.shared["values"][self.index] = values
        self.shared["barrier"].wait(60)
        every = list(self.shared["values"])
        self.shared["barrier"].wait(60)
        return every


def in_threads(count, work):
    """Call ``work`` with each process of a team at once, and return what each returned, or raised."""
    with ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(work, team) for team in Together.of(count)]
    return [task.exception() or task.result() for task in tasks]


def same(one, other):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one, other, strict=True)
        for name in ("asked", "starts", "units", "closer", "tied")
    )


def as_pairs(lists):
    return [
        [(int(unit), float(value)) for unit, value in zip(units, values, strict=True) if unit >= 0]
        for units, values in zip(lists.units, lists.similarity, strict=True)
    ]


def random_problem(seed, queries=60, units=900, width=24):
    rng = np.random.default_rng(seed)
    relevance = Relevance(
        queries=queries,
        units=units,
        positives=row_lists([rng.choice(units // 2, 5, replace=False).tolist() for _ in range(queries)]),
        ignored=row_lists([(units // 2 + rng.choice(units // 2, 4, replace=False)).tolist() for _ in range(queries)]),
        unit_of=np.concatenate([np.arange(units), rng.integers(0, units, units // 3)]),
    )
    table = rng.standard_normal((queries + len(relevance.unit_of), width)).astype(np.float32)
    return Problem(table[:queries], table[queries:], relevance)


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
        nearest=most,
        metric=metric,
        precision=precision,
        block=block,
        threads=1,
    )

    assert as_pairs(lists) == reference.nearest(problem.queries, problem.gallery, problem.relevance, metric, most)
    assert same(ranks, rank(problem.queries, problem.gallery, problem.relevance, metric=metric, threads=1))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_long_rows_are_narrowed_to_the_same_lists(metric, precision):
    problem = random_problem(3)

    _, lists = rank_and_list(
        problem.queries, problem.gallery, problem.relevance, nearest=7, metric=metric, precision=precision
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


@pytest.mark.parametrize("make", [in_parts, with_a_long_track])
@pytest.mark.parametrize("metric", METRICS)
def test_bfloat16_that_is_tried_first_changes_nothing_kept_or_given_up(monkeypatch, make, metric):
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
    monkeypatch.setattr(walk, "SMALL", 0)
    for doubtful, passes in ((math.inf, ["bfloat16"]), (-1, ["bfloat16", "float32"])):
        monkeypatch.setattr(walk, "DOUBTFUL", doubtful)
        tried.clear()
        ranks, lists = rank_and_list(queries, gallery, relevance, nearest=4, metric=metric, memory=10_000, threads=1)

        assert as_lists(ranks) == wanted
        assert as_pairs(lists) == nearest
        parts = -(-relevance.queries // 256)
        assert tried == parts * (passes if fastest() == "bfloat16" else ["float32"])


def test_no_lists_are_made_unless_they_are_asked_for():
    problem = random_problem(4, queries=3, units=20)

    assert rank_and_list(problem.queries, problem.gallery, problem.relevance, nearest=0)[1] is None


@settings(max_examples=40, deadline=None)
@given(problem=problems(), metric=st.sampled_from(METRICS), count=st.integers(2, 4))
def test_shards_of_the_gallery_add_up_to_the_whole(problem: Problem, metric, count):
    whole, lists = rank_and_list(
        problem.queries, problem.gallery, problem.relevance, nearest=3, metric=metric, threads=1
    )

    def one(team):
        return rank_and_list(
            problem.queries, problem.gallery, problem.relevance, nearest=3, metric=metric, threads=1, team=team
        )

    for ranks, found in in_threads(count, one):
        assert same(ranks, whole)
        assert as_pairs(found) == as_pairs(lists)


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

    in_threads(3, lambda team: rank(problem.queries, tables[team.index], without_tracks(problem), team=team, threads=1))

    assert [len(table.read) for table in tables] == [300, 300, 300]
    assert set.union(*(table.read for table in tables)) == set(range(900))


def test_what_one_process_finds_wrong_ends_all_of_them():
    problem = random_problem(9)
    gallery = problem.gallery[:900].copy()
    gallery[700] = np.nan

    found = in_threads(3, lambda team: rank(problem.queries, gallery, without_tracks(problem), team=team, threads=1))

    assert [str(error) for error in found] == 3 * [str(found[0])]
    assert all(isinstance(error, FeatureError) for error in found)
    assert "gallery row 700" in str(found[0])
    assert [error.told for error in found] == [False, True, True]


def test_a_full_device_of_one_process_ends_all_of_them_in_words():
    problem = random_problem(9)

    class Full(Watched):
        def __getitem__(self, rows):
            if rows.start >= 600:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has no more")
            return super().__getitem__(rows)

    gallery = Full(problem.gallery[:900])
    found = in_threads(3, lambda team: rank(problem.queries, gallery, without_tracks(problem), team=team, threads=1))

    assert all(isinstance(error, RunError) for error in found)
    assert {str(error) for error in found} == {str(found[0])}
    assert "found: CUDA out of memory\n  next: evaluate on the processor, with --device cpu" in str(found[0])


def test_a_team_ranks_again_after_an_error():
    problem = random_problem(9)
    broken = problem.gallery[:900].copy()
    broken[0] = np.inf

    def twice(team):
        with pytest.raises(FeatureError):
            rank(problem.queries, broken, without_tracks(problem), team=team, threads=1)
        return rank(problem.queries, problem.gallery[:900], without_tracks(problem), team=team, threads=1)

    alone = rank(problem.queries, problem.gallery[:900], without_tracks(problem))
    assert all(same(ranks, alone) for ranks in in_threads(2, twice))


def test_processes_with_unequal_memory_part_the_queries_alike():
    problem = random_problem(10, queries=600)
    memory = (50_000, 1 << 30)

    def one(team):
        return rank(
            problem.queries, problem.gallery, problem.relevance, team=team, memory=memory[team.index], threads=1
        )

    alone = rank(problem.queries, problem.gallery, problem.relevance)
    assert all(same(ranks, alone) for ranks in in_threads(2, one))


def images_of(sizes, count):
    """Return the images of each process's shard, after a look that every unit is in one shard."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shards = [shard(starts, index, count) for index in range(count)]
    assert [unit for first, last in shards for unit in range(first, last)] == list(range(len(sizes)))
    return [int(starts[last] - starts[first]) for first, last in shards]


def test_shards_hold_about_as_many_images_each():
    assert images_of([1, 1, 8, 1, 1, 1, 3, 2], 3) == [10, 2, 6]
    assert images_of([5] * 12, 4) == [15] * 4

    rng = np.random.default_rng(13)
    for _ in range(50):
        sizes = rng.integers(1, 9, rng.integers(1, 60))
        count = int(rng.integers(1, 9))
        away = np.array(images_of(sizes, count)) - sizes.sum() / count
        assert np.abs(away).max() < sizes.max()


def test_more_processes_than_units_leave_some_without_work():
    assert images_of([1], 4) == [1, 0, 0, 0]
    assert sorted(images_of([3, 2], 5)) == [0, 0, 0, 2, 3]
    assert images_of([], 2) == [0, 0]


def test_a_small_memory_changes_nothing_but_the_blocks():
    problem = random_problem(5, queries=700, units=1200)

    plenty = rank(problem.queries, problem.gallery, problem.relevance)
    little = rank(problem.queries, problem.gallery, problem.relevance, memory=100_000)

    assert same(plenty, little)


def factors_of_products():
    """Return what torch makes of float32 factors; newer ones say it for each backend."""
    by_backend = getattr(torch.backends.mkldnn.matmul, "fp32_precision", None)
    return torch.get_float32_matmul_precision() if by_backend is None else by_backend


def test_torch_multiplies_in_full_and_is_left_as_it_was():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    problem = random_problem(6)
    try:
        torch.set_num_threads(2)
        torch.set_float32_matmul_precision("medium")
        loose = factors_of_products()
        with walk.open_walk(problem.queries, problem.gallery, problem.relevance, walk.Settings()) as opened:
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


def test_blocks_grow_with_memory_within_limits():
    assert block_images(0, 512, streamed=True) == 256
    assert block_images(1 << 40, 512, streamed=True) == 16384
    assert block_images(1 << 24, 512, streamed=True) < block_images(1 << 24, 512, streamed=False)
    assert budget(12345) == 12345
    assert 0 < budget(None) <= min(free(), 1 << 30)
