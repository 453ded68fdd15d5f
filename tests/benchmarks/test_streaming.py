"""Galleries of several parts: whose positives stay the same, and what a pair and a positive cost."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import streaming
from benchmarks.kernel import GOALS, page
from benchmarks.shapes import Shape
from benchmarks.streaming import MORE, SAME, costs, relevance_within, streamed, what_of

SHAPE = Shape(5, 40, 2, 16, streamed=True, sorts=False)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(streaming, "PART", 10)
    monkeypatch.setattr(streaming, "SIZES", (10, 20, 40))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("how", "positives", "ignored"), [(SAME, [4, 5], [14, 15, 24, 25]), (MORE, None, [])])
def test_positives_behind_the_first_part_are_ignored_if_they_are_to_be_the_same(how, positives, ignored):
    gallery = np.resize(np.repeat(np.arange(5), 2), 30)

    found = relevance_within(SHAPE, np.array([2, 0]), gallery, how)

    assert found.units == 30
    first = slice(0, found.positives.starts[1])
    assert found.positives.units[first].tolist() == (positives or [4, 5, 14, 15, 24, 25])
    assert found.ignored.units[: found.ignored.starts[1]].tolist() == ignored


@pytest.mark.usefixtures("small")
def test_every_size_is_timed_with_the_same_positives_and_with_more(tmp_path):
    rows = streamed("streamed", SHAPE, tmp_path)

    assert [row[2] for row in rows] == [
        *(what_of(size, SAME) for size in (10, 20, 40)),
        *(what_of(size, MORE) for size in (20, 40)),
    ]
    assert all(row[3] > 0 and row[5] > 0 for row in rows)


@pytest.mark.usefixtures("small")
def test_a_pair_and_each_positive_have_their_costs():
    pairs = 40 * 2
    pair, each = 3e-9, 2e-9
    seconds = {what_of(40, SAME): pairs * (pair + 2 * each), what_of(40, MORE): pairs * (pair + 8 * each)}

    assert costs(seconds, SHAPE) == pytest.approx((3, 2))
    seconds[what_of(40, MORE)] = 0.0  # as noise has it
    assert costs(seconds, SHAPE)[1] == 0


def test_goals_are_shown_for_what_was_measured_alone():
    goals = [goal for goal in GOALS if goal.shape == "streamed"]
    whats = {what for goal in goals for what in (goal.what, goal.against) if what}
    rows = [["streamed", "", what, "2.000", "", "1.10"] for what in sorted(whats)]

    text = page(rows, "cpu", 5, 1.0)

    assert "| streamed" in text
    assert "at most 1.2" in text
    assert "A pair of a query and an image costs 0.5 ns, and 0.000 ns more" in text
    assert "A pair of a query" not in page([], "cpu", 5, 1.0)
