"""The GPU's operations on the processor, at the edges: what lies on a band's edge, slacks, scales, and ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.compute.machine import Machine
from harness.kernel import device as module
from harness.kernel.bounds import slacks_of
from harness.kernel.device import DevicePass, _Columns, _Tile
from harness.kernel.exact import tolerance, unit_sums
from harness.kernel.native.scores import BLANK
from harness.kernel.native.tuples import NO_MEANS, Bound, Features, Limits
from harness.kernel.passes import Job
from harness.kernel.plan import entries, plan
from harness.kernel.ranking import rank_and_list
from harness.kernel.settings import Settings, Tuning
from harness.tasks.relevance import Relevance
from tests import reference
from tests.harness.kernel.problems import as_lists, as_pairs
from tests.strategies import row_lists

METRICS = ["cosine", "euclidean"]


def ranked(problem, metric, *, nearest=0, precision=None, block=None):
    settings = Settings(metric, Machine(), Tuning(precision, block, threads=1), nearest=nearest, by_torch=True)
    ranks, lists = rank_and_list(*problem, settings)
    assert as_lists(ranks) == reference.rank(*problem, metric)
    if nearest:
        assert as_pairs(lists) == reference.nearest(*problem, metric, nearest)
    return ranks[0]


def fan(angles, width=40):
    """Return one query, and units at these angles from it, of which the last is the positive."""
    rows = np.zeros((len(angles), width))
    rows[:, 0], rows[:, 1] = np.cos(angles), np.sin(angles)
    query = np.zeros((1, width), np.float32)
    query[0, 0] = 1
    relevance = Relevance(1, len(rows), row_lists([[len(rows) - 1]]), row_lists([[]]))
    return query, rows.astype(np.float32), relevance


def pass_of(queries, metric, *, half=False):
    """Return a pass of queries whose positive is unit 0."""
    count = len(queries)
    work = plan(Relevance(count, 3, row_lists([[0]] * count), row_lists([[]] * count)))
    norms = np.square(queries, dtype=np.float64).sum(axis=1)
    nowhere = np.zeros(count)
    job = Job(
        work,
        Features(queries, norms),
        entries(work, nowhere),
        Limits(nowhere, np.empty(0)),
        Settings(metric, nearest=2),
    )
    return DevicePass(job, device="cpu", half=half)


class Edges(DevicePass):
    """Puts the edges of every band on the least and the greatest score of a negative."""

    def _band(self, tile, _values, rows):
        some = tile.scores[self._put(rows)]
        live = some > float(BLANK)
        return some.masked_fill(~live, torch.inf).amin(1), some.masked_fill(~live, -torch.inf).amax(1)


@pytest.mark.parametrize("metric", METRICS)
def test_a_score_on_either_edge_of_the_band_is_decided_exactly_and_once(monkeypatch, metric):
    monkeypatch.setattr(module, "DevicePass", Edges)

    found = ranked(fan([0.3, 0.8, 0.5, 0.8]), metric)

    assert (found.closer.tolist(), found.tied.tolist()) == ([2], [1])


@pytest.mark.parametrize("metric", METRICS)
def test_what_may_be_nearer_than_the_last_of_a_full_list_is_looked_at(monkeypatch, metric):
    """The first block fills the list, and all of the second may be nearer."""
    monkeypatch.setattr(module, "DevicePass", Edges)

    ranked(fan([1.2, 1.4, 0.5, 0.3]), metric, nearest=2, block=2)


@pytest.mark.parametrize("metric", METRICS)
def test_a_score_on_the_edge_of_a_list_is_listed(monkeypatch, metric):
    class Edge(DevicePass):
        """Takes the last score of a list for the least that can be in it."""

        def _below(self, _tile, score):
            return score.astype(np.float32)

    monkeypatch.setattr(module, "DevicePass", Edge)

    ranked(fan([0.3, 0.8, 0.5, 0.9, 1.2, 1.4]), metric, nearest=3)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("share", "tied"), [(0.6, 1), (1.6, 0)])
def test_units_tie_within_the_tolerance_of_the_rows_width(metric, share, tied):
    width = 700
    gap = share * tolerance(width)
    query = np.zeros((1, width), np.float32)
    rows = np.zeros((2, width), np.float32)
    if metric == "cosine":  # of 1 and 1 - gap
        query[0, 0] = rows[:, 0] = 1
        rows[1, 1] = np.sqrt(2 * gap)
    else:  # of distances 1 and 1 + gap
        rows[:, 0] = 1
        rows[1, 1] = np.sqrt(gap)

    found = ranked((query, rows, Relevance(1, 2, row_lists([[1]]), row_lists([[]]))), metric)

    assert (found.closer.tolist(), found.tied.tolist()) == ([1 - tied], [tied])


def test_what_rounding_took_from_a_sum_decides_between_means():
    # Both sums are 1 in float64; the query is a little more than their half.
    rows = np.array([[1], [-(2.0**-60)], [1], [2.0**-60]], dtype=np.float32)
    query = np.array([[0.5 + 2.0**-24]], dtype=np.float32)
    relevance = Relevance(1, 2, row_lists([[0]]), row_lists([[]]), np.repeat(np.arange(2), 2), "mean feature")

    found = ranked((query, rows, relevance), "euclidean", nearest=2)

    assert (found.closer.tolist(), found.tied.tolist()) == ([1], [0])


@pytest.mark.parametrize("sizes", [[3], [2, 1, 3]])
def test_means_are_scaled_by_the_longest_of_them(sizes):
    rng = np.random.default_rng(1)
    images = (rng.standard_normal((sum(sizes), 5)) * 300 + 1000).astype(np.float32)
    made = pass_of(images[:2] / 7, "euclidean")
    sums, means = unit_sums(images, np.cumsum([0, *sizes]))

    table = made._prepare(sums, np.square(sums).sum(axis=1), means)

    wanted = sums / np.array(sizes)[:, None]
    longest = np.linalg.norm(wanted, axis=1).max() + np.linalg.norm(made.centre)
    assert table.scale == 2.0 ** -np.ceil(np.log2(longest))
    assert table.values.numpy() == pytest.approx((wanted - made.centre) * table.scale, rel=1e-4)


@pytest.mark.parametrize("kept", [True, False])
def test_a_factor_is_kept_from_the_least_normal_float16_on(kept):
    made = pass_of(np.array([[1, 0], [0, 1]], np.float32), "euclidean", half=True)
    made.centre = np.zeros(2)
    row = np.array([[0.5, 2.0**-14 * (1 if kept else 1 - 2.0**-10)]], np.float32)

    table = made._prepare(row, np.square(row, dtype=float).sum(axis=1), NO_MEANS)

    wanted = row.astype(float) * [1, kept]
    assert table.scale == 1
    assert table.values.tolist() == wanted.tolist()
    assert table.lengths.residual[0] == pytest.approx(0 if kept else row[0, 1], abs=1e-12)


def tile_of(made, *, offset=0.75, scale=0.125):
    """Return a tile without errors of its products."""
    count = len(made.shifts)
    columns = _Columns(made.queries, 0, np.arange(count + 1), torch.arange(count + 1))
    return _Tile(columns, 0, torch.zeros(count, count), np.zeros(count), Bound(scale, 0.0, offset))


QUERIES = np.random.default_rng(2).standard_normal((4, 24)).astype(np.float32)


def test_the_least_score_of_a_list_leaves_room_for_the_slack_of_every_unit():
    for metric in METRICS:
        made = pass_of(QUERIES, metric)
        tile = tile_of(made)
        shifts, scale, offset = made.shifts, tile.bound.scale, tile.bound.offset
        # The farthest unit: a product of -1, less the greatest bias.
        farthest = -2 * (1 + offset) / scale - shifts if metric == "euclidean" else np.ones(len(shifts))
        most = slacks_of(farthest, shifts, 24, euclidean=metric == "euclidean")

        found = made._below(tile, np.zeros(len(shifts)))

        assert found == pytest.approx(-2 * most * (scale if metric == "euclidean" else 1), rel=1e-6, abs=0)


def test_bands_do_not_depend_on_the_unit_of_the_features():
    made, larger = (pass_of(QUERIES * np.float32(factor), "euclidean") for factor in (1, 2.0**12))
    values, rows = -np.arange(1.0, 5), np.arange(4)

    low, high = made._band(tile_of(made, scale=made.queries.scale**2), values, rows)
    other = tile_of(larger, scale=larger.queries.scale**2)
    wider = larger._band(other, values * 2.0**24, rows)

    assert larger.queries.scale == made.queries.scale / 2**12
    assert low.tolist() == wider[0].tolist()
    assert high.tolist() == wider[1].tolist()
    assert (high - low).max() < 1e-6
