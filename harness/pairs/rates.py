"""The share that a rate allows, read as the decimal that was written, and exact quotients of integers."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from harness.errors import UsageError

MOST = 20
"""Rates that one question may ask for."""

LETTERS = 24
"""Characters of a rate."""


def rate(word: str | float) -> str:
    """Return a rate above 0 and below 1 as it is shown: ``0.001`` and ``1e-3`` are one rate.

    Raises:
        UsageError: it is none.

    Example:
        >>> rate("1e-3"), rate(0.00001)
        ('0.001', '1e-05')
    """
    text = str(word)
    try:
        if len(text) > LETTERS:
            raise ValueError
        value = float(text)
        if not 1e-12 <= value < 1:
            raise ValueError
    except ValueError:
        raise UsageError(
            "a rate is not between 0 and 1", found=text[:LETTERS], expected="a number such as 0.01 or 1e-4"
        ) from None
    return repr(value)


def rates(words: Iterable[str | float]) -> tuple[str, ...]:
    """Return several different rates, the greatest first.

    Raises:
        UsageError: one is no rate, or there are too many.
    """
    found = sorted({rate(word) for word in words}, key=float, reverse=True)
    if len(found) > MOST:
        raise UsageError("too many rates are asked for", found=len(found), expected=f"at most {MOST}")
    return tuple(found)


def allowed(word: str, count: int) -> int:
    """Return the most of ``count`` things that are at most the rate's share of them.

    The rate is the decimal that is written, so that 0.1 of 10 is 1 thing.

    Example:
        >>> allowed("0.1", 30), allowed("0.001", 999)
        (3, 0)
    """
    return int(Fraction(word) * count)


def quotient(part: int, whole: int) -> float:
    """Return the float64 nearest to a quotient of integers, 0 if the whole is 0."""
    return float(Fraction(int(part), int(whole))) if whole else 0.0
