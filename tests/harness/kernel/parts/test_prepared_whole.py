"""Tables made ready for products of whole numbers: their shapes, their pieces, and lengths that bound every error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from harness.kernel.bounds import NONE, product_error
from harness.kernel.exact import unit_sums
from harness.kernel.native.tuples import NO_MEANS, Features
from harness.kernel.native.whole import FOUR, PANEL, ROWS
from harness.kernel.prepared import Workers, norms_of, prepare_whole_rows

FLOAT32 = 2.0**-23
LIFTED = 0x80808080


@pytest.fixture(scope="module")
def workers():
    with ThreadPoolExecutor(1) as pool:
        yield Workers(pool, 1)


def prepared(rows, centre, workers, means=NO_MEANS, *, euclidean=True, words=False, gallery=False):
    features = Features(rows, norms_of(rows, workers))
    return prepare_whole_rows(features, centre, workers, means, euclidean=euclidean, words=words, gallery=gallery)


def numbers_of(found, *, words):
    """Return (n, d or more) whole numbers, of a gallery from its panels."""
    rounded = found.rounded
    count = len(rounded.step)
    packed = rounded.rows[:count]
    if len(rounded.panels):
        images = rounded.panels.transpose(0, 2, 1).reshape(-1, rounded.panels.shape[1])[:count]
        packed = images if words else images ^ np.uint32(LIFTED)
    return np.ascontiguousarray(packed).view(np.int16 if words else np.int8).astype(np.int64)


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("count", [0, 1, ROWS - 1, PANEL - 1, PANEL, PANEL + 1])
@pytest.mark.parametrize("width", [1, 5, 6, 8])
def test_tables_are_as_large_as_products_need(workers, count, width, words):
    rows = np.random.default_rng(2).standard_normal((count, width)).astype(np.float32)
    queries = prepared(rows, np.zeros(width), workers, words=words).rounded
    gallery = prepared(rows, np.zeros(width), workers, words=words, gallery=True).rounded

    packed = int(np.ceil(width * (2 if words else 1) / FOUR))
    second = 0 if words else count
    assert [table.shape for table in (queries.rows, queries.sums)] == [(count + ROWS - 1, packed), (count + ROWS - 1,)]
    assert [table.shape for table in (gallery.rows, gallery.sums)] == [(0, packed), (count,)]
    assert queries.panels.shape == (0, packed, PANEL)
    assert gallery.panels.shape == (int(np.ceil(count / PANEL)), packed, PANEL)
    assert queries.step.shape == gallery.step.shape == (count,)
    assert [queries.wide.shape, gallery.wide.shape] == [(second, width), (0, width)]
    assert [queries.words.shape, gallery.words.shape] == [(0, width), (second, width)]
    assert [queries.word.shape, gallery.word.shape] == [(0,), (second,)]
    assert not queries.rows[count:].any()  # products with the rows behind the last stay within int32
    assert not queries.sums[count:].any()


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("gallery", [False, True])
@pytest.mark.parametrize("sizes", [None, [3], [2, 1, 3]])
def test_rows_are_centred_scaled_and_measured(workers, euclidean, words, gallery, sizes):
    rng = np.random.default_rng(1)
    images = (rng.standard_normal((6 if sizes is None else sum(sizes), 5)) * 300 + 1000).astype(np.float32)
    centre = (
        (rng.standard_normal(5) + 900).astype(np.float32).astype(float) if euclidean else rng.standard_normal(5) / 9
    )
    rows, means, exact = images, NO_MEANS, images.astype(float)
    if sizes is not None:
        rows, means = unit_sums(images, np.cumsum([0, *sizes]))
        exact = rows / np.array(sizes)[:, None]

    found = prepared(rows, centre, workers, means, euclidean=euclidean, words=words, gallery=gallery)

    longest = np.linalg.norm(exact, axis=1).max() + np.linalg.norm(centre)
    assert found.scale == (2.0 ** -np.ceil(np.log2(longest)) if euclidean else 1)
    if not euclidean:
        exact /= np.linalg.norm(exact, axis=1)[:, None]
    exact = (exact - centre) * found.scale
    norms, step = np.linalg.norm(exact, axis=1), found.rounded.step.astype(float)[:, None]
    values = step * numbers_of(found, words=words)[:, :5]
    assert (np.abs(values - exact) <= step * 0.501).all()
    assert (step[:, 0] <= 1.01 * np.maximum(np.abs(exact).max(axis=1) / (32000 if words else 127), norms / 46000)).all()
    residuals = np.linalg.norm(values - exact, axis=1)
    assert (residuals <= found.lengths.residual).all()
    assert found.lengths.residual == pytest.approx(residuals, rel=1e-3, abs=1e-10)
    assert found.lengths.rounded == pytest.approx(np.linalg.norm(values, axis=1))
    assert found.lengths.exact == pytest.approx(norms)
    assert found.squares == pytest.approx(norms**2)
    # Where rows are means, the centre is taken from them before: Euclidean distances do not need the product.
    if not euclidean:
        assert found.products == pytest.approx(exact @ centre)

    rounding = FLOAT32 * norms
    assert found.finer.exact == pytest.approx(norms)
    if words or not gallery:
        assert found.finer.residual == pytest.approx(rounding)
        assert found.finer.rounded == pytest.approx(norms)
    else:
        finer = found.rounded.word.astype(float)[:, None] * found.rounded.words
        own = np.linalg.norm(exact.astype(np.float32) - finer, axis=1)
        assert (np.linalg.norm(exact - finer, axis=1) <= found.finer.residual).all()
        assert found.finer.residual == pytest.approx(own + rounding, rel=1e-3, abs=1e-10)
        assert found.finer.rounded == pytest.approx(np.linalg.norm(finer, axis=1))


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("euclidean", [False, True])
def test_no_product_is_further_off_than_the_lengths_allow(workers, euclidean, extreme, words):
    rng = np.random.default_rng(6)
    queries, gallery = (rng.standard_normal((count, 13)).astype(np.float32) for count in (7, 70))
    queries[1] = gallery[1] = 0
    if extreme:
        queries[2:5] *= np.array([[1e10], [1e-15], [1e-30]], np.float32)
        gallery[2:5] *= np.array([[1e10], [1e-15], [1e-30]], np.float32)
    centre = queries.mean(axis=0).astype(float) if euclidean else np.full(13, 0.01)
    own = prepared(queries, centre, workers, euclidean=euclidean, words=words)
    other = prepared(gallery, centre, workers, euclidean=euclidean, words=words, gallery=True)

    def exact_of(rows, scale):
        lengths = np.ones(len(rows)) if euclidean else np.linalg.norm(rows.astype(float), axis=1)
        return (rows / np.where(lengths > 0, lengths, 1)[:, None] - centre) * scale

    exact = exact_of(queries, own.scale) @ exact_of(gallery, other.scale).T
    steps = own.rounded.step.astype(float)[:, None] * other.rounded.step
    sums = numbers_of(own, words=words) @ numbers_of(other, words=words).T
    assert (np.abs(steps * sums - exact) <= product_error(own.lengths, other.lengths, 13, NONE)[:, None]).all()
    if not words:
        finer = own.rounded.wide.astype(float) @ (other.rounded.word.astype(float)[:, None] * other.rounded.words).T
        allowed = product_error(own.finer, other.finer, 13)
        assert (np.abs(finer - exact) <= allowed[:, None]).all()
        assert extreme or (allowed < product_error(own.lengths, other.lengths, 13, NONE) / 10).all()


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("gallery", [False, True])
def test_several_pieces_are_prepared_like_one(workers, gallery, words):
    rows = np.random.default_rng(3).standard_normal((5000, 3)).astype(np.float32)
    centre = np.array([0.25, 0, 0.5])

    whole = prepared(rows, centre, workers, euclidean=False, words=words, gallery=gallery)

    numbers = numbers_of(whole, words=words)
    for part in (slice(0, 100), slice(2450, 2550), slice(4900, 5000)):
        own = prepared(rows[part], centre, workers, euclidean=False, words=words, gallery=gallery)
        assert numbers[part].tolist() == numbers_of(own, words=words).tolist()
        assert whole.squares[part].tolist() == own.squares.tolist()
        for name in ("step", "sums", "wide", "words", "word"):
            table, one = getattr(whole.rounded, name), getattr(own.rounded, name)
            assert table[part].tolist() == one[:100].tolist(), name
