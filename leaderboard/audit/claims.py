"""Rules for a document's text and bold values, which should agree with its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from leaderboard.audit.finding import Finding, found
from leaderboard.published.library import Library, Number, numbers
from leaderboard.published.schema import CellReference, Claim, Published

Cells = Mapping[tuple[str, int, int], Number]


def marked_not_best(library: Library) -> Iterator[Finding]:
    """Find bold values that are not the highest of their column."""
    for document in library.documents:
        cells = _cells(document)
        for number in cells.values():
            if number.index + 1 not in number.row.marked:
                continue
            best = max(_column(cells, number), key=lambda other: other.value)
            if best.value > number.value:
                says = f"{number.value} % is marked, though {best.row.printed} has {best.value} %"
                yield found("marked-not-best", "warning", says, [number, best], [number])


def claim_fails(library: Library) -> Iterator[Finding]:
    """Find claims of a document's text that its own tables contradict."""
    for document in library.documents:
        cells = _cells(document)
        for claim in document.claim:
            of = [cells[_place(cell)] for cell in claim.of]
            for numbers_, reason in _failures(claim, of, cells):
                says = f"{claim.where} says: {claim.says}; {reason}"
                yield found("claim-fails", "warning", says, numbers_)


def _failures(claim: Claim, of: list[Number], cells: Cells) -> Iterator[tuple[list[Number], str]]:
    """Yield contradictions of a claim: the numbers, and a sentence."""
    if claim.kind == "best":
        for number in of:
            rivals = [other for other in _rivals(claim, number, cells) if other.value > number.value]
            if rivals:
                best = max(rivals, key=lambda other: other.value)
                yield [number, best], f"{best.row.printed} has {best.value} %, above {number.value} %"
    elif claim.kind == "gain over the best":
        yield from _gain_over_the_best(claim, of, cells)
    elif claim.kind == "rises":
        for before, after in pairwise(of):
            if after.value < before.value:
                yield [before, after], f"{after.row.printed} has {after.value} %, after {before.value} %"
    elif claim.kind == "equal":
        for number, other in zip(of, (cells[_place(cell)] for cell in claim.over), strict=True):
            if not number.agrees_with(other):
                yield [number, other], f"{number.row.printed} has {number.value} %, {other.row.printed} {other.value} %"
    else:
        over = cells[_place(claim.over[0])] if claim.over else None
        got = sum((number.value for number in of), Decimal(0)) / len(of)
        got = _gain(of[0], over, relative=claim.relative) if over else got
        if not _holds(claim.value, got):
            yield [*of, *([over] if over else [])], f"the table gives {got:.2f}"


def _gain_over_the_best(claim: Claim, of: list[Number], cells: Cells) -> Iterator[tuple[list[Number], str]]:
    """Yield the gains over the best quoted rows if none of them is the claimed gain."""
    gains = []
    for number in of:
        best = max(_rivals(claim, number, cells), key=lambda other: other.value)
        gains.append((number, best, _gain(number, best, relative=claim.relative)))
    if not any(_holds(claim.value, gain) for _, _, gain in gains):
        shown = ", ".join(f"{gain:.2f} over {best.row.printed}" for _, best, gain in gains)
        yield [number for pair in gains for number in pair[:2]], f"over the best that it quotes the table gives {shown}"


def _gain(number: Number, over: Number, *, relative: bool) -> Decimal:
    difference = number.value - over.value
    return 100 * difference / over.value if relative else difference


def _holds(claimed: str, got: Decimal) -> bool:
    """Return whether a value is the claimed one, to the digits of the claim."""
    if claimed == ">0":
        return got > 0
    low, _, high = claimed.partition("..")
    half = Decimal(1).scaleb(int(Decimal(low).as_tuple().exponent)) / 2
    return Decimal(low) - half <= got <= Decimal(high or low) + half


def _rivals(claim: Claim, number: Number, cells: Cells) -> list[Number]:
    """Return the numbers that a number is claimed to exceed."""
    return [
        other
        for other in _column(cells, number)
        if other.place != number.place
        and other.place not in claim.but
        and (claim.against == "all" or not other.row.own)
    ]


def _column(cells: Cells, number: Number) -> list[Number]:
    """Return all numbers of a column on the same test set as a number, including that number."""
    return [
        other
        for other in cells.values()
        if (other.table.number, other.index, other.subset) == (number.table.number, number.index, number.subset)
    ]


def _cells(document: Published) -> Cells:
    return {(number.table.number, number.place, number.index): number for number in numbers(document)}


def _place(cell: CellReference) -> tuple[str, int, int]:
    return cell.table, cell.row, cell.column - 1
