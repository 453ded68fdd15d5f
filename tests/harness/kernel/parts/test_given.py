"""A finished matrix is read a few rows at a time, and refused by the row and column that are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import FeatureError
from harness.kernel import given
from harness.kernel.given import rank_given
from harness.tasks.relevance import Draw, Relevance
from tests.strategies import row_lists

MATRIX = np.array([[1, 5, 2], [4, 1, 1], [0, 3, 6], [2, 2, 2], [9, 8, 7]], dtype=np.float32)


def task(positives=([0], [2], [], [1], [0, 2]), **more):
    return Relevance(len(positives), 3, row_lists(positives), row_lists([[]] * len(positives)), **more)


class Slices:
    """A matrix that gives its rows by slices, and keeps which were asked for."""

    def __init__(self, table):
        self.table, self.shape, self.asked = table, table.shape, []

    def __getitem__(self, rows):
        self.asked.append((rows.start, rows.stop))
        return self.table[rows]


@pytest.mark.parametrize(
    ("block", "asked"),
    [
        (1, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]),
        (6, [(0, 2), (2, 4), (4, 5)]),
        (8, [(0, 2), (2, 4), (4, 5)]),
        (99, [(0, 5)]),
    ],
)
def test_as_many_rows_are_read_as_fit_or_one(monkeypatch, block, asked):
    monkeypatch.setattr(given, "BLOCK", block)
    matrix, told = Slices(MATRIX), []

    (found,) = rank_given(matrix, task(), progress=lambda *done: told.append(done))

    assert matrix.asked == asked
    assert told == [(last, 5) for _, last in asked]
    assert found.closer.tolist() == [0, 0, 0, 0, 1]
    assert found.tied.tolist() == [0, 1, 2, 0, 0]
    assert found.units.tolist() == [0, 2, 1, 2, 0]


def test_what_is_no_number_is_named_by_its_row_and_column(monkeypatch):
    monkeypatch.setattr(given, "BLOCK", 6)
    matrix = MATRIX.copy()
    matrix[3, [0, 2]] = np.nan

    with pytest.raises(FeatureError, match=r"where: row 4, column 1\n  found: 2 or more entries are no numbers"):
        rank_given(matrix, task())
    matrix[2, 1] = np.nan
    with pytest.raises(FeatureError, match=r"where: row 3, column 2\n  found: 3 or more entries are no numbers"):
        rank_given(matrix, task())


def test_a_matrix_without_columns_ranks_nothing():
    nobody = Relevance(2, 0, row_lists([[], []]), row_lists([[], []]))

    (found,) = rank_given(np.empty((2, 0)), nobody)

    assert found.asked.tolist() == [0, 1]
    assert len(found.closer) == 0


def test_units_of_several_images_have_the_number_of_their_nearest():
    unit_of = np.array([1, 0, 1, 2, 2])
    matrix = np.array([[5.0, 4.0, 3.0, 9.0, 6.0]])
    one = Relevance(1, 3, row_lists([[0, 1]]), row_lists([[]]), unit_of=unit_of)

    for similar, closer in ((False, [0, 0]), (True, [1, 1])):
        (found,) = rank_given(matrix, one, similar=similar)
        assert found.units.tolist() == [0, 1]
        assert found.closer.tolist() == closer
    with pytest.raises(FeatureError, match=r"found: \(1, 5\)\n  expected: \(1, 3\)"):
        rank_given(matrix, Relevance(1, 3, row_lists([[0]]), row_lists([[]])))


def test_only_the_asked_queries_and_units_of_a_draw_count():
    draws = (Draw(np.array([0, 3]), np.array([0, 2])), Draw(np.array([1, 4]), np.array([0, 1])))

    first, second = rank_given(MATRIX, task(draws=draws))

    assert (first.asked.tolist(), first.counts.tolist()) == ([0, 3], [1, 0])
    assert (first.closer.tolist(), first.tied.tolist()) == ([0], [0])
    assert (second.asked.tolist(), second.counts.tolist()) == ([1, 4], [0, 1])
    assert (second.units.tolist(), second.closer.tolist(), second.tied.tolist()) == ([0], [1], [0])
