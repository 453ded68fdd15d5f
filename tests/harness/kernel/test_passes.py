"""The first pass leaves little to exact arithmetic, and what it leaves is done once."""

from __future__ import annotations

import numpy as np
import pytest

from harness.compute.machine import Machine
from harness.kernel import passes, walk
from harness.kernel.device import DevicePass, ordered_sum
from harness.kernel.passes import Pass
from harness.kernel.ranking import rank_and_list
from harness.kernel.settings import Settings, Tuning
from harness.tasks.relevance import Relevance
from tests import reference
from tests.harness.kernel.problems import as_lists, as_pairs
from tests.strategies import row_lists

METRICS = ["cosine", "euclidean"]


def well_apart(queries=6, units=40, width=16):
    """Return a problem whose similarities are far apart: gallery row j is at an angle or a distance of its own."""
    rng = np.random.default_rng(3)
    angles = np.linspace(0.1, 1.5, units)
    table = rng.standard_normal((queries, width)) * 1e-3
    table[:, 0] = 1
    gallery = np.zeros((units, width))
    gallery[:, 0], gallery[:, 1] = np.cos(angles), np.sin(angles)
    relevance = Relevance(
        queries=queries,
        units=units,
        positives=row_lists([rng.choice(20, 3, replace=False).tolist() for _ in range(queries)]),
        ignored=row_lists([[25] for _ in range(queries)]),
    )
    return table.astype(np.float32), gallery.astype(np.float32), relevance


class Kept(Pass):
    """A pass that is kept for a look."""

    made: list[Pass]

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        Kept.made.append(self)


class KeptOnDevice(DevicePass):
    """The same for a GPU's operations."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        Kept.made.append(self)


def passed(monkeypatch, problem, metric, tuning, *, by_torch=False, nearest=0):
    """Rank, and return the pass that did it."""
    from harness.kernel import device

    Kept.made = []
    monkeypatch.setattr(walk, "Pass", Kept)
    monkeypatch.setattr(device, "DevicePass", KeptOnDevice)
    settings = Settings(metric, Machine(), tuning, nearest=nearest, by_torch=by_torch)
    ranks, lists = rank_and_list(*problem, settings)
    assert as_lists(ranks) == reference.rank(*problem, metric)
    if nearest:
        assert as_pairs(lists) == reference.nearest(*problem, metric, nearest)
    assert isinstance(Kept.made[-1], DevicePass) == by_torch
    return Kept.made[-1]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("by_torch", [False, True])
def test_what_is_far_apart_is_decided_by_the_first_pass(monkeypatch, metric, by_torch):
    found = passed(monkeypatch, well_apart(), metric, Tuning("float32", threads=1), by_torch=by_torch)

    assert found.again == 0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("by_torch", [False, True])
def test_float32_decides_what_is_a_hundred_thousandth_apart(monkeypatch, metric, by_torch):
    queries, gallery, relevance = well_apart()
    gallery[:, 1] = np.sqrt(1 - gallery[:, 0].astype(np.float64) ** 2)
    closer = gallery.copy()
    closer[20:, 0] = closer[:20, 0] + 3e-4
    closer[20:, 1] = np.sqrt(1 - closer[20:, 0].astype(np.float64) ** 2)

    found = passed(monkeypatch, (queries, closer, relevance), metric, Tuning("float32", threads=1), by_torch=by_torch)

    assert found.again <= 20


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("precision", "looks"), [("float32", 1), ("int16", 2), ("bfloat16", 2)])
def test_copies_of_a_positive_are_done_again_once(monkeypatch, metric, precision, looks):
    queries, gallery, relevance = well_apart(queries=2)
    gallery[30:] = gallery[relevance.positives.units[0]]

    found = passed(monkeypatch, (queries, gallery, relevance), metric, Tuning(precision, threads=1))

    assert looks * 10 <= found.again <= 2 * looks * 10  # of rougher scores each quickly, and those in doubt exactly


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("by_torch", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int16", "int8"])
def test_tiles_of_any_size_are_one_gallery(monkeypatch, metric, by_torch, precision):
    from harness.kernel import device

    for module in (passes, device):
        monkeypatch.setattr(module, "QUERIES", 4)
        monkeypatch.setattr(module, "IMAGES", 8)
    monkeypatch.setattr(passes, "WHOLE_QUERIES", 2)
    monkeypatch.setattr(passes, "WHOLE_IMAGES", 8)
    monkeypatch.setattr(passes, "SHARED", 3)
    monkeypatch.setattr(device, "PAIRS", 3)
    queries, gallery, relevance = well_apart()
    gallery[20:30] = gallery[:10]
    unit_of = np.concatenate([np.arange(40), np.repeat([3, 30], 10)])
    more = np.concatenate([gallery, gallery[:20] * np.float32(1.1)])
    grouped = Relevance(40 * 0 + 6, 40, relevance.positives, relevance.ignored, unit_of)

    for problem in ((queries, gallery, relevance), (queries, more, grouped)):
        tuning = Tuning(precision, threads=1)
        passed(monkeypatch, problem, metric, tuning, by_torch=by_torch, nearest=5)


@pytest.mark.parametrize(("sampled", "stretch"), [(128, 16), (2, 1)])
def test_doubt_is_the_share_of_a_sample_that_is_done_again(monkeypatch, sampled, stretch):
    monkeypatch.setattr(passes, "SAMPLED", sampled)
    monkeypatch.setattr(passes, "STRETCH", stretch)
    queries, gallery, relevance = well_apart(queries=4)
    gallery[:] = gallery[0]
    found = passed(monkeypatch, (queries, gallery, relevance), "cosine", Tuning("float32", threads=1))
    again, closer, tied = found.again, found.closer.copy(), found.tied.copy()

    class Seen(Kept):
        def count(self, block):
            self.doubted = self.doubt(block)
            assert not self.closer.any()
            assert not self.tied.any()
            super().count(block)

    monkeypatch.setattr(walk, "Pass", Seen)
    rank_and_list(queries, gallery, relevance, Settings(tuning=Tuning("float32", threads=1)))
    seen = Kept.made[-1]

    assert seen.doubted == again / (4 * 40)
    assert seen.again == again
    assert (seen.closer == closer).all()
    assert (seen.tied == tied).all()


def test_terms_are_added_in_the_documented_order():
    import torch

    for width in (1, 31, 32, 33, 100):
        terms = np.random.default_rng(width).standard_normal((3, width))
        assert ordered_sum(torch.from_numpy(terms)).tolist() == [reference.ordered_sum(row) for row in terms]


def test_progress_ends_with_all_images_of_all_parts():
    queries, gallery, relevance = well_apart()
    told = []

    rank_and_list(
        queries,
        gallery,
        relevance,
        Settings(tuning=Tuning("float32", block=15, threads=1)),
        lambda done, images: told.append((done, images)),
    )

    assert told == [(15, 40), (30, 40), (40, 40)]


def test_the_constants_of_a_gpu_are_those_of_the_proof():
    from harness.kernel import device

    assert device.ACCUMULATION == 2.0**-21
    assert device.SMALLEST == 2.0**-14
