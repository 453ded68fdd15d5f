"""A pass and what it makes ready: errors that depend on nothing else, scratch that is large enough."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from harness.kernel.exact import tolerance
from harness.kernel.native.fold import LANES
from harness.kernel.native.scores import BLANK
from harness.kernel.native.tuples import Block, Features, Limits
from harness.kernel.passes import Job, Pass, scratch_of
from harness.kernel.plan import entries, plan
from harness.kernel.prepared import Workers, norms_of
from harness.kernel.settings import Settings
from harness.tasks.relevance import Draw, Relevance
from tests.strategies import row_lists

METRICS = ["cosine", "euclidean"]
WIDTH = 12


@pytest.fixture(scope="module")
def workers():
    with ThreadPoolExecutor(1) as pool:
        yield Workers(pool, 1)


def made(workers, metric, *, queries=1, units=6, draws=(), width=0.0, nearest=0):
    """Return the pass of copies of one query, and a block of copies of one image."""
    rng = np.random.default_rng(4)
    query, image = rng.standard_normal((2, WIDTH)).astype(np.float32)
    relevance = Relevance(queries, units, row_lists([[1]] * queries), row_lists([[]] * queries), draws=draws)
    work = plan(relevance)
    rows = np.repeat(query[None], len(work.queries), axis=0)
    values = np.full(len(work.positives.units), -0.25)
    limits = Limits(values, np.full(len(values), width) if width else np.empty(0))
    job = Job(
        work, Features(rows, norms_of(rows, workers)), entries(work, values), limits, Settings(metric, nearest=nearest)
    )
    table = np.repeat(image[None], units, axis=0)
    block = Block(table, norms_of(table, workers), np.arange(units + 1), 0)
    return Pass(job, precision="float32", workers=workers), block


@pytest.mark.parametrize("metric", METRICS)
def test_the_error_of_a_query_does_not_depend_on_the_number_of_queries_or_images(workers, metric):
    alone, block = made(workers, metric)
    several, larger = made(workers, metric, queries=40, units=300)
    size = alone.shifts[0] + 0.25 if metric == "euclidean" else 1

    errors = alone._target(block).errors
    assert several._target(larger).errors == pytest.approx(errors[0], rel=1e-3, abs=0)
    assert several.asked.slacks == pytest.approx(alone.asked.slacks[0], rel=1e-3, abs=0)
    assert alone.comparison.tolerance == several.comparison.tolerance == tolerance(WIDTH)
    assert alone.asked.slacks[0] == pytest.approx(8 * (WIDTH + 32) * 2.0**-53 * size, rel=1e-6, abs=0)


@pytest.mark.parametrize(("metric", "share"), [("cosine", 1), ("euclidean", 0.5)])
def test_a_width_of_ties_widens_what_the_first_pass_leaves_by_its_score(workers, metric, share):
    usual, _ = made(workers, metric)
    wide, _ = made(workers, metric, width=0.5)

    assert len(usual.asked.widths) == 0
    assert wide.asked.widths.tolist() == [0.5]
    assert wide.asked.slacks - usual.asked.slacks == pytest.approx(0.5 * share)


def test_units_outside_a_draw_are_blanked_in_every_block(workers):
    draws = (Draw(np.array([0]), np.array([0, 1, 4])), Draw(np.array([0]), np.array([1, 3, 4, 5])))
    counting, block = made(workers, "cosine", draws=draws)  # units 0, 1, 3, 4 and 5

    whole = counting._target(block.part(0, 5)).penalties
    part = counting._target(block.part(2, 4)).penalties

    assert (whole == [[0, 0, BLANK, 0, BLANK], [BLANK, 0, 0, 0, 0]]).all()
    assert (part == [[BLANK, 0], [0, 0]]).all()
    assert part.dtype == np.float32


@pytest.mark.parametrize("images", [1, 7, 8, 17, 1024])
def test_scratch_holds_a_row_of_images_in_whole_eights(images):
    buffer, scratch = scratch_of(images, 3)

    assert len(buffer.images) == len(buffer.bits) == len(buffer.drawn) == images
    assert np.shares_memory(buffer.images, buffer.bits)
    assert scratch.bands.shape[0] == 3
    assert scratch.bands.shape[1] >= 2
    assert len(scratch.kept) == len(scratch.places) == len(scratch.guesses) == len(scratch.exacts) == images
    assert len(scratch.flags) >= images
    assert scratch.flags.nbytes == scratch.words.nbytes
    assert np.shares_memory(scratch.flags, scratch.words)
    assert not scratch.flags.any()
    assert len(scratch.found) > images  # one behind the last is written
    assert len(scratch.touched) > images
    assert scratch.touched[0] == 0
    assert np.isnan(scratch.guesses).all()
    assert np.isnan(scratch.exacts).all()
    assert len(scratch.acc) == LANES


def test_a_sample_holds_at_least_one_unit_however_many_images_it_has(workers):
    counting, images = made(workers, "cosine", units=1500, nearest=3)
    block = Block(images.rows, images.norms, np.array([0, 1400, 1500]), 0)

    assert 0 <= counting.doubt(block) <= 1
    assert not counting.closer.any()
    assert counting.lists.numbers.tolist() == [0]
