"""The plan of a task: which queries, units and images are ranked, in which order, and the entries to place."""

from __future__ import annotations

import numpy as np
import pytest

from harness.kernel.plan import Placed, entries, plan, results
from harness.tasks.relevance import Draw, Relevance
from tests.strategies import row_lists


def task(**more):
    """Return four queries, of which the second has one positive and the third none, and five units."""
    return Relevance(
        queries=4,
        units=5,
        positives=row_lists([[0, 4], [2], [], [1, 2, 3]]),
        ignored=row_lists([[1], [], [0], [4]]),
        **more,
    )


def listed(lists):
    return [lists.of(query).tolist() for query in range(len(lists.starts) - 1)]


def test_queries_with_a_positive_are_ranked_and_all_of_them_for_lists():
    usual, everybody = plan(task()), plan(task(), everybody=True)

    assert usual.queries.tolist() == [0, 1, 3]
    assert listed(usual.positives) == [[0, 4], [2], [1, 2, 3]]
    assert listed(usual.ignored) == [[1], [], [4]]
    assert everybody.queries.tolist() == [0, 1, 2, 3]
    assert listed(everybody.positives) == [[0, 4], [2], [], [1, 2, 3]]
    for found in (usual, everybody):
        assert found.units.tolist() == [0, 1, 2, 3, 4]
        assert found.drawn.shape == (0, 5)
        assert found.reduce == "maximum"


def test_draws_leave_only_what_one_of_them_holds():
    first = Draw(queries=np.array([0]), units=np.array([0, 2]))
    second = Draw(queries=np.array([1, 2]), units=np.array([2, 4]))

    found = plan(task(draws=(first, second)))

    assert found.queries.tolist() == [0, 1]
    assert found.units.tolist() == [0, 2, 4]
    assert listed(found.positives) == [[0, 2], [1]]
    assert listed(found.ignored) == [[], []]
    assert found.drawn.tolist() == [[True, True, False], [False, True, True]]
    assert found.order.tolist() == [0, 2, 4]
    assert found.starts.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("unit_of", "draws", "order", "starts"),
    [
        (None, (), None, [0, 1, 2, 3, 4, 5]),
        ([0, 0, 1, 2, 3, 3, 4], (), None, [0, 2, 3, 4, 6, 7]),
        ([4, 3, 2, 1, 0, 0], (), [4, 5, 3, 2, 1, 0], [0, 2, 3, 4, 5, 6]),
        ([0, 0, 1, 2, 3, 4], (Draw(np.array([0]), np.array([0, 4])),), [0, 1, 5], [0, 2, 3]),
        ([0, 0, 1, 2, 3, 4], (Draw(np.array([0]), np.array([0, 1])),), [0, 1, 2], [0, 2, 3]),
    ],
)
def test_images_are_in_the_order_of_their_units(unit_of, draws, order, starts):
    found = plan(task(unit_of=None if unit_of is None else np.array(unit_of), draws=draws))

    assert (None if found.order is None else found.order.tolist()) == order
    assert found.starts.tolist() == starts


def test_a_unit_without_an_image_is_refused_unless_no_draw_holds_it():
    holes = np.array([0, 1, 1, 3, 4])

    with pytest.raises(ValueError, match="a gallery unit has no image"):
        plan(task(unit_of=holes))
    drawn = Draw(np.arange(4), np.array([0, 1, 3, 4]))
    assert plan(task(unit_of=holes, draws=(drawn,))).starts.tolist() == [0, 1, 3, 4, 5]


def test_a_part_counts_its_queries_and_lists_from_its_own_first():
    found = plan(task(), everybody=True).part(1, 4)

    assert found.queries.tolist() == [1, 2, 3]
    assert found.positives.starts.tolist() == [0, 1, 1, 4]
    assert listed(found.positives) == [[2], [], [1, 2, 3]]
    assert found.ignored.starts.tolist() == [0, 0, 1, 2]
    assert listed(found.ignored) == [[], [0], [4]]


def test_entries_are_sorted_by_query_draw_and_similarity():
    draws = (Draw(np.array([0, 3]), np.arange(5)), Draw(np.array([1, 3]), np.arange(1, 4)))
    similarities = np.array([0.9, 0.1, 0.5, 0.3, 0.2, 0.4])

    alone = entries(plan(task()), similarities)
    assert alone.pair.tolist() == [1, 0, 2, 4, 3, 5]
    assert alone.query.tolist() == [0, 0, 1, 2, 2, 2]
    assert alone.draw.tolist() == [0] * 6
    assert alone.ask_starts.tolist() == [0, 1, 2, 3]
    assert alone.entry_starts.tolist() == [0, 2, 3, 6]
    assert alone.ask_draw.tolist() == [0, 0, 0]

    drawn = entries(plan(task(draws=draws)), similarities)
    assert drawn.pair.tolist() == [1, 0, 2, 4, 3, 5, 4, 3, 5]
    assert drawn.query.tolist() == [0, 0, 1, 2, 2, 2, 2, 2, 2]
    assert drawn.draw.tolist() == [0, 0, 1, 0, 0, 0, 1, 1, 1]
    assert drawn.ask_starts.tolist() == [0, 1, 2, 4]
    assert drawn.entry_starts.tolist() == [0, 2, 3, 6, 9]
    assert drawn.ask_draw.tolist() == [0, 1, 0, 1]


def test_without_a_positive_there_is_nothing_to_place():
    nobody = Relevance(queries=2, units=3, positives=row_lists([[], []]), ignored=row_lists([[0], []]))

    found = entries(plan(nobody, everybody=True), np.empty(0))

    assert found.ask_starts.tolist() == [0, 0, 0]
    assert found.entry_starts.tolist() == [0]
    assert len(found.pair) == len(found.ask_draw) == 0


def test_the_first_ask_may_be_of_the_second_draw():
    draws = Draw(np.array([3]), np.array([1])), Draw(np.array([0]), np.array([0, 4]))
    found = entries(plan(task(draws=draws)), np.array([0.5, 0.25, 0.75]))

    assert (found.query.tolist(), found.draw.tolist()) == ([0, 0, 1], [1, 1, 0])
    assert found.entry_starts.tolist() == [0, 2, 3]
    assert found.ask_starts.tolist() == [0, 1, 2]
    assert found.ask_draw.tolist() == [1, 0]


def test_each_part_lists_its_own_queries_only():
    first, last = plan(task()).part(0, 1), plan(task()).part(1, 3)

    assert (first.positives.starts.tolist(), first.ignored.starts.tolist()) == ([0, 2], [0, 1])
    assert (last.positives.starts.tolist(), last.ignored.starts.tolist()) == ([0, 1, 4], [0, 0, 1])


def test_each_of_two_draws_has_its_own_ranks():
    draws = Draw(np.array([3]), np.array([1, 2])), Draw(np.array([0, 1]), np.array([0, 4]))
    numbers = {"query": [0, 3, 0], "draw": [1, 0, 1], "unit": [4, 1, 0], "closer": [2, 1, 0], "tied": [0, 0, 1]}

    first, second = results(task(draws=draws), [Placed(**{name: np.array(row) for name, row in numbers.items()})])

    assert (first.asked.tolist(), first.counts.tolist(), first.units.tolist()) == ([3], [1], [1])
    assert (first.closer.tolist(), first.tied.tolist()) == ([1], [0])
    assert (second.asked.tolist(), second.counts.tolist(), second.units.tolist()) == ([0, 1], [2, 0], [0, 4])
    assert (second.closer.tolist(), second.tied.tolist()) == ([0, 2], [1, 0])
