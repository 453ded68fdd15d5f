"""Lists of the nearest units: put into the tables' numbers, and merged from the shards of several processes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.compute.team import Alone
from harness.kernel import neighbours
from harness.kernel.neighbours import NOBODY, Lists, Neighbours, queries_of
from harness.kernel.plan import plan
from harness.kernel.ranking import nearest_units, rank_and_list
from harness.kernel.settings import Settings, Tuning
from harness.tasks.relevance import Draw, Relevance
from tests.harness.kernel.teams import in_threads
from tests.strategies import row_lists


def lists_of(units, similarities, farthest=()):
    units = np.array(units)
    return Lists(units, np.array(similarities), (units >= 0).sum(axis=1), np.array(farthest, dtype=float))


FIRST = lists_of([[0, 2], [1, NOBODY]], [[0.9, 0.5], [0.3, np.nan]])
SECOND = lists_of([[3, 5], [4, NOBODY]], [[0.9, 0.7], [0.6, np.nan]])
THIRD = lists_of([[NOBODY, NOBODY], [NOBODY, NOBODY]], [[np.nan, np.nan], [np.nan, np.nan]])


def test_empty_lists_hold_nobody_and_no_farthest_unless_it_is_asked_for():
    plain, far = Lists.empty(2, 3), Lists.empty(2, 3, farthest=True)

    assert plain.units.tolist() == [[NOBODY] * 3] * 2
    assert np.isnan(plain.similarities).all()
    assert plain.similarities.shape == (2, 3)
    assert plain.numbers.tolist() == [0, 0]
    assert plain.farthest.tolist() == []
    assert far.farthest.tolist() == [np.inf, np.inf]


def test_a_thread_holds_units_for_as_many_queries_as_there_is_room_for_or_for_one(monkeypatch):
    assert queries_of(21) == (1 << 20) // (4 * 21 + 64)

    monkeypatch.setattr(neighbours, "HELD", 8)

    assert queries_of(1) == 1


@pytest.mark.parametrize("held", [1, 68 * 4])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int16", "int8"])
def test_lists_do_not_depend_on_the_queries_that_a_thread_has_room_for(monkeypatch, precision, held):
    rng = np.random.default_rng(9)
    queries, gallery = (rng.integers(-3, 4, (count, 24)).astype(np.float32) + 0.5 for count in (9, 700))
    everybody, settings = Relevance.unlabelled(9, 700), Settings("cosine", nearest=1, farthest=True)
    wanted = nearest_units(queries, gallery, everybody, settings)
    monkeypatch.setattr(neighbours, "HELD", held)

    found = nearest_units(queries, gallery, everybody, replace(settings, tuning=Tuning(precision)))

    for mine, theirs in ((found.units, wanted.units), (found.similarity, wanted.similarity)):
        assert mine.tolist() == theirs.tolist()
    assert found.farthest.tolist() == wanted.farthest.tolist()


def test_shards_are_merged_by_similarity_and_equal_ones_by_number():
    for found in in_threads(3, lambda team: (FIRST, SECOND, THIRD)[team.index].together(team)):
        assert found.units.tolist() == [[0, 3], [4, 1]]
        assert found.similarities.tolist() == [[0.9, 0.9], [0.6, 0.3]]
        assert found.numbers.tolist() == [2, 2]


def test_merged_lists_stay_short_where_there_are_few_units():
    some = lists_of([[0, NOBODY], [1, 2], [NOBODY] * 2], [[0.9, np.nan], [0.5, 0.3], [np.nan] * 2])
    none = lists_of([[NOBODY] * 2] * 3, [[np.nan] * 2] * 3)

    for found in in_threads(2, lambda team: (some, none)[team.index].together(team)):
        assert found.units.tolist() == some.units.tolist()
        assert np.array_equal(found.similarities, some.similarities, equal_nan=True)
        assert found.numbers.tolist() == [1, 2, 0]


def test_a_process_alone_exchanges_nothing():
    class Silent(Alone):
        def total(self, values):
            raise AssertionError(values)

    assert FIRST.together(Silent()) is FIRST


@pytest.mark.parametrize("farthest", [(), (-1.0, -0.5)])
def test_lists_are_in_the_numbers_of_the_tables(farthest):
    draws = (Draw(np.array([0]), np.array([1, 3, 4])), Draw(np.array([2]), np.array([1, 4])))
    relevance = Relevance(3, 5, row_lists([[1], [], [4]]), row_lists([[], [], []]), draws=draws)
    listed = lists_of([[2, 0, NOBODY], [1, 2, NOBODY]], [[0.9, 0.5, np.nan], [0.3, 0.1, np.nan]], farthest)

    found = Neighbours.of(plan(relevance), [listed], 3)

    # Lists are those of the first draw, which does not ask the third query.
    assert found.units.tolist() == [[4, 1, NOBODY], [NOBODY] * 3, [NOBODY] * 3]
    assert found.similarity[0, :2].tolist() == [0.9, 0.5]
    assert np.isnan(found.similarity[1:]).all()
    assert found.farthest.tolist() == ([-1.0, np.inf, -0.5] if farthest else [])


def test_lists_of_parts_follow_one_another():
    relevance = Relevance(2, 3, row_lists([[1], [2]]), row_lists([[], []]))
    parts = [lists_of([[2]], [[0.5]], [0.1]), lists_of([[0]], [[0.25]], [0.2])]

    found = Neighbours.of(plan(relevance), parts, 1)

    assert found.units.tolist() == [[2], [0]]
    assert found.similarity.tolist() == [[0.5], [0.25]]
    assert found.farthest.tolist() == [0.1, 0.2]


def test_the_least_similarity_is_found_only_if_it_is_asked_for():
    relevance = Relevance(1, 3, row_lists([[1]]), row_lists([[]]))
    rows = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)

    _, plain = rank_and_list(rows[:1], rows, relevance, Settings(nearest=2))
    _, far = rank_and_list(rows[:1], rows, relevance, Settings(nearest=2, farthest=True))

    assert plain.farthest.tolist() == []
    assert far.farthest.tolist() == [-1.0]
    assert plain.units.tolist() == far.units.tolist() == [[0, 1]]


def test_nearest_units_need_settings_that_ask_for_lists():
    rows = np.array([[3, 4], [0, 2], [4, 3]], np.float32)

    found = nearest_units(rows[:1], rows, Relevance.unlabelled(1, 3), Settings(nearest=2))

    assert found.units.tolist() == [[0, 2]]
    with pytest.raises(ValueError, match="the settings ask for no lists"):
        nearest_units(rows[:1], rows, Relevance.unlabelled(1, 3), Settings())
