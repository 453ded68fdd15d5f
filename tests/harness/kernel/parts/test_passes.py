"""A pass and what it makes ready: errors that depend on nothing else, scratch that is large enough."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from harness.kernel.bounds import errors_of
from harness.kernel.exact import tolerance
from harness.kernel.native.fold import LANES
from harness.kernel.native.scores import BLANK, read_row
from harness.kernel.native.tuples import Block, Features, Limits
from harness.kernel.native.whole import PANEL, ROWS
from harness.kernel.neighbours import Lists
from harness.kernel.passes import Job, Pass, scratch_of, stretches
from harness.kernel.plan import entries, plan
from harness.kernel.prepared import Workers, norms_of
from harness.kernel.settings import Settings
from harness.tasks.relevance import Draw, Relevance
from tests.harness.kernel.native.plain import plain
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


def whole(workers, metric, precision, *, queries=1, units=6):
    """Return a pass in whole numbers and a block, of rows that all differ."""
    usual, block = made(workers, metric, queries=queries, units=units)
    rng = np.random.default_rng(5)
    rows, table = (rng.standard_normal((count, WIDTH)).astype(np.float32) for count in (queries, units))
    job = replace(usual.job, queries=Features(rows, norms_of(rows, workers)))
    return Pass(job, precision=precision, workers=workers), block._replace(rows=table, norms=norms_of(table, workers))


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
    assert len(scratch.touched) >= images + 2  # their number, and one behind the last is written
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


@pytest.mark.parametrize("queries", [0, 1, 128])
def test_few_queries_are_all_in_the_sample(queries):
    assert stretches(queries) == [slice(0, queries)]


@pytest.mark.parametrize("queries", [129, 500, 10_000])
def test_a_sample_of_many_queries_lies_all_over_them(queries):
    parts = stretches(queries)

    rows = [row for part in parts for row in range(part.start, part.stop)]
    assert len(rows) == len(set(rows)) == 128
    assert (min(rows), max(rows)) == (0, queries - 1)
    apart = np.diff([part.start for part in parts])
    assert apart.max() - apart.min() <= 1


def scores_of(counting, block):
    """Return the scores of all queries and images in exact numbers, but for float64's rounding: see ``bounds``."""
    tables = [counting.queries.rows.astype(float), block.rows.astype(float)]
    scales = 1.0, 1.0
    if counting.euclidean:
        scales = counting.prepared.scale, counting._target(block).prepared.scale
    else:
        tables = [rows / np.linalg.norm(rows, axis=1)[:, None] for rows in tables]
    x, y = ((rows - counting.centre) * scale for rows, scale in zip(tables, scales, strict=True))
    bias = (y**2).sum(axis=1) * scales[0] / scales[1] / 2 if counting.euclidean else -(y / scales[1]) @ counting.centre
    return x @ y.T - bias


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("precision", ["int8", "int16"])
def test_tiles_of_whole_numbers_hold_the_scores_of_their_queries_and_images(workers, metric, precision):
    counting, block = whole(workers, metric, precision, queries=11, units=200)
    target, wanted = counting._target(block), scores_of(counting, block)
    room = counting._room(130)

    for rows, first, last in ((slice(0, 11), 0, 130), (slice(3, 9), 70, 200), (slice(10, 11), 64, 128)):
        tile, buffer = counting._tile(target, rows, first, last, room), scratch_of(130, 1)[0]
        for query in range(rows.start, rows.stop):
            plain(read_row)(tile, query - rows.start, buffer)
            found, right = buffer.images[: last - first], wanted[query, first:last]
            error = target.errors[query] + 2.0**-21 * (np.abs(right) + target.errors[query] + target.bound.offset)
            assert (np.abs(found - right) <= error).all()
        if precision == "int8":
            finer = tile.whole.rows[rows] @ tile.block.words.values.T.astype(np.float32) * tile.block.words.steps
            finer -= tile.block.words.bias
            near = np.abs(finer - wanted[rows, first:last])
            assert (near <= (target.finer[rows] + 2.0**-21 * (1 + target.bound.offset))[:, None]).all()
            assert (tile.whole.errors == target.finer).all()
        else:
            assert len(tile.whole.rows) == len(tile.whole.errors) == len(tile.block.words.values) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_whole_numbers_are_summed_without_an_error_and_bytes_have_that_of_a_second_look(workers, metric):
    bound = {}
    for precision in ("int16", "int8"):
        counting, block = whole(workers, metric, precision, queries=5, units=70)
        target = counting._target(block)
        own, other = counting.prepared, target.prepared
        bound[precision] = errors_of(own.lengths, other.lengths, WIDTH, target.bound.offset, 0.0)
        assert target.bound.rounding == 2.0**-21
        if precision == "int16":
            assert target.errors.tolist() == bound["int16"].tolist()
            assert len(target.finer) == 0
        else:
            finer = errors_of(own.finer, other.finer, WIDTH, target.bound.offset, 2.0**-23)
            assert target.finer.tolist() == finer.tolist()
            assert target.errors.tolist() == np.maximum(finer, bound["int8"]).tolist()
            assert (finer < bound["int8"] / 9).all()
    assert (bound["int16"] < bound["int8"] / 9).all()


def test_the_error_of_bytes_is_no_smaller_than_that_of_their_second_look(workers):
    counting, block = whole(workers, "euclidean", "int8")
    block.rows[:] = 0  # they are then as exact as bytes can be, and only the sum of the second look is not
    counting.prepared = counting._prepare(Features(counting.queries.rows, counting.queries.norms))
    own = counting.prepared
    counting.prepared = replace(own, lengths=replace(own.lengths, residual=own.lengths.residual * 0))

    target = counting._target(block)

    assert (target.errors >= target.finer).all()
    assert (target.finer > 0).all()


@pytest.mark.parametrize("images", [1, 64, 65, 2048])
def test_the_room_for_whole_numbers_holds_a_tile_wherever_it_begins(workers, images):
    counting, _ = whole(workers, "cosine", "int8")
    panels = max(-(-(start + images) // PANEL) for start in range(PANEL))

    room = counting._room(images)

    assert room.dtype == np.int32
    assert counting.size[0] + ROWS - 1 <= room.shape[0] <= counting.size[0] + ROWS
    assert PANEL * panels <= room.shape[1] <= PANEL * (panels + 1)
    assert made(workers, "cosine")[0]._room(images).size == 0


@pytest.mark.parametrize(("precision", "looks"), [("int8", 6), ("int16", 0), ("float32", 0)])
def test_finer_scores_of_lists_have_room_for_the_units_of_a_block(workers, precision, looks):
    counting, block = whole(workers, "cosine", precision, queries=2)
    lists = Lists.empty(2, 3)

    lister = counting._lister(lists, counting._target(block), slice(0, 2))

    assert lister.listing.looks.shape == (looks,)
    assert len(lister.listing.finer) == (2 if looks else 0)
