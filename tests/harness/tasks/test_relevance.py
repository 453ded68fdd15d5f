"""Lists of units, and tasks with more units, in another order, or of another digest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from harness.tasks.relevance import Draw, Relevance, RowLists, matching
from harness.tasks.rules import all_right
from tests.strategies import relevances, row_lists

LISTS = st.lists(st.sets(st.integers(0, 9)), max_size=5)


def as_sets(lists: RowLists) -> list[set[int]]:
    return [set(lists.of(query).tolist()) for query in range(len(lists.sizes))]


def example(**others) -> Relevance:
    """Two queries, three units, four images."""
    given = {"unit_of": np.array([1, 0, 2, 1]), "draws": (Draw(np.array([0, 1]), np.array([0, 2])),)}
    return Relevance(2, 3, row_lists([[0], [1, 2]]), row_lists([[2], []]), **(given | others))


@given(LISTS, st.data())
def test_lists_keep_what_a_mask_says(rows, data):
    lists = row_lists(rows)
    count = len(lists.units)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool)
    kept = lists.where(mask)

    left = set(np.flatnonzero(mask).tolist())
    wanted = [
        {unit for place, unit in enumerate(units.tolist(), first) if place in left}
        for first, units in ((lists.starts[query], lists.of(query)) for query in range(len(rows)))
    ]
    assert as_sets(kept) == wanted
    assert kept.sizes.tolist() == [len(units) for units in wanted]


@given(st.lists(st.tuples(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9))), max_size=5))
def test_a_union_holds_the_units_of_either_list_in_order(pairs):
    one, other = row_lists([first for first, _ in pairs]), row_lists([second for _, second in pairs])
    found = one.union(other, 10)

    assert [found.of(query).tolist() for query in range(len(pairs))] == [sorted(a | b) for a, b in pairs]


@given(LISTS, st.permutations(range(10)))
def test_renumbered_lists_hold_the_new_numbers_in_order(rows, numbers):
    found = row_lists(rows).renumbered(np.array(numbers))

    assert [found.of(query).tolist() for query in range(len(rows))] == [
        sorted(numbers[unit] for unit in units) for units in rows
    ]


@given(st.lists(st.integers(0, 4), max_size=6), st.lists(st.integers(0, 4), max_size=9))
def test_what_matches_has_the_label_of_the_query(wanted, labels):
    found = matching(np.array(wanted, dtype=np.int64), np.array(labels, dtype=np.int64))

    assert [found.of(query).tolist() for query in range(len(wanted))] == [
        [unit for unit, label in enumerate(labels) if label == own] for own in wanted
    ]


def test_without_labels_every_unit_is_valid_for_every_query():
    found = Relevance.unlabelled(3, 7)

    assert (found.queries, found.units, found.unit_of, found.reduce, found.draws) == (3, 7, None, "maximum", ())
    assert found.positives.sizes.tolist() == found.ignored.sizes.tolist() == [0, 0, 0]
    assert found.positives.units.shape == found.ignored.units.shape == (0,)


def test_further_images_are_units_that_nobody_is_right_about():
    wide = example().widened(2)

    assert (wide.queries, wide.units, wide.unit_of.tolist()) == (2, 5, [1, 0, 2, 1, 3, 4])
    assert as_sets(wide.positives) == [{0}, {1, 2}]
    assert as_sets(wide.ignored) == [{2}, set()]
    assert [(draw.queries.tolist(), draw.units.tolist()) for draw in wide.draws] == [([0, 1], [0, 2, 3, 4])]
    assert example(unit_of=None).widened(2).unit_of is None
    plain = example(unit_of=None, draws=())
    assert plain.widened(2).digest == replace(plain, units=5).digest
    assert plain.widened(2).draws == ()
    assert example().widened(0).digest == example().digest


@given(relevances(), st.data())
def test_units_in_another_order_are_the_same_task(relevance, data):
    order = data.draw(st.permutations(range(relevance.units)))
    found, images = relevance.arranged(np.array(order, dtype=np.int64))
    units = found.units

    assert (found.queries, units, found.reduce) == (relevance.queries, relevance.units, relevance.reduce)
    assert found.unit_of is None or (np.diff(found.unit_of) >= 0).all()
    before = np.arange(units) if relevance.unit_of is None else relevance.unit_of
    after = np.arange(units) if found.unit_of is None else found.unit_of
    assert [order[unit] for unit in after] == before[images].tolist()
    assert sorted(images.tolist()) == list(range(len(before)))
    for old, new in ((relevance.positives, found.positives), (relevance.ignored, found.ignored)):
        assert as_sets(old) == [{order[unit] for unit in units} for units in as_sets(new)]
        assert all((np.diff(new.of(query)) > 0).all() for query in range(found.queries))
    for old, new in zip(relevance.draws, found.draws, strict=True):
        assert new.queries is old.queries
        assert (np.diff(new.units) > 0).all()
        assert {order[unit] for unit in new.units} == set(old.units.tolist())


def test_the_images_of_a_unit_keep_their_order():
    found, images = example().arranged(np.array([2, 1, 0]))

    assert images.tolist() == [2, 0, 3, 1]
    assert found.unit_of.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    "other",
    [
        {"queries": 3},
        {"units": 4},
        {"unit_of": None},
        {"unit_of": np.array([1, 0, 2, 2])},
        {"reduce": "mean feature"},
        {"positives": row_lists([[0, 1], [2]])},
        {"positives": row_lists([[0], [1]])},
        {"ignored": row_lists([[], [2]])},
        {"ignored": row_lists([[1], []])},
        {"draws": ()},
        {"draws": (Draw(np.array([0, 1]), np.array([0, 1])),)},
        {"draws": (Draw(np.array([0]), np.array([1, 0, 2])),)},
    ],
    ids=" ".join,
)
def test_everything_changes_the_digest(other):
    assert replace(example(), **other).digest != example().digest
    assert replace(example(), **other).digest == replace(example(), **other).digest


@pytest.mark.parametrize(
    ("positives", "ignored", "right"),
    [
        ([[0, 1, 2]], [[]], True),
        ([[0, 2]], [[1]], True),
        ([[0]], [[]], False),
        ([[0, 2], [1]], [[1], [0]], False),
        ([[0, 2], []], [[1], [0]], True),  # the second query is not answered
        ([[0], [1, 2]], [[], [0]], False),
        ([[], []], [[0, 1, 2], []], False),  # nobody is right
    ],
)
def test_all_are_right_if_no_unit_that_counts_is_wrong(positives, ignored, right):
    found = Relevance(len(positives), 3, row_lists(positives), row_lists(ignored))

    assert all_right(found) is right
