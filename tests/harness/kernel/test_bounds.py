"""The bound of the first pass holds on rows built to break it, and the canonical similarity is as near as it says."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from harness.kernel.bounds import NONE, OUTPUT_BFLOAT16, OUTPUT_FLOAT32, centre_of, product_error
from harness.kernel.exact import tolerance
from harness.kernel.native.fold import LANES
from harness.kernel.native.similarity import pair_similarities
from harness.kernel.native.tuples import NO_MEANS, Block, Features, UnitPairs
from harness.kernel.native.whole import PANEL, ROWS, multiply
from harness.kernel.prepared import Workers, norms_of, prepare_rows, prepare_whole_rows
from harness.kernel.products import Products
from harness.kernel.ranking import rank
from harness.kernel.settings import Settings, Tuning
from harness.kernel.walk import open_walk
from harness.tasks.relevance import Relevance
from tests import reference
from tests.harness.kernel.problems import as_lists, as_pairs
from tests.strategies import features, problems, row_lists


@pytest.fixture(scope="module")
def workers():
    with ThreadPoolExecutor(1) as pool:
        yield Workers(pool, 1)


def tables(rng, width, kind):
    rows = rng.standard_normal((60, width))
    if kind == "one sign":
        rows = np.abs(rows) + 0.1
    elif kind == "half ways":  # every number is half way between two of bfloat16
        rows = 1 + rng.integers(0, 128, rows.shape) / 128 + 1 / 256
    elif kind == "spikes":
        rows *= rng.random(rows.shape) < 3 / width
    elif kind == "scales":
        rows *= 10.0 ** rng.integers(-8, 8, (60, 1))
    return rows.astype(np.float32)


def exact_products(rows, centre, scales, *, euclidean):
    """Return (20, 40) products in float64 of the first rows with the others, less the centre and scaled."""
    exact = []
    for part, scale in zip((slice(0, 20), slice(20, 60)), scales, strict=True):
        length = np.sqrt((rows[part].astype(np.float64) ** 2).sum(axis=1, keepdims=True))
        direction = rows[part] if euclidean else rows[part] / np.where(length > 0, length, 1)
        exact.append((direction - centre) * scale)
    return exact[0] @ exact[1].T


@pytest.mark.parametrize("kind", ["normal", "one sign", "half ways", "spikes", "scales"])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("width", [1, 2, 7, 64, 515, 2048])
def test_no_product_is_further_off_than_its_bound(workers, kind, half, euclidean, width):
    rows = tables(np.random.default_rng(width), width, kind)
    norms = norms_of(rows, workers)
    centre = centre_of(rows[:20], norms[:20], euclidean=euclidean)
    queries, gallery = (
        prepare_rows(Features(rows[part], norms[part]), centre, workers, euclidean=euclidean, half=half)
        for part in (slice(0, 20), slice(20, 60))
    )
    product = Products("bfloat16" if half else "float32")(queries.values, gallery.values)
    if half:
        product = (product.astype(np.uint32) << 16).view(np.float32)

    wanted = exact_products(rows, centre, (queries.scale, gallery.scale), euclidean=euclidean)
    error = product_error(queries.lengths, gallery.lengths, width)[:, None]
    rounding = OUTPUT_BFLOAT16 if half else OUTPUT_FLOAT32

    assert (np.abs(product - wanted) <= error + rounding * (np.abs(wanted) + error)).all()


@pytest.mark.parametrize("kind", ["normal", "one sign", "half ways", "spikes", "scales", "equal"])
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("width", [1, 2, 7, 64, 515, 2048])
def test_no_product_in_whole_numbers_is_further_off_than_its_bound(workers, kind, words, euclidean, width):
    rows = (
        np.full((60, width), 0.1, np.float32) if kind == "equal" else tables(np.random.default_rng(width), width, kind)
    )
    norms = norms_of(rows, workers)
    centre = centre_of(rows[:20], norms[:20], euclidean=euclidean)
    queries, gallery = (
        prepare_whole_rows(
            Features(rows[part], norms[part]),
            centre,
            workers,
            NO_MEANS,
            euclidean=euclidean,
            words=words,
            gallery=bool(part.start),
        )
        for part in (slice(0, 20), slice(20, 60))
    )
    left, right = queries.rounded, gallery.rounded
    room = np.empty((20 + ROWS, PANEL), np.int32)
    multiply(left.rows, left.sums, right.panels, words, 0, 20, 0, 1, room)
    product = room[:20, :40].astype(np.float32) * (left.step[:, None] * right.step)

    wanted = exact_products(rows, centre, (queries.scale, gallery.scale), euclidean=euclidean)

    def within(found, error):
        return (np.abs(found - wanted) <= error[:, None] + OUTPUT_FLOAT32 * (np.abs(wanted) + error[:, None])).all()

    assert within(product, product_error(queries.lengths, gallery.lengths, width, NONE))
    if not words:
        finer = (left.wide @ right.words.T.astype(np.float32)) * right.word
        assert within(finer, product_error(queries.finer, gallery.finer, width))


@settings(max_examples=60, deadline=None)
@given(table=features(2, 45), euclidean=st.booleans())
def test_the_canonical_similarity_is_within_half_a_tolerance_of_real_numbers(table, euclidean):
    out, one = np.empty(1), np.zeros(1, np.int64)
    norms = np.array([reference.ordered_sum(row * row) for row in table.astype(np.float64)])
    queries, block = Features(table[:1], norms[:1]), Block(table[1:], norms[1:], np.arange(2), first=0)
    pair_similarities(queries, block, UnitPairs(one, one), euclidean, out, np.empty(LANES))
    a, b = ([Fraction(float(value)) for value in row] for row in table)

    if euclidean:
        real = -sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        assert abs(Fraction(float(out[0])) - real) <= Fraction(tolerance(45)) * abs(real) / 2
    else:
        dot, square = sum(x * y for x, y in zip(a, b, strict=True)), sum(x * x for x in a) * sum(y * y for y in b)
        scale = Fraction(2) ** 400
        root = Fraction(math.isqrt(int(square * scale * scale))) / scale
        real = dot / root if root else Fraction(0)
        assert abs(Fraction(float(out[0])) - real) <= Fraction(tolerance(45)) / 2


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    gap=st.sampled_from([2e-2, 1e-2, 4e-3, 3e-4, 1e-3, 6e-5, 1e-5, 1e-7, 1e-9, 1e-12, 1e-13, 3e-14, 1e-15]),
    metric=st.sampled_from(["cosine", "euclidean"]),
    precision=st.sampled_from(["float32", "bfloat16", "int16", "int8"]),
)
def test_near_ties_of_every_size_are_decided_as_float64_decides_them(seed, gap, metric, precision):
    rng = np.random.default_rng(seed)
    query = rng.standard_normal(96)
    query /= np.linalg.norm(query)
    others = rng.standard_normal((40, 96))
    others -= np.outer(others @ query, query)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    cosines = 0.6 + gap * rng.integers(-3, 4, 40)
    gallery = (cosines[:, None] * query + np.sqrt(1 - cosines**2)[:, None] * others).astype(np.float32)
    gallery[20:30] = gallery[:10]
    relevance = Relevance(
        queries=1, units=40, positives=row_lists([rng.choice(40, 12, replace=False).tolist()]), ignored=row_lists([[]])
    )
    asked = query[None].astype(np.float32)

    answers = rank(asked, gallery, relevance, metric=metric, tuning=Tuning(precision, threads=1))

    assert as_lists(answers) == reference.rank(asked, gallery, relevance, metric)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    problem=problems(kinds=["offset"], reduces=["mean feature"]),
    precision=st.sampled_from(["float32", "bfloat16", "int16", "int8"]),
)
def test_means_of_rows_near_one_another_and_far_from_zero_are_decided_alike(problem, precision):
    answers = rank(
        problem.queries, problem.gallery, problem.relevance, metric="euclidean", tuning=Tuning(precision, threads=1)
    )

    assert as_lists(answers) == reference.rank(problem.queries, problem.gallery, problem.relevance, "euclidean")


@pytest.mark.parametrize("seed", range(3))
def test_means_far_from_zero_are_decided_as_float64_decides_them(seed):
    # Means are between two float32: here rounding one moves it by a tenth of the distances.
    rng = np.random.default_rng(seed)
    spread = 3e-4 * rng.standard_normal((602, 16))
    queries = (spread[:2] + np.array([[1000], [-1000]])).astype(np.float32)
    gallery = (spread[2:] + 1000).astype(np.float32)
    relevance = Relevance(
        queries=2,
        units=200,
        positives=row_lists([[0, 1, 2], []]),
        ignored=row_lists([[], []]),
        unit_of=np.repeat(np.arange(200), 3),
        reduce="mean feature",
    )
    wanted = reference.rank(queries, gallery, relevance, "euclidean")
    nearest = reference.nearest(queries, gallery, relevance, "euclidean", 5)
    ways = [
        {"precision": precision, "block": block}
        for precision in ("float32", "bfloat16", "int16", "int8")
        for block in (None, 70)
    ]

    for way in [*ways, {"by_torch": True}, {"by_torch": True, "precision": "float32", "block": 70}]:
        by_torch = way.pop("by_torch", False)
        settled = Settings("euclidean", tuning=Tuning(threads=1, **way), nearest=5, by_torch=by_torch)
        with open_walk(queries, gallery, relevance, settled) as walk:
            ranks, lists = walk.run()
        assert as_lists(ranks) == wanted, way
        assert as_pairs(lists) == nearest, way
