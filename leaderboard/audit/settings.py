"""Rules for rows and tables that bring together results of different settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaderboard.audit.finding import Finding, found, listed
from leaderboard.grouping import grouped
from leaderboard.published.library import Library, Number


def two_in_a_row(library: Library) -> Iterator[Finding]:
    """Find printed rows with results of two methods or variants."""
    parts = [number for number in library.numbers if number.row.part]
    for numbers in grouped(parts, lambda number: (*number.cell[:2], number.row.printed)).values():
        methods = grouped(numbers, lambda number: number.row.method_name)
        if len(methods) > 1:
            says = [f"{method} on {_datasets(some)}" for method, some in methods.items()]
            yield found(
                "two-in-a-row", "warning", f"'{numbers[0].row.printed}' has the values of {listed(says)}", numbers
            )


def _datasets(numbers: Sequence[Number]) -> str:
    return listed(dict.fromkeys(number.column.dataset for number in numbers))


def mixed_inputs(library: Library) -> Iterator[Finding]:
    """Find tables that compare methods with inputs of different sizes, as far as any document states them."""
    sizes: dict[str, set[int]] = {}
    for number in library.numbers:
        if number.row.input_size:
            sizes.setdefault(number.row.method_name, set()).add(number.row.input_size)
    stated = {method: only for method, (only, *others) in sizes.items() if not others}

    def size(number: Number) -> int | None:
        return number.row.input_size or stated.get(number.row.method_name)

    known = [number for number in library.numbers if size(number)]
    for numbers in grouped(known, lambda number: (*number.cell[:2], number.column.dataset)).values():
        by_size = grouped(numbers, size)
        # A table with one method is about the size of its input.
        if len(by_size) > 1 and len({number.row.method for number in numbers}) > 1:
            names = [
                f"{pixels} pixels ({listed(dict.fromkeys(number.row.printed for number in by_size[pixels]))})"
                for pixels in sorted(by_size, key=lambda pixels: pixels or 0)
            ]
            own = {size(number) for number in numbers if number.row.own}
            says = f"{numbers[0].column.dataset}: inputs of {listed(names)} in one table"
            yield found("mixed-inputs", "note", says, numbers, [n for n in numbers if size(n) not in own])
