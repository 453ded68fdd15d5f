"""The measures, looked up by word: ``parse("cmc@5")``."""

from __future__ import annotations

from harness.errors import UsageError, unknown_name
from harness.measures import ap, ap_trapezoid, ap_truncated, cmc, hit, minp
from harness.measures.family import Family as Family
from harness.measures.family import Measure as Measure

FAMILIES = {module.FAMILY.word: module.FAMILY for module in (ap, ap_trapezoid, ap_truncated, cmc, hit, minp)}


def words() -> list[str]:
    """Return the words of all measures, with ``@k`` for a cutoff."""
    return [f"{word}@k" if family.cutoff else word for word, family in sorted(FAMILIES.items())]


def parse(word: str) -> Measure:
    """Return the measure with the given word.

    Raises:
        UsageError: unknown measure, or the cutoff is missing, superfluous or not a positive integer.

    Example:
        >>> parse("cmc@5").name
        'CMC@5'
    """
    name, at, cutoff = word.partition("@")
    if name not in FAMILIES:
        raise unknown_name("measure", word, words())
    family = FAMILIES[name]
    if not family.cutoff:
        if at:
            raise UsageError(f"measure '{name}' takes no cutoff", found=word, expected=name)
        return Measure(family)
    if not (cutoff.isascii() and cutoff.isdigit() and int(cutoff) >= 1):
        raise UsageError(
            f"measure '{name}' needs a cutoff of at least 1", found=word, expected=f"{name}@1, {name}@5 and so on"
        )
    return Measure(family, int(cutoff))
