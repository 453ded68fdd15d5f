"""Measure how many misprints the audit notices: ``python benchmarks/audit.py [SEED ...]``.

One digit of a published number is changed at a time: the first, a middle or the last one. The audit notices the slip if
it has a finding that it does not have on the documents as they are. ``error`` is a share of the slips that an
error-level finding gives away.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from leaderboard.audit.rules import RULES, apply_rules
from leaderboard.published.library import Library, Number, load_library
from leaderboard.published.schema import Published

CELLS = 160
PLACES = ("first", "middle", "last")


def digits_of(printed: str) -> list[int]:
    """Return the positions of the digits that carry the value: none of the leading zeros."""
    positions = [place for place, character in enumerate(printed) if character.isdigit()]
    while positions and printed[positions[0]] == "0":
        positions.pop(0)
    return positions


def slip(printed: str, place: str, chance: random.Random) -> str:
    """Return a printed number with another digit at the first, a middle or the last place."""
    positions = digits_of(printed)
    at = {"first": positions[0], "middle": chance.choice(positions[1:-1]), "last": positions[-1]}[place]
    digit = chance.choice([other for other in "0123456789"[place == "first" :] if other != printed[at]])
    return printed[:at] + digit + printed[at + 1 :]


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


def planted(library: Library, seed: int) -> Iterator[tuple[str, Number, str]]:
    """Yield the slips: the place, the number and its new value, for every place of ``CELLS`` numbers."""
    chance = random.Random(seed)
    # A number of two digits has no middle one; a corrected one is not read from its printed digits.
    whole = [number for number in library.numbers if len(digits_of(number.printed)) > 2 and number.text == number.printed]
    for number in chance.sample(whole, CELLS):
        for place in PLACES:
            yield place, number, slip(number.printed, place, chance)


def shares(library: Library, seed: int, missed: list[str] | None = None) -> dict[str, float]:
    """Return the share of slips in percent that the audit notices, by place."""
    known = {finding.name for finding in apply_rules(library).findings}
    noticed = dict.fromkeys(PLACES, 0)
    for place, number, printed in planted(library, seed):
        findings = apply_rules(with_value(library, number, printed)).findings
        new = [finding for finding in findings if finding.name not in known and number.cell in finding.cells]
        noticed[place] += bool(new)
        if missed is not None:
            missed.append(f"{place} {number.where}: {number.printed} -> {printed}: {sorted({f.rule for f in new})}")
    return {place: 100 * count / CELLS for place, count in noticed.items()}


def main() -> None:
    """Print the shares for each seed."""
    library = load_library()
    log: list[str] = []
    for seed in [int(word) for word in sys.argv[1:]] or [0]:
        found = shares(library, seed, log)
        print(f"seed {seed}: " + ", ".join(f"{place} digit {share:.0f} %" for place, share in found.items()))
    open("/tmp/w/audit/log.txt", "w").write("\n".join(log))


if __name__ == "__main__":
    main()
