"""Rules for results printed in several places with different values, names or tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from leaderboard.audit.finding import Finding, describe, found, listed
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number
from leaderboard.published.schema import NOT_STATED


def quoted_differently(library: Library) -> Iterator[Finding]:
    """Find methods whose value for one data set and measure is printed differently in two places."""
    methods = grouped(library.numbers, lambda number: (number.row.method_name, *_test(number)))
    for (method, dataset, subset, measure), numbers in methods.items():
        clashing = [pair for pair in combinations(numbers, 2) if _clash(*pair, numbers)]
        if clashing:
            involved = list(dict.fromkeys(number for pair in clashing for number in pair))
            values = ", ".join(f"{value} %" for value in dict.fromkeys(number.value for number in involved))
            says = f"{method}: {describe(measure, dataset, subset)} is printed as {values}"
            yield found("quoted-differently", "warning", says, involved)


def _clash(one: Number, other: Number, numbers: Sequence[Number]) -> bool:
    """Return whether two numbers of one method differ although their stated settings do not.

    A number with a partly stated setting (such as one without an input size) is right if it equals that of one full
    setting.
    """
    if one.agrees_with(other) or not _compatible(one, other):
        return False
    if _setting(one) == _setting(other):
        return True
    return not any(
        _setting(full) != _setting(vague) and _compatible(vague, full) and vague.agrees_with(full)
        for vague in (one, other)
        for full in numbers
    )


def _setting(number: Number) -> tuple[object, ...]:
    row = number.row
    return row.input_size, row.width, row.metric, row.epochs


def _compatible(one: Number, other: Number) -> bool:
    """Return whether two settings may be the same: everything that both state is equal."""
    tasks = {one.column.task, other.column.task} - {NOT_STATED}
    pairs = zip(_setting(one), _setting(other), strict=True)
    return len(tasks) < 2 and one.row.train_on == other.row.train_on and not any(a and b and a != b for a, b in pairs)


def other_name(library: Library) -> Iterator[Finding]:
    """Find rows of two documents with the same values under different names."""
    aliases: dict[str, list[Number]] = {}
    strangers: dict[tuple[str, str], list[Number]] = {}
    rows = [{_test(number): number for number in row} for row in library.rows if len(row) > 1]
    for one, other in combinations(rows, 2):
        common = one.keys() & other.keys()
        if len(common) < 2 or not all(one[test].agrees_with(other[test]) for test in common):
            continue
        numbers = [row[test] for test in one if test in common for row in (one, other)]
        first, second = numbers[0].row, numbers[1].row
        if numbers[0].document == numbers[1].document or _plain(first.printed) == _plain(second.printed):
            continue
        if first.method_name != second.method_name:
            strangers.setdefault(_sorted_pair(first.printed, second.printed), []).extend(numbers)
        elif not (first.own or second.own):  # not a paper's name for its own method, and another paper's name for it
            aliases.setdefault(first.method_name, []).extend(numbers)
    for method, numbers in aliases.items():
        names = sorted({f"'{number.row.printed}'" for number in numbers})
        says = f"{listed(names)} have the same values: they are names of {method}"
        yield found("other-name", "note", says, numbers)
    for (low, high), numbers in strangers.items():
        says = f"'{low}' and '{high}' have the same values, though they are names of different methods"
        yield found("other-name", "warning", says, numbers)


def _sorted_pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _test(number: Number) -> tuple[str, str, str]:
    """Return the data set, the subset and the measure."""
    return number.column.dataset, number.subset, number.column.measure


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def mixed_tasks(library: Library) -> Iterator[Finding]:
    """Find columns with numbers of two tasks, or with numbers of a task that the heading does not state."""
    several = [number for number in library.numbers if _tells_the_task(library, number)]
    stated = [number for number in several if number.column.task != NOT_STATED]
    for numbers in grouped(several, lambda number: number.printed_column).values():
        here = numbers[0].column.task
        quoted = [number for number in numbers if not number.row.own]  # authors know the task of their own numbers
        traced = {number: tasks for number in quoted if (tasks := set(_traced(number, stated)) - {here})}
        if not traced:
            continue
        others = sorted(set[str]().union(*traced.values()))
        two = len({*others, here} - {NOT_STATED}) > 1
        heading = f"a column of {numbers[0].column.printed}" + ("" if here == NOT_STATED else f" for {here}")
        yield found(
            "mixed-tasks",
            "error" if two else "warning",
            f"{heading} in {numbers[0].document} holds {len(traced)} of {len(numbers)} values that another document "
            f"gives for {' and '.join(others)}" + ("" if two else "; its own task is not stated"),
            traced,
        )


def _tells_the_task(library: Library, number: Number) -> bool:
    """Return whether the data set has several tasks, and the measure another value under each."""
    dataset = library.datasets[number.column.dataset]
    return len(dataset.tasks) > 1 and number.column.measure not in dataset.shared


def _traced(number: Number, stated: Iterable[Number]) -> Iterator[str]:
    """Return the tasks under which other documents print this value of this method."""
    for other in stated:
        elsewhere = other.document != number.document and other.row.method == number.row.method
        if elsewhere and _test(other) == _test(number) and number.agrees_with(other):
            yield other.column.task
