"""Rules for results printed in several places with different values, names or tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from leaderboard.audit.finding import Finding, describe, found
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
    twins: dict[tuple[str, str, bool], list[Number]] = {}
    rows = [row for row in library.rows if len(row) > 1]
    for one, other in combinations(rows, 2):
        first, second = one[0].row, other[0].row
        if one[0].document == other[0].document or _plain(first.printed) == _plain(second.printed):
            continue
        same_method = first.method_name == second.method_name
        if same_method and (first.own or second.own):
            continue  # a paper's name for its own method, and another paper's name for it
        shared = list(_shared(one, other))
        if len(shared) > 1 and all(a.agrees_with(b) for a, b in shared):
            low, high = sorted((first.printed, second.printed))
            twins.setdefault((low, high, same_method), []).extend(number for pair in shared for number in pair)
    for (low, high, same_method), numbers in twins.items():
        says = f"'{low}' and '{high}' have the same values"
        if same_method:
            yield found("other-name", "note", says, numbers)
        else:
            yield found("other-name", "warning", f"{says}, though they are names of different methods", numbers)


def _shared(one: Sequence[Number], other: Sequence[Number]) -> Iterator[tuple[Number, Number]]:
    """Return the pairs of numbers of two rows for the same data set, subset and measure."""
    for a in one:
        for b in other:
            if _test(a) == _test(b):
                yield a, b


def _test(number: Number) -> tuple[str, str, str]:
    """Return the data set, the subset and the measure."""
    return number.column.dataset, number.subset, number.column.measure


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def mixed_tasks(library: Library) -> Iterator[Finding]:
    """Find columns with numbers of two tasks, or with numbers of a task that the heading does not state."""
    # A data set with one task has nothing to mix up.
    several = [number for number in library.numbers if len(library.datasets[number.column.dataset].tasks) > 1]
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


def _traced(number: Number, stated: Iterable[Number]) -> Iterator[str]:
    """Return the tasks under which other documents print this value of this method."""
    for other in stated:
        elsewhere = other.document != number.document and other.row.method == number.row.method
        if elsewhere and _test(other) == _test(number) and number.agrees_with(other):
            yield other.column.task
