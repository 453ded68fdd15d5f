"""The walk's decisions: how much it holds at once, what it reads, whom it asks, and what it tells of its progress."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from harness.compute.machine import Machine
from harness.compute.team import Alone
from harness.errors import FeatureError, UsageError
from harness.kernel import device, gallery as galleries, walk as walks
from harness.kernel.device import DevicePass
from harness.kernel.memory import block_images, query_rows
from harness.kernel.ranking import rank, rank_and_list
from harness.kernel.settings import Settings, Tuning
from harness.kernel.walk import open_walk
from harness.tasks.relevance import Relevance
from tests.harness.kernel.problems import same
from tests.harness.kernel.teams import in_threads
from tests.strategies import row_lists

ONE_THREAD = Tuning("float32", threads=1)


def task(queries, units, **more):
    return Relevance(queries, units, row_lists([[1]] * queries), row_lists([[]] * queries), **more)


def rows(count, width=8, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


class Slices:
    """A table that gives its rows by slices only, and keeps what was asked, and by which thread."""

    def __init__(self, table):
        self.table, self.shape, self.dtype, self.asked, self.threads = table, table.shape, table.dtype, [], set()
        self.second = threading.Event()

    def __getitem__(self, wanted):
        self.asked.append((wanted.start, wanted.stop))
        self.threads.add(threading.current_thread())
        if len(self.asked) > 1:
            self.second.set()
        return self.table[wanted]


@pytest.mark.parametrize("reduce", ["maximum", "mean feature"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_block_holds_what_half_of_the_memory_does(reduce, streamed):
    memory, width, images = 500_000, 100, 1200
    unit_of = np.random.default_rng(1).permutation(images) if streamed else np.arange(images)
    relevance = task(2, images, unit_of=unit_of, reduce=reduce)

    with open_walk(rows(2, width), rows(images, width), relevance, Settings(machine=Machine(memory=memory))) as walk:
        sizes = np.diff(walk.gallery.starts[walk.gallery.cuts]).tolist()

    size = block_images(memory, width, streamed=streamed, means=reduce == "mean feature")
    assert sizes == [size] * (images // size) + ([images % size] if images % size else [])
    if not streamed and reduce == "maximum":
        assert size > 256


def test_as_many_queries_are_held_as_a_quarter_of_the_memory_does():
    memory = 4 * 300 * (8 * 8 + 128)
    assert query_rows(memory, 8) == 300
    settings = Settings(machine=Machine(memory=memory), tuning=ONE_THREAD)
    told = []

    with open_walk(rows(700), rows(500, seed=1), task(700, 500), settings, lambda *done: told.append(done)) as walk:
        parts = list(walk.parts())

    assert [len(part.plan.queries) for part in parts] == [300, 300, 100]
    assert [part.before for part in parts] == [(0, 0), (300, 300), (600, 600)]
    # Each part reads the gallery again.
    blocks = len(told) // 3
    assert told[-1] == (1500, 1500)
    assert told[blocks - 1] == (500, 1500)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_queries_without_a_positive_are_ranked_only_for_lists():
    relevance = Relevance(3, 4, row_lists([[1], [], [2]]), row_lists([[], [], []]))
    tables = rows(3), rows(4, seed=1)

    for nearest, queries in ((0, [0, 2]), (1, [0, 1, 2])):
        with open_walk(*tables, relevance, Settings(nearest=nearest)) as walk:
            assert walk.plan.queries.tolist() == queries
            _, lists = walk.run()
        if nearest:
            assert (lists.units >= 0).all()


def test_a_gallery_that_answers_nothing_is_not_read():
    nobody = Relevance(2, 600, row_lists([[], []]), row_lists([[], []]))
    table, told = Slices(rows(600)), []

    # Too little memory to hold the table, which would be read at once.
    machine = Machine(memory=1000)
    (answer,) = rank(rows(2), table, nobody, machine=machine, progress=lambda *done: told.append(done))

    assert answer.counts.tolist() == [0, 0]
    assert table.asked == []
    assert told == []


def test_a_table_on_disk_is_read_ahead_by_a_thread_of_its_own():
    table = Slices(rows(30))
    relevance = task(2, 30)
    settings = Settings(machine=Machine(memory=1000), tuning=Tuning("float32", block=10, threads=1))

    with open_walk(rows(2), table, relevance, settings) as walk:
        blocks = walk.gallery.blocks([0, 1, 2], walk.workers)
        next(blocks)
        assert table.second.wait(60)  # while the first is still in use
        assert [number for number, _ in blocks] == [1, 2]

    assert table.asked == [(0, 10), (10, 20), (20, 30)]
    assert threading.current_thread() not in table.threads


def test_a_table_in_memory_needs_no_thread_to_read_it(monkeypatch):
    def none(_count):
        raise AssertionError("a thread was started")

    with open_walk(rows(2), rows(30), task(2, 30), Settings(tuning=Tuning(block=10, threads=1))) as walk:
        monkeypatch.setattr(galleries, "ThreadPoolExecutor", none)
        assert [number for number, _ in walk.gallery.blocks([0, 1, 2], walk.workers)] == [0, 1, 2]


def test_means_of_one_image_are_the_images_themselves():
    relevance = task(1, 5, unit_of=np.array([0, 1, 2, 3, 4, 4]), reduce="mean feature")

    with open_walk(rows(1), rows(6, seed=1), relevance, Settings(tuning=Tuning(block=3, threads=1))) as walk:
        images, means = (block for _, block in walk.gallery.blocks([0, 1], walk.workers))

    assert images.rows.dtype == np.float32
    assert len(images.means.images) == 0
    assert means.rows.dtype == np.float64
    assert means.means.images.tolist() == [1, 2]


@pytest.mark.parametrize(("by_torch", "precision"), [(True, "float32"), (True, None), (False, "float32")])
def test_a_gpus_operations_are_used_on_the_processor_if_asked_for(monkeypatch, by_torch, precision):
    made = []

    class Noted(DevicePass):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            made.append(self.type)

    monkeypatch.setattr(device, "DevicePass", Noted)

    rank_and_list(rows(2), rows(9), task(2, 9), Settings(tuning=Tuning(precision), by_torch=by_torch))

    assert made == ([torch.float32 if precision else torch.float16] if by_torch else [])


def test_a_process_alone_compares_nothing_with_others():
    class Silent(Alone):
        def agree(self, facts):
            raise AssertionError(facts)

    with open_walk(rows(2), rows(9), task(2, 9), Settings(machine=Machine(team=Silent()))) as walk:
        walk.run()


def differing(one, other, metrics=("cosine", "cosine")):
    """Return what each of two processes is told that have their own query features, gallery and metric."""

    def work(team):
        own = (one, other)[team.index]
        settings = Settings(metrics[team.index], Machine(team=team), ONE_THREAD)
        return rank_and_list(*own, task(len(own[0]), len(own[1])), settings)

    return in_threads(2, work)


def test_processes_that_see_other_features_end_with_what_differs():
    queries, gallery = rows(3), rows(9, seed=1)
    changed = gallery.copy()
    changed[4, 4] += 1

    for other, named, fits in (
        ((queries, changed), "gallery features", "query features"),
        ((queries + 1, gallery), "query features", "gallery features"),
        ((queries.astype(np.float16), gallery), "shape of the query features", "gallery"),
        ((queries[:, :5], gallery[:, :5]), "shape of the query features", "metric"),
        ((queries[:2], gallery), "shape of the query features", "shape of the gallery"),
    ):
        for found in differing((queries, gallery), other):
            assert isinstance(found, UsageError), named
            assert named in str(found)
            assert fits not in str(found)
    told = str(differing((queries, gallery), (queries[:, :5], gallery[:, :5]))[0])
    assert "3 x 8 float32" in told
    assert "3 x 5 float32" in told
    assert "metric" in str(differing((queries, gallery), (queries, gallery), ("cosine", "euclidean"))[1])


def test_more_than_two_processes_compare_what_they_see_too():
    tables = [(rows(3), rows(9, seed=1)), (rows(3), rows(9, seed=2))]

    found = in_threads(
        3, lambda team: rank(*tables[team.index == 2], task(3, 9), machine=Machine(team=team), tuning=ONE_THREAD)
    )

    assert all(isinstance(error, UsageError) for error in found)
    alone = rank(*tables[0], task(3, 9))
    assert all(
        same(ranks, alone)
        for ranks in in_threads(3, lambda team: rank(*tables[0], task(3, 9), machine=Machine(team=team)))
    )


def test_positives_of_other_shards_are_added_by_the_processes_that_have_them():
    relevance = Relevance(2, 9, row_lists([[0, 4, 8], [3, 7]]), row_lists([[], []]))
    tables = rows(2), rows(9, seed=1)
    alone = rank(*tables, relevance)

    def one(team):
        return rank(*tables, relevance, machine=Machine(team=team), tuning=Tuning("float32", block=2, threads=1))

    assert all(same(ranks, alone) for ranks in in_threads(3, one))


def test_tables_of_any_kind_are_taken_and_masked_ones_refused():
    relevance = task(2, 9)
    queries, gallery = rows(2), rows(9, seed=1)
    alone = rank(queries, gallery, relevance)

    for kind in (torch.from_numpy, Slices):
        assert same(rank(kind(queries), kind(gallery), relevance), alone)
    with pytest.raises(FeatureError, match="mask"):
        rank(np.ma.masked_array(queries, mask=queries > 1), gallery, relevance)


def test_another_precision_is_tried_from_a_number_of_pairs_on(monkeypatch):
    tried = []

    class Noted(walks.Pass):
        def __init__(self, *args, precision, **more):
            tried.append(precision)
            super().__init__(*args, precision=precision, **more)

    monkeypatch.setattr(walks, "Pass", Noted)
    monkeypatch.setattr(walks, "fastest", lambda _width, by_numpy: "int8")
    for small, first in ((18, "int8"), (19, "float32")):
        monkeypatch.setattr(walks, "SMALL", {"int8": small})
        tried.clear()
        rank(rows(2), rows(9), task(2, 9), tuning=Tuning(threads=1))
        assert tried[0] == first


def test_what_multiplies_fastest_is_asked_for_rows_of_their_width(monkeypatch):
    asked = []
    monkeypatch.setattr(walks, "_without_torch", lambda _settings, _relevance, width: bool(asked.append(width)))
    monkeypatch.setattr(walks, "fastest", lambda width, by_numpy: asked.append(width) or "float32")

    rank(rows(2), rows(9), task(2, 9))

    assert asked == [8, 8]


def test_rows_whose_sums_could_leave_int32_are_not_multiplied_in_whole_numbers(monkeypatch):
    multiplied = []

    class Noted(walks.Pass):
        def __init__(self, *args, precision, **more):
            multiplied.append(precision)
            super().__init__(*args, precision=precision, **more)

    monkeypatch.setattr(walks, "Pass", Noted)
    monkeypatch.setattr(walks, "WIDEST", 8)
    for asked in ("int8", "int16", "bfloat16"):
        for width in (8, 9):
            rank(rows(2, width), rows(9, width), task(2, 9), tuning=Tuning(asked, threads=1))

    assert multiplied == ["int8", "float32", "int16", "float32", "bfloat16", "bfloat16"]


@pytest.mark.parametrize("precision", ["int8", "int16", "float32"])
def test_the_widest_rows_are_ranked_right(precision):
    """140,000 times 127 times 127 is more than int32 holds."""
    queries, gallery = np.ones((2, 140_000), np.float32), np.ones((4, 140_000), np.float32)
    queries[1] = -1
    gallery[0, :1000] = gallery[2, :20_000] = gallery[1, :9000] = gallery[1, ::2] = gallery[3, ::2] = -1
    relevance = Relevance(2, 4, row_lists([[3], [3]]), row_lists([[], []]))

    (answer,) = rank(queries, gallery, relevance, tuning=Tuning(precision, threads=1))

    assert answer.closer.tolist() == [2, 1]
