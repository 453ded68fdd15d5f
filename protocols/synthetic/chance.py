"""Random draws, sums and angles that are bit-identical on every machine and in every version of Python."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

from harness.basics.seeds import derive

Item = TypeVar("Item")

RADIANS = 0.017453292519943295
"""One degree."""


class Chance:
    """A stream of draws, named by a seed and words.

    Only ``random.Random.random`` is used: Python guarantees its sequence for a seed, but not that of other methods, and
    NumPy guarantees none.

    Example:
        >>> Chance(0, "paint", 7).below(10) == Chance(0, "paint", 7).below(10)
        True
    """

    def __init__(self, seed: int, *words: str | int) -> None:
        self._random = random.Random(derive(seed, *words)).random  # noqa: S311 - pictures, not secrets

    def between(self, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        return low + (high - low) * self._random()

    def below(self, count: int) -> int:
        """Return an integer from 0 to ``count - 1``."""
        return min(int(self._random() * count), count - 1)

    def within(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def happens(self, share: float) -> bool:
        """Return True with the probability ``share``."""
        return self._random() < share

    def one(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return ``count`` different items in the order drawn (Fisher and Yates, 1938)."""
        left = list(items)
        for place in range(count):
            other = place + self.below(len(left) - place)
            left[place], left[other] = left[other], left[place]
        return left[:count]


def total(values: Iterable[float]) -> float:
    """Return a sum that is rounded after every addition; the built-in ``sum`` compensates errors since Python 3.12.

    Example:
        >>> total([0.1] * 10)
        0.9999999999999999
    """
    found = 0.0
    for value in values:
        found += value
    return found


def direction(degrees: float) -> tuple[float, float]:
    """Return cosine and sine of an angle, from Taylor's series over at most 45 degrees.

    Those of the C library differ in the last bit between platforms; sums and products do not. The error is below 1e-15.

    Example:
        >>> direction(90.0)
        (0.0, 1.0)
    """
    quarter = round(degrees / 90.0)
    angle = (degrees - 90.0 * quarter) * RADIANS
    square = angle * angle
    sine = term = angle
    cosine = power = 1.0
    for step in range(1, 9):
        term = -term * square / ((2 * step) * (2 * step + 1))
        power = -power * square / ((2 * step - 1) * (2 * step))
        sine += term
        cosine += power
    turns = ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))
    return turns[quarter % 4]
