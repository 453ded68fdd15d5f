"""The built-in measures by their words: ``parse("cmc@5")``. Plugins register further ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from harness.errors import unknown_name
from harness.measures import ap, ap_top, ap_trapezoid, ap_truncated, cmc, hit, minp
from harness.measures.family import MOST_DIGITS, Measure, MeasureFamily

FAMILIES: Mapping[str, MeasureFamily] = {
    module.FAMILY.word: module.FAMILY for module in (ap, ap_trapezoid, ap_truncated, ap_top, cmc, hit, minp)
}


def words() -> list[str]:
    """Return the words of the built-in measures, with ``@k`` for a cutoff."""
    return [f"{word}@k" if family.cutoff else word for word, family in sorted(FAMILIES.items())]


def parse(word: str) -> Measure:
    """Return the built-in measure of a word.

    Raises:
        UsageError: the word is unknown, or its cutoff is missing, not allowed or below 1.

    Example:
        >>> parse("cmc@5").name
        'CMC@5'
    """
    name = word.partition("@")[0]
    if name not in FAMILIES:
        raise unknown_name("measure", word, words(), near=usual_word(word))
    return FAMILIES[name].measure(word)


def usual_word(word: str) -> str:
    """Return our word for a measure that papers and toolboxes call otherwise, or an empty text.

    Example:
        >>> usual_word("Rank-1"), usual_word("mAP")
        ('cmc@1', 'ap')
    """
    plain = re.sub(r"[\W_]", "", word.lower())
    ranked = re.fullmatch(r"(?:rank|r|top|cmc|cmctop|acc)([1-9][0-9]*)", plain)
    return f"cmc@{ranked[1]}" if ranked else {"map": "ap", "inp": "minp", "minp": "minp"}.get(plain, "")


def heading(word: str) -> str:
    """Return the heading of a measure's column: ``mAP``, ``CMC@1``; an unknown word is its own heading."""
    return parse(word).name if _known(word) else word


def in_order(measures: Iterable[str], first: str) -> list[str]:
    """Return the words in the order of columns: ``first``, then by family and cutoff; unknown words come last."""

    def place(word: str) -> tuple[bool, float, int, str]:
        name, _, k = word.partition("@")
        order = FAMILIES[name].order if name in FAMILIES else float("inf")
        return word != first, order, int(k) if k.isdecimal() and len(k) <= MOST_DIGITS else 0, word

    return sorted(measures, key=place)


def _known(word: str) -> bool:
    name, at, k = word.partition("@")
    number = k.isascii() and k.isdigit() and len(k) <= MOST_DIGITS and int(k) >= 1
    return name in FAMILIES and (number if FAMILIES[name].cutoff else not at)
