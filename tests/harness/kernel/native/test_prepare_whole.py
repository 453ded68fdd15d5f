"""Rows prepared as whole numbers are what the definitions say, number by number, and nothing is written beside them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.kernel.native import prepare
from harness.kernel.native.prepare import LEAST, RoundedWhole, RowFrame
from harness.kernel.native.tuples import Features
from harness.kernel.native.whole import FOUR, LENGTH, PANEL
from tests.harness.kernel.native.plain import plain

LIFTED = 0x80808080
JUNK = 77


def prepared(rows, centre, scale=1.0, *, euclidean, words, gallery, first=0):
    """Return rows as they are prepared, one by one in Python; all tables hold other numbers before."""
    count, width = rows.shape
    packed = -(-width * (2 if words else 1) // FOUR)
    asked, answering = (0, count) if gallery else (count, 0)
    out = RoundedWhole(
        rows=np.full((asked, packed), JUNK, np.uint32),
        panels=np.full((-(-(first + answering) // PANEL) if gallery else 0, packed, PANEL), JUNK, np.uint32),
        step=np.full(count, JUNK, np.float32),
        sums=np.full(count, JUNK, np.int32),
        wide=np.full((0 if words else asked, width), JUNK, np.float32),
        words=np.full((0 if words else answering, width), JUNK, np.int16),
        word=np.full(0 if words else answering, JUNK, np.float32),
        sizes=np.full((count, 6), JUNK, np.float64),
    )
    norms = (rows.astype(np.float64) ** 2).sum(axis=1)
    buffer, scratch = np.full(width, JUNK, np.float32), np.full(packed, JUNK, np.uint32)
    frame = RowFrame(centre, scale, euclidean)
    plain(prepare.prepare_whole)(Features(rows, norms), frame, out, first, words, buffer, scratch)
    return out


def exact_of(rows, centre, scale, *, euclidean):
    """Return rows centred and scaled, in float64."""
    rows = rows.astype(np.float64)
    lengths = np.ones(len(rows)) if euclidean else np.sqrt((rows**2).sum(axis=1))
    factors = np.array([1 / length if length > 0 else 0 for length in lengths])
    return (rows * factors[:, None] - centre) * scale


def numbers_of(out, width, *, words, first=0):
    """Return the numbers of rows, of a gallery from its panels, with the zeros behind each."""
    kind = np.int16 if words else np.int8
    if not len(out.panels):
        return out.rows.view(kind)
    images = out.panels.transpose(0, 2, 1).reshape(-1, out.panels.shape[1])[first : first + len(out.step)]
    return np.ascontiguousarray(images if words else images ^ np.uint32(LIFTED)).view(kind)


def greatest_of(exact):
    return np.abs(exact.astype(np.float32)).max(axis=1)


def rounded_to(exact, steps_in_one):
    """Return rows in float32 as whole numbers, for (n,) steps in a one; zeros where that is infinite."""
    inverse = np.where(np.isfinite(steps_in_one), steps_in_one, 0).astype(np.float32)
    return np.rint(exact.astype(np.float32) * inverse[:, None])


def inverse_of(number, of):
    with np.errstate(divide="ignore"):
        return np.float32(number) / of


def problem(count, width, *, zero=True):
    rng = np.random.default_rng(10 * count + width)
    rows = (rng.standard_normal((count, width)) * 10.0 ** rng.integers(-2, 2, (count, 1))).astype(np.float32)
    if zero and count > 2:
        rows[1] = 0
    return rows, (rng.standard_normal(width) / 8).astype(np.float32).astype(np.float64)


SHAPES = [(1, 1), (1, 5), (4, 9), (9, 4), (3, 6), (5, 11)]


@pytest.mark.parametrize("gallery", [False, True])
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_whole_numbers_times_a_step_with_their_figures(shape, euclidean, words, gallery):
    rows, centre = problem(*shape)
    scale, width = (0.25 if euclidean else 1.0), shape[1]

    out = prepared(rows, centre, scale, euclidean=euclidean, words=words, gallery=gallery)

    exact = exact_of(rows, centre, scale, euclidean=euclidean)
    greatest = greatest_of(exact)
    if words:
        longest = (np.sqrt((exact**2).sum(axis=1)) / LENGTH).astype(np.float32)
        step = np.maximum(greatest / np.float32(32000), longest)
        wanted = rounded_to(exact, inverse_of(1, step))
    else:
        step = greatest / np.float32(127)
        wanted = rounded_to(exact, inverse_of(127, greatest))
    assert out.step == pytest.approx(step, rel=2.0**-23)
    numbers = numbers_of(out, width, words=words).astype(np.int64)
    assert numbers[:, :width].tolist() == wanted.tolist()
    assert not numbers[:, width:].any()  # zeros behind the last add nothing to a product
    assert out.sums.tolist() == (np.zeros(len(rows)) if words else -128 * wanted.sum(axis=1)).tolist()

    rounded = out.step.astype(np.float64)[:, None] * wanted
    figures = [((exact - rounded) ** 2).sum(axis=1) ** 0.5, (rounded**2).sum(axis=1) ** 0.5]
    figures += [(exact * centre).sum(axis=1), (exact**2).sum(axis=1)]
    assert out.sizes[:, :4] == pytest.approx(np.stack(figures, axis=1), rel=1e-12, abs=1e-15)
    if words or not gallery:
        assert (out.sizes[:, 4:] == JUNK).all()


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gallery_of_bytes_has_words_for_second_looks(shape, euclidean):
    rows, centre = problem(*shape)

    out = prepared(rows, centre, 0.5 if euclidean else 1.0, euclidean=euclidean, words=False, gallery=True)

    exact = exact_of(rows, centre, 0.5 if euclidean else 1.0, euclidean=euclidean)
    word = greatest_of(exact) / np.float32(32000)
    assert out.word.tolist() == word.tolist()
    assert out.words.tolist() == rounded_to(exact, inverse_of(1, word)).tolist()
    rounded = word.astype(np.float64)[:, None] * out.words
    rest = exact.astype(np.float32).astype(np.float64) - rounded
    wanted = np.stack([(rest**2).sum(axis=1) ** 0.5, (rounded**2).sum(axis=1) ** 0.5], axis=1)
    assert out.sizes[:, 4:] == pytest.approx(wanted, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
def test_queries_of_bytes_keep_their_float32_for_second_looks(shape):
    rows, centre = problem(*shape)

    out = prepared(rows, centre, 2.0, euclidean=True, words=False, gallery=False)

    assert out.wide.tolist() == exact_of(rows, centre, 2.0, euclidean=True).astype(np.float32).tolist()


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("first", [1, PANEL - 3, PANEL, 2 * PANEL + 5])
def test_images_stand_in_the_panels_by_their_number(words, first):
    rows, centre = problem(7, 5)

    out = prepared(rows, centre, euclidean=True, words=words, gallery=True, first=first)

    alone = prepared(rows, centre, euclidean=True, words=words, gallery=False)
    places = out.panels.transpose(0, 2, 1).reshape(-1, out.panels.shape[1])
    assert (places[first : first + 7] == alone.rows ^ np.uint32(0 if words else LIFTED)).all()
    assert (places[:first] == JUNK).all()
    assert (places[first + 7 :] == JUNK).all()


def test_no_row_of_words_is_longer_than_sums_of_products_allow():
    rows = np.ones((2, 300), np.float32)
    rows[1, 0] = 3

    out = prepared(rows, np.zeros(300), euclidean=True, words=True, gallery=False)

    numbers = numbers_of(out, 300, words=True).astype(np.int64)
    assert np.linalg.norm(numbers, axis=1) == pytest.approx(LENGTH, abs=np.sqrt(300) / 2)


@pytest.mark.parametrize("words", [False, True])
def test_the_greatest_number_of_a_row_is_the_greatest_whole_number(words):
    rows = np.array([[1, 0.25], [-1e-20, 0], [3e30, -1e30]], np.float32)

    out = prepared(rows, np.zeros(2), euclidean=True, words=words, gallery=False)

    numbers = numbers_of(out, 2, words=words)[:, :2].tolist()
    assert numbers == ([[32000, 8000], [-32000, 0], [32000, -10667]] if words else [[127, 32], [-127, 0], [127, -42]])


@pytest.mark.parametrize("gallery", [False, True])
@pytest.mark.parametrize("words", [False, True])
def test_a_row_below_the_least_is_zeros_with_the_whole_row_as_residual(words, gallery):
    """Its steps would leave float32, and the inverse of these as well."""
    rows = np.array([[0.9, 0.5], [1.5, 0.5], [0, 0], [1e-10, 0]]) * LEAST

    out = prepared(rows, np.zeros(2), euclidean=True, words=words, gallery=gallery)

    numbers = numbers_of(out, 2, words=words)[:, :2]
    assert not numbers[[0, 2, 3]].any()
    assert out.step[[0, 2, 3]].tolist() == [0, 0, 0]
    assert numbers[1].tolist() == ([32000, 10667] if words else [127, 42])
    assert out.sizes[0, :2] == pytest.approx([np.hypot(0.9, 0.5) * LEAST, 0], rel=1e-12, abs=0)
    assert (out.step[1] > np.finfo(np.float32).tiny).all()
    if gallery and not words:
        assert not out.words[[0, 2, 3]].any()
        assert out.word[[0, 2, 3]].tolist() == [0, 0, 0]
        assert out.sizes[2, 4:].tolist() == [0, 0]


@pytest.mark.parametrize("length", [0.5, 1.0, 3.0])
def test_a_direction_does_not_depend_on_the_length_of_its_row(length):
    rows = np.array([[0.6, 0.8, 0]]) * length

    out = prepared(rows, np.array([0, 0, 0.5]), euclidean=False, words=False, gallery=False)

    assert out.wide == pytest.approx(np.array([[0.6, 0.8, -0.5]]), rel=2.0**-23)
    assert out.sizes[0, 2:4] == pytest.approx([-0.25, 1.25], rel=1e-14)
