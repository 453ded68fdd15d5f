"""A team: the error of one process is the error of all, wherever the others are; numbers that all agree on."""

from __future__ import annotations

import numpy as np
import pytest

from harness.compute.team import Alone, shard
from harness.errors import DataError, RunError, UsageError
from tests.harness.kernel.teams import in_threads


class PluginsOwnError(DataError):
    """An error that only a plugin knows."""


def failing(where, error, *, at):
    """Return work that raises in process ``at``: before it counts, between two counts, or after."""

    def work(team):
        with team.together():
            for place in ("before", "between", "after"):
                if (place, team.index) == (where, at):
                    raise error
                if place != "after":
                    with team.together():
                        team.total(np.ones(3))
        return "went on"

    return work


@pytest.mark.parametrize("where", ["before", "between", "after"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_error_anywhere_is_raised_everywhere(where, at):
    error = DataError("a list is missing", where="list.txt", next_step="copy it")

    found = in_threads(3, failing(where, error, at=at))

    assert [type(one) for one in found] == 3 * [DataError]
    assert {str(one) for one in found} == {str(error)}
    assert found[at] is error
    assert [one.reported for one in found] == [False, True, True]


def test_of_several_errors_that_of_the_first_process_is_raised():
    def work(team):
        with team.together():
            if team.index > 0:
                raise UsageError(f"process {team.index}")

    found = in_threads(3, work)

    assert [str(one) for one in found] == 3 * ["process 1"]
    assert str(found[2].__cause__) == "process 2"


def test_a_plugins_error_reaches_the_others_as_the_kind_they_know():
    found = in_threads(2, failing("between", PluginsOwnError("no such box", found=3), at=1))

    assert [type(one) for one in found] == [DataError, PluginsOwnError]
    assert str(found[0]) == str(found[1]) == "no such box\n  found: 3"


def test_what_nobody_meant_to_raise_is_a_failed_run_for_the_others():
    found = in_threads(2, failing("before", ZeroDivisionError("by nought"), at=1))

    assert [type(one) for one in found] == [RunError, ZeroDivisionError]
    assert "ZeroDivisionError: by nought" in str(found[0])


def test_processes_agree_on_the_least_and_on_what_the_first_says():
    def work(team):
        return team.least(7 - team.index), team.as_first(team.index == 0), team.as_first(team.index > 0)

    assert in_threads(3, work) == 3 * [(5, True, False)]
    assert work(Alone()) == (7, True, False)


def test_alone_an_error_is_nobody_elses():
    error = DataError("a list is missing")

    with pytest.raises(DataError) as raised, Alone().together():
        raise error

    assert raised.value is error
    assert error.reported is False


def images_of(sizes, count):
    """Return the images of each process's shard, after a look that every unit is in one shard."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shards = [shard(starts, index, count) for index in range(count)]
    assert [unit for first, last in shards for unit in range(first, last)] == list(range(len(sizes)))
    return [int(starts[last] - starts[first]) for first, last in shards]


def test_shards_hold_about_as_many_images_each():
    assert images_of([1, 1, 8, 1, 1, 1, 3, 2], 3) == [10, 2, 6]
    assert images_of([5] * 12, 4) == [15] * 4

    rng = np.random.default_rng(13)
    for _ in range(50):
        sizes = rng.integers(1, 9, rng.integers(1, 60))
        count = int(rng.integers(1, 9))
        away = np.array(images_of(sizes, count)) - sizes.sum() / count
        assert np.abs(away).max() < sizes.max()


def test_more_processes_than_units_leave_some_without_work():
    assert images_of([1], 4) == [1, 0, 0, 0]
    assert sorted(images_of([3, 2], 5)) == [0, 0, 0, 2, 3]
    assert images_of([], 2) == [0, 0]


def test_processes_that_agree_go_on():
    def work(team):
        team.agree({"features": "f" * 64, "sizes": [1, 2], "boxes": None})
        return team.index

    assert in_threads(3, work) == [0, 1, 2]
    Alone().agree({"anything": object()})


def test_a_process_that_sees_something_else_is_named_with_what_differs():
    def work(team):
        odd = team.index == 1
        with team.together():
            team.agree(
                {"features": ("e" if odd else "f") * 64, "metric": "cosine", **({"measures": ["minp"]} if odd else {})}
            )

    found = in_threads(3, work)

    assert [type(one) for one in found] == 3 * [UsageError]
    assert [one.reported for one in found] == [False, True, True]
    assert {str(one) for one in found} == {
        "the processes do not work on the same thing\n"
        "  where: process 1 of 3, counted from 0\n"
        '  found: features eeeeeeeeeeee..., measures ["minp"] in process 1\n'
        "  expected: features ffffffffffff..., measures (none) in process 0\n"
        "  next: give every process the same command, code and package versions, and the same content of all files"
    }


def test_of_three_the_odd_one_is_named_even_if_it_is_the_first():
    def work(team):
        team.agree({"seed": 7 if team.index == 0 else 8})

    found = in_threads(3, work)

    assert found[0].where == "process 0 of 3, counted from 0"
    assert (found[0].found, found[0].expected) == ("seed 7 in process 0", "seed 8 in process 1")
    assert [one.reported for one in found] == [False, True, True]
