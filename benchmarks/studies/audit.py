"""Measure how many misprints the audit notices: ``python -m benchmarks.studies.audit [SEED ...]``.

One digit of one published number is changed at a time: the first, a middle or the last one. The audit notices the slip
if it then has a finding about that number that it does not have on the documents as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import numpy as np

from leaderboard.audit.rules import apply_rules
from leaderboard.published.library import Library, Number, load_library
from leaderboard.published.schema import Published

CELLS = 160
PLACES = ("first", "middle", "last")

Slip = tuple[str, Number, str]
"""The place of the digit, the number, and what is printed instead."""


def digits_of(printed: str) -> list[int]:
    """Return the positions of the digits that carry the value: none of the leading zeros."""
    positions = [place for place, character in enumerate(printed) if character.isdigit()]
    while positions and printed[positions[0]] == "0":
        positions.pop(0)
    return positions


def slip(printed: str, place: str, chance: np.random.Generator) -> str:
    """Return a printed number with another digit at the first, a middle or the last place."""
    first, *middle, last = digits_of(printed)
    at = int(chance.choice({"first": [first], "middle": middle, "last": [last]}[place]))
    digit = chance.choice([other for other in "0123456789"[place == "first" :] if other != printed[at]])
    return f"{printed[:at]}{digit}{printed[at + 1 :]}"


def with_value(library: Library, number: Number, printed: str) -> Library:
    """Return the library with another printed value in one cell."""
    documents = tuple(
        _replaced(document, number, printed) if document.document.name == number.document else document
        for document in library.documents
    )
    return Library(documents, library.datasets)


def _replaced(document: Published, number: Number, printed: str) -> Published:
    values = (*number.row.values[: number.index], printed, *number.row.values[number.index + 1 :])
    rows = list(number.table.rows)
    rows[number.place - 1] = number.row.model_copy(update={"values": values})
    table = number.table.model_copy(update={"rows": tuple(rows)})
    tables = tuple(table if one.number == table.number else one for one in document.table)
    return document.model_copy(update={"table": tables})


def planted(library: Library, seed: int) -> Iterator[Slip]:
    """Yield a slip at every place of ``CELLS`` numbers."""
    chance = np.random.default_rng(seed)
    # A number of two digits has no middle one; a corrected one is not read from its printed digits.
    whole = [
        number for number in library.numbers if len(digits_of(number.printed)) > 2 and number.text == number.printed
    ]
    for chosen in chance.permutation(len(whole))[:CELLS]:
        number = whole[chosen]
        for place in PLACES:
            yield place, number, slip(number.printed, place, chance)


def noticed(library: Library, slips: Iterable[Slip]) -> dict[str, float]:
    """Return the share of the slips at each place that the audit notices, in percent."""
    known = {finding.name for finding in apply_rules(library).findings}
    found: dict[str, list[bool]] = {}
    for place, number, printed in slips:
        findings = apply_rules(with_value(library, number, printed)).findings
        found.setdefault(place, []).append(
            any(number.cell in finding.cells and finding.name not in known for finding in findings)
        )
    return {place: 100 * sum(hits) / len(hits) for place, hits in found.items()}


def main() -> None:
    """Print the shares for each seed."""
    library = load_library()
    for seed in [int(word) for word in sys.argv[1:]] or [0]:
        shares = noticed(library, planted(library, seed))
        print(f"seed {seed}: " + ", ".join(f"{place} digit {share:.0f} %" for place, share in shares.items()))
    errors = sum(finding.severity == "error" for finding in apply_rules(library).findings)
    print(f"the documents as they are: {errors} errors")


if __name__ == "__main__":
    main()
