"""Tables are read by blocks of whole units, each row once, and checked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.errors import FeatureError
from harness.kernel import gallery
from harness.kernel.gallery import Gallery, check, cut, not_finite, runs, take, together
from harness.kernel.passes import units_within
from harness.kernel.prepared import Workers, ranges


@pytest.fixture(scope="module")
def workers():
    with ThreadPoolExecutor(2) as pool:
        yield Workers(pool, 2)


@given(st.lists(st.integers(1, 5), max_size=20), st.integers(1, 7))
def test_blocks_hold_whole_units_as_many_as_fit_or_one(sizes, most):
    starts = np.cumsum([0, *sizes])

    cuts = cut(starts, most)

    assert cuts[0] == 0
    assert cuts[-1] == len(sizes)
    for first, last in pairwise(cuts):
        images = starts[last] - starts[first]
        assert images <= most or last == first + 1
        assert last == len(sizes) or starts[last + 1] - starts[first] > most
    assert list(units_within(starts, most)) == list(pairwise(cuts))


@given(st.integers(0, 20), st.integers(1, 7))
def test_ranges_are_consecutive(count, size):
    found = list(ranges(count, size))

    assert [row for part in found for row in range(part.start, part.stop)] == list(range(count))
    assert all(part.stop - part.start == size for part in found[:-1])
    assert not list(ranges(0, 0))


@pytest.mark.parametrize(
    ("rows", "size", "parts"), [(0, 4, []), (1, 4, [1]), (8, 4, [4, 4]), (9, 4, [3, 3, 3]), (5, 9, [3, 2])]
)
def test_the_threads_have_as_many_ranges_each(workers, rows, size, parts):
    found = workers.share(rows, size, lambda part: part.stop - part.start)

    assert sum(found) == rows
    assert found == parts


@given(st.lists(st.integers(0, 15), unique=True))
def test_runs_are_the_stretches_of_consecutive_numbers(numbers):
    found = list(runs(np.array(numbers, dtype=np.int64)))

    assert [number for first, last in found for number in range(first, last)] == numbers
    assert all(one[1] != other[0] for one, other in pairwise(found))
    assert all(first < last for first, last in found)


class Table:
    """A table that gives its rows by slices, and keeps what was asked."""

    def __init__(self, table):
        self.table, self.shape, self.dtype, self.asked = table, table.shape, table.dtype, []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.asked.append((rows.start, rows.stop))
        return self.table[rows]


ROWS = np.arange(24, dtype=np.float16).reshape(12, 2)


@pytest.mark.parametrize("numbers", [[], [3], [2, 3, 4], [0, 5, 11], [4, 6, 7]])
def test_some_rows_are_taken_in_one_reading(numbers):
    table = Table(ROWS)

    found = take(table, np.array(numbers, dtype=np.int64))

    assert found.dtype == np.float32
    assert found.shape == (len(numbers), 2)
    assert found.tolist() == ROWS[numbers].tolist()
    assert table.asked == ([(numbers[0], numbers[-1] + 1)] if numbers else [])


@pytest.mark.parametrize("kind", [np.asarray, Table])
@pytest.mark.parametrize("order", [None, [3, 4, 5, 0, 1, 2, 9, 8, 7, 6, 11, 10]])
@pytest.mark.parametrize("reduce", ["maximum", "mean feature"])
def test_blocks_are_those_of_the_ordered_rows(workers, kind, order, reduce):
    starts = np.array([0, 1, 3, 4, 8, 12])
    order = None if order is None else np.array(order)
    table = Gallery(kind(ROWS), order, starts, reduce, size=4, units=(1, 5))
    rows = ROWS if order is None else ROWS[order]

    assert len(table) == 3
    assert table.images == 11
    assert table.cuts.tolist() == [1, 3, 4, 5]
    for _ in range(2):
        found = list(table.blocks([0, 2], workers))
        assert [number for number, _ in found] == [0, 2]
        for (_, block), units in zip(found, ([1, 2], [4]), strict=True):
            parts = [rows[starts[unit] : starts[unit + 1]].astype(np.float64) for unit in units]
            assert block.first == units[0]
            if reduce == "mean feature":
                assert block.rows.tolist() == [part.sum(axis=0).tolist() for part in parts]
                assert block.means.images.tolist() == [len(part) for part in parts]
                assert not block.means.rests.any()
                assert block.starts.tolist() == list(range(len(units) + 1))
            else:
                assert block.rows.tolist() == np.concatenate(parts).tolist()
                assert block.starts.tolist() == np.cumsum([0, *map(len, parts)]).tolist()
            assert block.norms.tolist() == (block.rows.astype(np.float64) ** 2).sum(axis=1).tolist()


def test_a_row_that_is_not_finite_is_named_with_the_number_of_them(workers, monkeypatch):
    monkeypatch.setattr(gallery, "CHECKED", 5)
    rows = ROWS.astype(np.float32)
    rows[[6, 11], 1] = np.nan, np.inf

    wrong = str(not_finite(rows, "gallery"))
    assert "gallery row 6" in wrong
    assert "2 of 12 gallery rows hold NaN or infinity" in wrong
    table = Gallery(rows, None, np.arange(13), "maximum", size=4, units=(0, 12))
    with pytest.raises(FeatureError, match="gallery row 6"):
        list(table.blocks([0, 1], workers))
    with pytest.raises(FeatureError, match="2 of 12 query rows"):
        together({"query": rows, "gallery": ROWS}, workers)


def test_several_tables_become_one(workers, monkeypatch):
    monkeypatch.setattr(gallery, "CHECKED", 5)

    rows, norms = together({"query": Table(ROWS[:2]), "gallery": Table(ROWS)}, workers)

    assert rows.dtype == np.float32
    assert rows.tolist() == [*ROWS[:2].tolist(), *ROWS.tolist()]
    assert norms.tolist() == (rows.astype(np.float64) ** 2).sum(axis=1).tolist()


@pytest.mark.parametrize("wrong", [np.zeros((3, 2, 1)), np.zeros(3), np.zeros((4, 2)), np.zeros((3, 0))])
def test_a_table_of_another_shape_is_refused(wrong):
    with pytest.raises(FeatureError, match=r"(?s)the query features do not fit the lists.*expected: \(3, d\)"):
        check(wrong.astype(np.float32), 3, "query")
    check(np.zeros((3, 1), np.float16), 3, "query")
    check(np.zeros((3, 1), np.float32), 3, "query")
    with pytest.raises(FeatureError, match="the query features are float64"):
        check(np.zeros((3, 1)), 3, "query")


def test_rows_that_are_not_finite_are_counted_from_the_first_to_the_last(monkeypatch):
    monkeypatch.setattr(gallery, "CHECKED", 3)
    table = np.ones((8, 2), np.float32)
    table[[0, 2, 3], 1] = np.nan
    table[7] = -np.inf

    refused = not_finite(table, "gallery")

    assert (refused.where, refused.found) == ("gallery row 0", "4 of 8 gallery rows hold NaN or infinity")
    assert not_finite(table[4:], "gallery").where == "gallery row 3"
